"""Header names of account statements in sheets, in many languages and scripts, by what their columns mean.

What may live here: names only, without case and accents, separated by bars; a new dialect is a name here. What is done
with them is in ``sheets``; marks, labels and months are in ``sheet_words``.
"""

from __future__ import annotations

from collections.abc import Mapping

from electra_kernel.formats.grids import plain


def _names(text: str) -> tuple[str, ...]:
    return tuple(plain(name) for name in text.split(" | "))


#: Header names by what the column means.
NAMES: Mapping[str, tuple[str, ...]] = {
    #: Names of ``booking`` and ``value`` prove a statement; ``date`` may be one.
    "booking": _names(
        "booking date | date booked | bookdate | posted date | posting date | post date | date posted | entry "
        "date | buchungstag | buchungsdatum | buchung | date comptable | date de comptabilisation | date "
        "operation | date d operation | date de l operation | date de operation | konyveles datuma | konyvelesi "
        "datum | konyveles napja | konyveles | konyvelve | fecha operacion | fecha contable | fecha de operacion "
        "| fecha de la operacion | f contable | f operacion | data contabile | data operazione | data "
        "registrazione | data di registrazione | boekdatum | boekingsdatum | data ksiegowania | data operacji | "
        "datum zauctovani | datum provedeni | datum operace | bokforingsdag | bokforingsdatum | bokford | "
        "bogforingsdato | bogfort | kirjauspaiva | kirjauspvm | transaktionsdag | data lancamento | data mov | "
        "data movimento | datum zauctovania | settled date | settlement date | date processed | processed date | "
        "processing date | completed date | date completed | clearing date | cleared date | booked at | booked "
        "date | booked on | date of posting | transaction post date | post dt | posting dt | txn posted date | "
        "datum verrekening | datum zuctovania | datum uctovani | datum odepsani | buchungs datum | gebucht am | "
        "belegdatum buchung | fecha de la cartera | fecha cargo | fecha contabilizacion | fecha mov | fecha "
        "movimiento | data lancto | data do lancamento | data movimentacao | data contabile operazione | data "
        "contabilizzazione | data cont | data knjizenja | datum knjizenja | datum knjizbe | datum obrade | data "
        "inregistrarii | data inregistrare | data procesarii | bokfoert | kirjauspaivamaara | tilausdatum | дата "
        "проводки | дата проведения | дата обработки операции | дата обработки | дата списания | дата зачисления "
        "| дата на осчетоводяване | дата на вальор | datum proknjizenja | islem tarihi | muhasebe tarihi | "
        "ημερομηνια λογιστικης εγγραφης | ημ νια λογιστικης | 记账日期 | 入账日期 | תאריך חיוב"
    ),
    "value": _names(
        "value date | wertstellungstag | valuta | valuta date | date valuta | valutadatum | wertstellung | "
        "wertstellungsdatum | valutadato | wert | valuta datum | date de valeur | date valeur | erteknap | "
        "valutanap | ertek nap | fecha valor | f valor | fecha de valor | data valuta | data di valuta | "
        "rentedatum | data waluty | datum valuty | valutadag | arvopaiva | data valor | interest date | effective "
        "date | value dt | rente datum | renteingangsdatum | teljesites datuma | valeur | value date time | "
        "valutad | data valute | datum valute | data valuty | datum valuty platby | f valor fecha | valuta fecha "
        "| date valor | valoer | vaerdidato | rentedag | valordato | тарих на вальор | дата валютирования | "
        "вальор | valor tarihi | ημερομηνια αξιας | ημερομηνια valeur | תאריך ערך | 起息日"
    ),
    "date": _names(
        "date | run date | transaction date | datum | data | fecha | dato | datetime | date time | tranzakcio "
        "datuma | tranzakcio idopontja | date de transaction | dag | transactiedatum | data transakcji | pvm | "
        "paivamaara | datum transakce | trans date | tran date | transaction dt | teljesites | umsatzdatum | "
        "started date | data da transacao | kuupaev | datums | transactiedag | tranzakcio napja | timestamp | "
        "transaction date time | fecha transaccion | data transazione | date started | created | created at | "
        "created on | create time | txn date | trn date | tx date | date of transaction | transaction time date | "
        "transacted on | trans dt | transaktionsdatum | kaufdatum | belegdatum | datum transakcije | datum "
        "transakcie | data tranzactiei | data tranzactie | data operacao | data transacao | data da operacao | "
        "data movimento conta | data e hora | data ora | data operazione contabile | fecha y hora | fecha op | "
        "datum verrichting | transaktionsdato | kobsdato | kopdatum | dato og tid | tapahtumapaiva | ostopaiva | "
        "tranzakcio ideje | vasarlas datuma | execution date | date executed | date d achat | date achat | date "
        "de la transaction | date transaction | дата | дата операции | дата совершения операции | дата транзакции "
        "| дата платежа | датум | дата документа | дата і час операціі | дата операціі | ημερομηνια | ημ νια | "
        "tarih | tarih saat | תאריך | תאריך עסקה | תאריך ביצוע | תאריך פעולה | 交易日期 | 交易时间 | 日期 | 日付 | 取引日 | 付款时间 "
        "| 交易创建时间 | data operacji transakcji | tranzactie data"
    ),
    "amount": _names(
        "amount | transaction amount | amt | net | net amount | amount total | betrag | umsatz | buchungsbetrag | "
        "montant | montant net | montant de l operation | osszeg | konyvelt osszeg | tranzakcio osszege | importe "
        "| importe movimiento | importo | bedrag | transactiebedrag | mutatie | mutatiebedrag | kwota | kwota "
        "operacji | kwota transakcji | castka | objem | suma | belopp | beloeb | belob | belop | maara | summa | "
        "valor | quantia | value | montante | amount in account currency | forgalom | terheles jovairas | umsatz "
        "in | betrag in | amount in | booked amount | iznos | znesek | ciastka | suma operacie | montant eur | "
        "montant de la transaction | amount local | amount billed | billing amount | billed amount | transaction "
        "amt | txn amount | trans amount | payment amount | total | total amount | saldo movimiento | valor r | "
        "valor lancamento | valor movimento | valor da transacao | valor operacao | valor em eur | quantia "
        "movimentada | importe operacion | importe eur | importe de la operacion | cantidad | monto | monto "
        "transaccion | importo operazione | importo movimento | importo in eur | ammontare | betrag in wahrung | "
        "buchungs betrag | umsatz in eur | bedrag bij af | transaktionsbelopp | belopp i sek | transaktionsbelob "
        "| belob i dkk | summa eur | maara eur | kwota w walucie rachunku | kwota operacji w walucie rachunku | "
        "zauctovana castka | castka v mene uctu | objem transakcie | castka transakce | suma transakcie | suma "
        "tranzactiei | suma tranzactie | suma in moneda contului | znesek v eur | iznos transakcije | tranzakcio "
        "osszeg | forgalom osszege | сумма | сумма операции | сумма платежа | сумма транзакции | сумма в валюте "
        "счета | сумма в валюте карты | сумма операции в валюте счета | сума | сума у валюті картки | износ | "
        "ποσο | ποσο συναλλαγης | tutar | islem tutari | סכום | סכום חיוב | 金额 | 交易金额 | 金額"
    ),
    "gross": _names("gross | brutto | gross amount"),
    "debit": _names(
        "debit | debits | debit amount | withdrawal | withdrawals | withdrawal amt | withdrawal amount | paid out "
        "| money out | out | soll | lastschrift | belastung | ausgaben | ausgang | debit eur | terheles | "
        "terheles osszege | terhelesek | kiadas | cargo | cargos | debe | addebito | addebiti | dare | uscite | "
        "af | uitgaven | obciazenia | obciazenie | wydatki | vydaje | debet | ut | payments | debits amount | "
        "debito | depenses | debit montant | withdraw | ausgaenge | na vrub | outflow | paid | out amount | "
        "amount out | money out amount | amount debit | amount debited | debited amount | withdrawal dr | "
        "withdrawals dr | debit amt | dr amount | dr amt | debit value | spent | spend | expense | expenses | "
        "charges amount debit | payments out | belastungen | belastung in chf | lastschriften | soll betrag | "
        "sollumsatz | ausgabe | abgang | debitos | cargos eur | importe cargo | retiro | retiros | egreso | "
        "egresos | saidas | saida | debitos r | uscita | addebiti eur | importo dare | uscite eur | importo "
        "addebito | debet bedrag | afschrijving | bedrag af | kwota obciazenia | obciazenia kwota | wydatek | "
        "vydaj | odchozi | isplata | isplate | zaduzenje | duguje | rashod | plata | plati | debit ron | suma "
        "debit | uttag | udbetaling | ut fra konto | ut av konto | panot | debet kwota | расход | списание | "
        "дебет | списано | сумма списания | сумма по дебету | дебит | χρεωση | χρεωσεις | borc | cikan tutar | "
        "cekilen | חובה | 支出 | 支出金额 | 出金 | お支払金額"
    ),
    "credit": _names(
        "credit | credits | credit amount | deposit | deposits | deposit amt | deposit amount | paid in | money "
        "in | in | haben | gutschrift | einnahmen | eingang | jovairas | jovairas osszege | bevetel | jovairasok "
        "| abono | abonos | haber | accredito | accrediti | avere | entrate | bij | inkomsten | uznania | uznanie "
        "| wplywy | prijmy | kredit | receipts | credito | recettes | ve prospech | inflow | received | in amount "
        "| money in amount | amount credit | amount credited | credited amount | deposit cr | deposits cr | "
        "credit amt | cr amount | cr amt | credit value | payments in | income | gutschriften | gutschrift in chf "
        "| haben betrag | habenumsatz | einnahme | zugang | creditos | abonos eur | importe abono | deposito | "
        "depositos | ingreso | ingresos | entradas | entrada | creditos r | entrata | accrediti eur | importo "
        "avere | entrate eur | importo accredito | credit bedrag | bijschrijving | bedrag bij | kwota uznania | "
        "uznania kwota | wplyw | prijem | prichozi | uplata | uplate | odobrenje | potrazuje | prihod | incasari "
        "| credit ron | suma credit | insattning | indbetaling | inn pa konto | panot hyvitys | приход | "
        "зачисление | кредит | зачислено | сумма зачисления | сумма по кредиту | πιστωση | πιστωσεις | alacak | "
        "giren tutar | yatan | זכות | 收入 | 收入金额 | 入金 | お預り金額"
    ),
    "sign": _names(
        "credit debit | debit credit | dc | cd | d c | c d | d k | dr cr | cr dr | debit or credit | credit or "
        "debit | creditdebet | credit debet | debet credit | debit credit indicator | transaction type | credit "
        "debit indicator | af bij | bij af | soll haben | s h | sh kennzeichen | soll haben kennzeichen | t j | t "
        "k | j t | tartozik kovetel | sens | debe haber | segno | strona | dc indicator | sign | indicator | "
        "terheles vagy jovairas | jelleg | irany | direction | debit credit code | mouvement | debit or credit "
        "code | credit debit code | type of transaction dr cr | dr or cr | cr or dr | drcr | crdr | dbcr | cdi | "
        "debit credit flag | d h | h d | s h kz | ha ben soll | soll oder haben | bevetel kiadas | d k oznaczenie "
        "| in out | inflow outflow | entree sortie | addebito accredito | cargo abono | debito credito | natureza "
        "| c d indicador | sentido | дебет кредит | тип движения | приход расход | д к | ba | b a | 收支 | 收 支 | "
        "收付标志"
    ),
    "balance": _names(
        "balance | running balance | runningbalance | account balance | available balance | cash balance | net "
        "cash balance | balance after | balance after transaction | ledger balance | closing balance | kontostand "
        "| saldo | saldo nach buchung | saldo danach | solde | egyenleg | konyvelt egyenleg | szamlaegyenleg | uj "
        "egyenleg | saldo posterior | saldo contabile | saldo na mutatie | saldo po operacji | saldo po "
        "transakcji | zustatek | zostatok | saldo efter | bokfort saldo | balance eur | eindsaldo | saldo after | "
        "saldo disponible | saldo przed | stav | resulting balance | saldo apos | boeksaldo | balance after "
        "booking | running bal | running total | bal | closing bal | account balance after | balance amt | book "
        "balance | current balance | ending balance amount | solde apres operation | solde eur | solde courant | "
        "solde du compte | saldo eur | saldo r | saldo contabilistico | saldo apos movimento | saldo progressivo "
        "| saldo disponible eur | saldo final movimiento | saldo despues | saldo tras operacion | saldo na trn | "
        "saldo na transactie | saldo na boeking | nieuw saldo | kontosaldo | kontostand nach buchung | konto "
        "saldo | saldo in chf | saldo in eur | saldo konta | saldo rachunku | saldo ksiegowe | zustatek po "
        "operaci | zustatek na uctu | zostatok na ucte | stanje | novo stanje | stanje racuna | sold | sold final "
        "| sold disponibil | saldo etter | disponibel saldo | bokfoert saldo | tilin saldo | jaak | atlikums | "
        "likutis | egyenleg osszege | szamlaegyenleg osszege | остаток | остаток на счете | баланс | залишок | "
        "салдо | υπολοιπο | λογιστικο υπολοιπο | bakiye | יתרה | 余额 | 账户余额 | 残高 | 差引残高"
    ),
    "currency": _names(
        "currency | валута | ccy | currency code | account currency | wahrung | waehrung | devise | deviza | devizanem | "
        "penznem | moneda | divisa | muntsoort | munt | valutacode | waluta | mena | valiuta | valuuta | cur | "
        "curr | moeda | valuta kod | kontowahrung | szamla devizaneme | ccy code | currency iso | iso currency | "
        "payment currency | billing currency | transaction currency code | buchungswahrung | kontowaehrung | "
        "waehrungscode | devise du compte | devise compte | moneda cuenta | divisa cuenta | munteenheid | valuta "
        "transazione | waluta rachunku | waluta operacji | mena uctu | mena transakcie | valuta racuna | moneda "
        "contului | tranzakcio devizaneme | konyveles devizaneme | валюта | валюта операции | валюта счета | "
        "валюта карты | νομισμα | para birimi | doviz | מטבע | 币种 | 通貨"
    ),
    "account": _names(
        "account number | own account | account iban | from account | kontonummer | konto | kontonr | "
        "auftragskonto | iban auftragskonto | numero de compte | compte | szamlaszam | sajat szamlaszam | "
        "konyvelt szamla | szamla | cuenta | numero de cuenta | conto | rekening | rekeningnummer | eigen "
        "rekening | numer rachunku | rachunek | cislo uctu | saskaitos nr | clearingnummer | kontonamn | account "
        "name | eigene iban | account no | acct | acct no | account id | iban bban | card no | cardid | card "
        "number | card used for transaction | sajat szamla | szamla szama | bankszamlaszam | ucet | vlastni ucet "
        "| num conta | rekening iban | eigen rekeningnummer | iban eigen rekening | compte iban | numero compte | "
        "iban du compte | iban konto | kontobezeichnung | iban kontoinhaber | auftraggeberkonto | iban "
        "auftraggeberkonto | product account | cuenta iban | iban cuenta | numero cuenta | conto corrente | iban "
        "conto | rapporto | rachunek zleceniodawcy | nr rachunku | moj ucet | cislo mojho uctu | iban ucet | broj "
        "racuna | racun | contul | cont iban | numar cont | kontonavn | kontonummer eget | tilinumero | konto nr "
        "| saskaita | konta numurs | номер счета | счет | номер карты | рахунок | сметка | λογαριασμος | αριθμος "
        "λογαριασμου | hesap no | hesap | iban no | חשבון | 账号 | 卡号"
    ),
    #: An account of which the header does not say whose it is.
    "some_account": _names("account | iban | bankszamla | bank account | iban number | account iban number"),
    "name": _names(
        "name | counterparty | counterparty name | partner | partner name | partnername | naam omschrijving | "
        "naam | name of counterparty | auftraggeber empfanger | beguenstigter zahlungspflichtiger | empfanger "
        "auftraggeber | begunstigter zahlungspflichtiger | name zahlungsbeteiligter | beguenstigter auftraggeber "
        "| merchantname | auftraggeber begunstigter | nom | contrepartie | tiers | nom du tiers | nev | partner "
        "neve | partner nev | ellenoldali nev | ellenoldal neve | partner megnevezese | contraparte | controparte "
        "| tegenpartij | tegenrekeninghouder | naam tegenpartij | naam tegenrekening | nazwa kontrahenta | "
        "kontrahent | nadawca odbiorca | nazev protiuctu | nazev protistrany | nazov protistrany | motpart | "
        "mottagare avsandare | saaja maksaja | other party | payee payer | payer payee | merchant | merchant name "
        "| gavejas | dane kontrahenta | beneficiary originator | originator beneficiary | counter party | nom "
        "contrepartie | beneficiario ordenante | benef ord | ordinante beneficiario | saksaja | saaja | "
        "counterparty holder | counterpart name | counterpart | contra account name | contra name | other party "
        "name | third party | third party name | merchant description | vendor | store | shop | naam ontvanger | "
        "tegenpartij naam | naam van de tegenpartij | counteraccount name | contra party | nom tegenpartij | nom "
        "de la contrepartie | nom contrepartie contenu | nom du beneficiaire donneur d ordre | beneficiario o "
        "emisor | ordenante beneficiario | remitente o beneficiario | nombre | titular | beneficiario emittente | "
        "controparte nome | nominativo | auftraggeber empfaenger | empfaenger | empfaenger auftraggeber | name "
        "des partners | zahlungspflichtiger empfanger | beguenstigter | gegenpartei | kontrahent nazwa | nazwa "
        "odbiorcy nadawcy | nadawca odbiorca nazwa | nazev uctu protistrany | nazov protiuctu | jmeno protistrany "
        "| protistrana nazev | partner nazov | naziv partnera | primatelj platitelj | naziv primatelja | ime "
        "nasprotne stranke | nume beneficiar ordonator | beneficiar ordonator | mottagare betalare | afsender "
        "modtager | navn | vastaanottaja maksaja | saaja maksaja nimi | контрагент | наименование контрагента | "
        "получатель плательщик | мерчант | αντισυμβαλλομενος | karsi taraf | 交易对方 | 对方户名 | 对方名称 | 商户名称 | שם בית "
        "העסק | שם בית עסק"
    ),
    "payer": _names(
        "payer | payer name | debtor | debtor name | from | auftraggeber | zahlungspflichtiger | donneur d ordre "
        "| fizeto | ordenante | ordinante | nadawca | maksaja | avsandare | originator | sender | fizeto neve | "
        "payers name | paying party | auftraggebername | zahler | einzahler | payeur | emetteur | mittente | "
        "pagador | betaler | naam betaler | platce | platitelj | platitor | ordonator | betalare | avsender | "
        "maksaja nimi | плательщик | наименование плательщика | отправитель | 付款人"
    ),
    "payee": _names(
        "payee | payee name | creditor | creditor name | to | beneficiary | beneficiary name | empfanger | "
        "begunstigter | zahlungsempfanger | beneficiaire | kedvezmenyezett | kedvezmenyezett neve | beneficiario "
        "| odbiorca | mottagare | recipient | begunstigde | receiver | payees name | receiving party | "
        "empfangername | zahlungsempfaenger | destinataire | destinatario | ontvanger | naam begunstigde | "
        "prijemca | primatelj | beneficiar | betalningsmottagare | modtager | saajan nimi | получатель | "
        "наименование получателя | бенефициар | 收款人"
    ),
    "payer_account": _names(
        "debtor account | debtor iban | payer account | payer iban | payer account number | auftraggeber iban | "
        "auftraggeber iban kto nr | iban auftraggeber | debtor account number | iban payeur | rekening betaler"
    ),
    "payee_account": _names(
        "creditor account | creditor iban | payee account | payee account number | payee iban | recipient account "
        "| recipient iban | empfanger iban kto nr | empfaenger iban | iban ontvanger | iban du destinataire"
    ),
    "other_account": _names(
        "counterparty account | counterparty iban | counter account | partner iban | partner account | iban "
        "partner | counterparty account number | beneficiary account | beneficiary iban | kontonummer iban | "
        "gegenkonto | iban zahlungsbeteiligter | kontonummer zahlungsbeteiligter | iban des partners | gegenkonto "
        "iban | compte contrepartie | iban contrepartie | ellenszamla | ellenoldali szamlaszam | partner "
        "szamlaszama | partner szamlaszam | ellenszamlaszam | partner bankszamlaszama | cuenta contraparte | iban "
        "controparte | tegenrekening | tegenrekeningnummer | tegenrekening iban | rachunek kontrahenta | rachunek "
        "przeciwstawny | nr rachunku kontrahenta | protiucet | cislo protiuctu | protistrana | motkonto | "
        "tegenpartij iban | iban tegenpartij | counterparty number | tegenrekening iban bban | nr konta | saaja "
        "maksaja iban | konto odbiorcy | iban ben | counterparty bank account | counter party account | contra "
        "account | contra account number | contra iban | other account | other party account | related account | "
        "bank account details | bankovni spojeni | rekeningnummer tegenpartij | rekening tegenpartij | "
        "tegenpartij rekening | tegenpartijrekening | tegenrekening nummer | compte de la contrepartie | compte "
        "tiers | numero de compte de la contrepartie | iban de la contrepartie | iban gegenkonto | kontonummer "
        "gegenpartei | gegenkontonummer | partnerkonto | kontonummer empfanger | cuenta destino | cuenta de "
        "destino | conto controparte | nr rachunku odbiorcy nadawcy | numer rachunku kontrahenta | numer konta | "
        "rachunek odbiorcy nadawcy | ucet protistrany | cislo uctu protistrany | protiucet cislo uctu | ucet "
        "protistrany iban | iban protiuctu | cislo protiucet | cislo protiucta | ucet partnera | racun primatelja "
        "platitelja | iban partnera | cont beneficiar ordonator | iban beneficiar ordonator | modtagerkonto | "
        "motpartskonto | konto saaja maksaja | saaja tilinumero | счет контрагента | счет получателя | 对方账号 | "
        "对方账户"
    ),
    "other_bic": _names(
        "bic | counterparty bic | bic swift | swift | bic swift code | blz | bic tegenpartij | bank code | bic "
        "swift code zahlungsbeteiligter | bic zahlungsbeteiligter | kod banku | kod banky | partner bic | bank "
        "bic | bic contrepartie | bank sort code | sort code | counterparty bank | counterparty bank code | "
        "bankleitzahl | bic der gegenpartei | bic des partners | bic controparte | banka protistrany | kod banky "
        "protiuctu | kod banky protistrany | bank partnera | partner bank bic | бик"
    ),
    "address": _names(
        "address | adresse | adres | cim | direccion | indirizzo | counterparty address | partner cime | adres "
        "tegenpartij | adresse contrepartie | merchant address | partner adresse"
    ),
    "remittance": _names(
        "description | zweck | remittance | remittance information | details | payment details | transaction details | "
        "text | memo | narrative | narration | particulars | note | notes | message | payment reference | desc | "
        "verwendungszweck | buchungsdetails | vorgang verwendungszweck | zahlungsgrund | libelle | motif | "
        "communication | communications | detail | intitule | remarque | kozlemeny | megjegyzes | leiras | "
        "tranzakcio leirasa | megnevezes | concepto | observaciones | descripcion | descrizione | causale | "
        "descrizione operazione | omschrijving | mededelingen | mededeling | opis | opis operacji | tytul | "
        "tytulem | opis transakcji | popis | zprava pro prijemce | zprava | poznamka | sprava pre prijemcu | "
        "rubrik | beskrivning | meddelande | tekst | viesti | selite | paaiskinimai | purpose | reason | original "
        "description | transaction description | descricao | selgitus | additional description | memodet | "
        "omschrijving 1 | omschrijving 2 | omschrijving 3 | narrative 1 | narrative 2 | reference text | vwz1 | "
        "vwz2 | vwz3 | vwz4 | vwz5 | vwz6 | vwz7 | vwz8 | vwz9 | vwz10 | vwz11 | vwz12 | vwz13 | vwz14 | "
        "verwendungszweck zeile 1 | verwendungszweck zeile 2 | verwendungszweck zeile 3 | verwendungszweck zeile "
        "4 | verwendungszweck zeile 5 | verwendungszweck zeile 6 | verwendungszweck zeile 7 | verwendungszweck "
        "zeile 8 | verwendungszweck zeile 9 | verwendungszweck zeile 10 | verwendungszweck zeile 11 | "
        "verwendungszweck zeile 12 | verwendungszweck zeile 13 | verwendungszweck zeile 14 | label | libelle "
        "operation | libelle de l operation | libelle simplifie | libelle court | libelle complet | detail de l "
        "ecriture | details de l operation | description operation | designation | nature de l operation | "
        "informations complementaires | informations | info | information | additional information | additional "
        "info | additional details | transaction detail | transaction narrative | transaction remarks | remarks | "
        "remark | comment | comments | user comment | message for payee | message for recipient | message to "
        "payee | message for me | message to recipient | reference message | statement description | long "
        "description | short description | full description | extended description | extended details | custom "
        "name | item | item description | event | activity | buchungsinformation | buchungsinformationen | "
        "buchungsinfo | textschlussel | umsatztext | umsatzbeschreibung | beschreibung | transaktionsbeschreibung "
        "| transaktionsbeschreibung zusatz | zahlungsreferenz text | mitteilung | mitteilungen | nachricht | "
        "notiz | avisierungstext | kommentar | details zum zahlungszweck | vrije mededeling | gratis mededeling | "
        "toelichting | omschrijving transactie | details van de transactie | detail de la transaction | "
        "communication structuree libre | concepto ampliado | mas datos | detalle | detalles | movimiento | "
        "operacion | comercio | referencia concepto | descripcion operacion | descripcion ampliada | glosa | "
        "historico | historico complementar | descritivo | descricao do movimento | descricao movimento | "
        "lancamento | detalhe | titulo | title | descrizione operazioni | descrizione completa | descrizione "
        "estesa | descrizione movimento | dettagli | dettaglio | note operazione | causale descrizione | motivo | "
        "oggetto | tytul operacji | opis transakcji szczegoly | opis operacji szczegoly | szczegoly transakcji | "
        "szczegoly | popis transakce | popis operacie | poznamka pro me | zprava pro me | zprava pro mne | "
        "oznaceni operace | detail transakce | doplnujuci udaj | informacia pre prijemcu | opis placanja | opis "
        "transakcije | svrha placanja | namen | namen placila | detalii | detalii tranzactie | descriere | "
        "explicatii | descrierea tranzactiei | meddelelse | melding | beskrivelse | forklaring | transaktionstext "
        "| specifikation | referens meddelande | selite viesti | viesti saajalle | tapahtuma | kuvaus | selgitus "
        "makse | maksajums merkis | informacija | tranzakcio reszletei | kozlemeny 1 | forgalom leirasa | "
        "reszletek | megnevezes leiras | описание | описание операции | назначение платежа | назначение | "
        "примечание | комментарии | деталі операціі | опис | основание | описание на трансакцията | περιγραφη | "
        "αιτιολογια | aciklama | islem aciklamasi | תיאור | תיאור פעולה | פרטים | אסמכתא תיאור | 摘要 | 交易说明 | 商品说明 "
        "| 商品名称 | 商品 | 备注 | 摘 要 | 内容 | お取引内容"
    ),
    "bank_reference": _names(
        "bank reference | transaction id | transactionid | transaction reference | transaction number | id | "
        "buchungsreferenz | bankreferenz | reference operation | reference banque | banki hivatkozas | banki "
        "referencia | tranzakcio azonosito | tranzakcioazonosito | tranzakcio azonositoja | transactiereferentie "
        "| numer transakcji | id transakce | id operace | id pohybu | verifikationsnummer | referenznummer | "
        "iraso nr | fitid | id transakcji | arkivointitunnus | archive id | volgnr | nr ref banku | ref no | "
        "transactie id | utr | trn | row | order id | reference id | transaction no | transaction nr | "
        "transaction ref | transaction ref no | transaction reference number | reference no | reference code | "
        "txn id | tx id | txn ref no | record id | entry id | entry number | booking id | booking reference | "
        "unique id | external id | operation id | operation number | operation no | numero operation | reference "
        "de l operation | identifiant | id operation | identificador | numero de operacion | id transaccion | num "
        "operacion | codice transazione | id transazione | numero transazione | cro | trn id | transaktions id | "
        "transaktionsnummer | transaktionsid | umsatz id | buchungsnummer | transactienummer | volgnummer | nr "
        "transakcji | nr operacji | referencni cislo | referencni cislo transakce | referencia transakcie | id "
        "transakcie | id tranzactie | referinta | referinta tranzactiei | broj transakcije | broj naloga | "
        "arkistointitunnus | megbizas azonosito | tranzakcio sorszama | номер операции | код операции | референс "
        "| референс проводки | номер документа | 交易流水号 | 流水号 | 交易单号 | 交易号 | 交易订单号 | islem no | referans | fis no "
        "| אסמכתא | id movimento | numero movimento | transferwise id"
    ),
    "entry_reference": _names(
        "reference | ref | referenz | kundenreferenz | customer reference | client reference | your reference | "
        "hivatkozas | ugyfel hivatkozas | referencia | referenza | referentie | kenmerk | referencja | num | "
        "check number | checknumber | cheque number | check or slip | check | chq ref no | document number | dok "
        "nr | viite | referens | reference number | ref client | kundenreferenz end to end | number | chq no | "
        "check no | cheque no | cheque ref | cheque | chq | chq no ref no | instrument no | doc no | document | "
        "document no | num doc | no document | numero documento | numero do documento | doc | nr dokumentu | "
        "cislo dokladu | belegnummer | beleg nr | statement number | customer ref | own reference | payer "
        "reference | payment ref | ref number | numero de piece | num cheque | no cheque | piece | bilagsnummer | "
        "verifikation | merchant order id | 商户单号 | 商家订单号 | slip no"
    ),
    "structured_reference": _names(
        "structured reference | creditor reference | variabilni symbol | vs | variabilny symbol | gestructureerde "
        "mededeling | communication structuree | structured communication | variable symbol | variable symbol 1 | "
        "variabilni symbol 1 | qr referenz | referenznummer strukturiert | viitenumero | viitenumber | kid | ocr "
        "| poziv na broj | poziv na broj odobrenja"
    ),
    "end_to_end_id": _names(
        "end to end id | endtoendid | end to end reference | sepa reference | e2e reference | endtoend | end to "
        "end identification | end to end | eref | end to end id payment | e2e | referencia end to end | "
        "identificativo end to end"
    ),
    "mandate_id": _names(
        "mandate id | mandate reference | mandatsreferenz | mandaatkenmerk | machtigingsnummer | "
        "machtigingskenmerk | mandate identification | reference mandat | mandate | mref | mandat | mandatsref | "
        "mandate ref | reference du mandat | kenmerk machtiging | mandaatreferentie"
    ),
    "creditor_id": _names(
        "creditor id | creditor identifier | glaubiger id | glaubiger identifikation | incassant id | cred | "
        "creditor reference id | glaeubiger id | glaubigeridentifikation | ics | incassant | identifiant "
        "creancier"
    ),
    "proprietary_code": _names(
        "type | code | transaction code | transaction type code | buchungstext | buchungsart | umsatzart | "
        "vorgang | posting text | posting key | type d operation | type operation | tranzakcio tipusa | tipus | "
        "forgalom tipusa | tipo | tipo de operacion | tipo operazione | mutatiesoort | betaalwijze | rodzaj "
        "transakcji | typ operace | typ transakce | transaktionstyp | action | transaction | typ | type betaling "
        "| jogcim | class | kodas | tranzakcio jellege | typ operacji | rodzaj operacji | kod | boekingscode | "
        "transaction sub type | category type | operation type | type of operation | type of transaction | "
        "payment type | payment method | booking type | booking text | geschaftsvorgang | geschaeftsvorfall | gvc "
        "| transaktionsart | umsatzart code | zahlungsart | type de transaction | type d ecriture | mode de "
        "paiement | nature | tipo movimiento | tipo de movimiento | tipo movimento | tipo de transacao | tipo "
        "transazione | causale abi | soort | soort transactie | soort verrichting | type transactie | type "
        "verrichting | typ transakcji | kategoria operacji | druh transakce | druh platby | kategorie transakce | "
        "typ pohybu | druh operacie | tip tranzactie | tip tranzactiei | tip transakcije | vrsta transakcije | "
        "transaktionstype | tapahtumalaji | laji | transaction kind | forgalom jogcime | тип операции | вид "
        "операции | мсс | mcc | islem tipi | 交易类型 | 交易方式 | 类型 | סוג פעולה | סוג תנועה"
    ),
    "status": _names(
        "status | state | allapot | statetype | estado | stato | etat | statut | stan | stav transakce | "
        "transaction status | payment status | booking status | buchungsstatus | zustand | estado operacion | "
        "situacao | stato operazione | status transakcji | stav platby | stare | stav operace | statusas | tila | "
        "статус | статус операции | состояние | durum | סטטוס | 状态 | 交易状态 | 当前状态"
    ),
    "original_amount": _names(
        "original amount | originalamount | foreign amount | originalbetrag | eredeti osszeg | montant d origine "
        "| betrag in fremdwahrung | transaction currency amount | ursprungsbetrag | amount in foreign currency | "
        "amount currency | local amount | transaction amount original | amount original | orig amount | foreign "
        "currency amount | fx amount | betrag fremdwahrung | fremdwahrungsbetrag | betrag originalwahrung | "
        "betrag ursprungswahrung | montant en devise | montant devise | montant devise d origine | importe "
        "original | importe divisa | importe en divisa | importo in divisa | importo originale | importo valuta | "
        "bedrag in vreemde munt | bedrag vreemde valuta | kwota w walucie | kwota oryginalna | kwota operacji w "
        "walucie | originalni castka | puvodni castka | castka v cizi mene | puvodna suma | suma originala | "
        "originalbelopp | utlandskt belopp | belopp i utlandsk valuta | сумма в валюте операции | сумма в валюте "
        "транзакции | tranzakcio eredeti osszege | סכום עסקה | סכום עסקה מקורי"
    ),
    "original_currency": _names(
        "original currency | originalcurrency | foreign currency | originalwahrung | eredeti deviza | eredeti "
        "penznem | type foreign currency | ursprungswahrung | transaction currency | local currency | original "
        "currency code | orig currency | fx currency | fremdwahrung | wahrung original | ursprungswaehrung | "
        "devise d origine | devise origine | divisa original | moneda original | valuta originale | divisa "
        "origine | vreemde munt | waluta oryginalna | puvodni mena | mena puvodni | moneda originala | "
        "originalvaluta | валюта транзакции | tranzakcio eredeti devizaneme | מטבע מקור | מטבע עסקה"
    ),
    "exchange_rate": _names(
        "exchange rate | rate | kurs | wechselkurs | umrechnungskurs | arfolyam | wisselkoers | fx rate | "
        "conversion rate | currency rate | fx | kurz | kurs waluty | smenny kurz | tasso di cambio | cambio | "
        "tipo de cambio | taux de change | taux | cours | koers | vaxelkurs | valutakurs | vekslingskurs | kurss "
        "| curs | curs valutar | tecaj | atvaltasi arfolyam | курс | курс валюты | курс конвертации | kur"
    ),
    "charges": _names(
        "fee | fees | charges | commission | amount fee | gebuhr | gebuhren | frais | dij | jutalek | koltseg | "
        "kosten | prowizja | poplatek | avgift | fees comm | fee amount | transaction fee | bank fee | total fees "
        "| commissions | comision | comisiones | commissioni | commissione | kosten op verrichting | entgelt | "
        "spesen | poplatky | comision lei | provizija | dijak | dij osszege | комиссия | такса | komisyon | "
        "masraf | 手续费 | עמלה"
    ),
    #: Columns that are known and add nothing to what the ledger says.
    "time": _names(
        "time | tijd | uhrzeit | heure | hora | ora | ido | cas | timezone | time zone | transaction time | "
        "transaction hour | booking time | heure operation | tranzakcio idopont ora | время | время операции | "
        "saat | שעה | cas transakce"
    ),
    "securities": _names(
        "shares | total shares | quantity | symbol | isin | fund | shares total | ticker | isin code | security | "
        "security name | security type | instrument | fund name | fund account | number of shares | qty | ticker "
        "symbol | cusip"
    ),
}
FIELD_OF: Mapping[str, str] = {name: key for key, names in NAMES.items() for name in names}
