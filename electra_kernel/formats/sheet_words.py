"""Words of account statements in sheets: marks of debit and credit, labels, currencies, months, in many languages.

What may live here: words only, as ``grids.plain`` has them (no case, accents, punctuation); what is done with them is
in ``sheets``. Header names are in ``sheet_names``.
"""

from __future__ import annotations

from collections.abc import Mapping

from electra_kernel.formats.grids import plain
from electra_kernel.formats.sheet_names import NAMES

#: Marks of a row: which way the money went.
DEBITS = frozenset(
    (
        *("d", "dbit", "debit", "dr", "db", "deb", "debet", "af", "s", "soll", "t", "terheles", "tartozik", "addebito"),
        *("cargo", "debito", "uit", "out", "obciazenie", "wydatek", "minus", "withdrawal", "dare", "u", "na vrub"),
        *(
            "belastung",
            "outgoing",
            "expense",
            "kiadas",
            "outflow",
            "debits",
            "money out",
            "paid out",
            "sortie",
            "egreso",
        ),
        *("salida", "saida", "uscita", "ausgabe", "ausgang", "lastschrift", "vydaj", "rashod", "isplata", "uttag"),
        *(plain(word) for word in ("расход", "списание", "дебет", "支出", "支", "借", "חובה", "χρεωση", "borc")),
    )
)
CREDITS = frozenset(
    (
        *(
            "c",
            "crdt",
            "credit",
            "cr",
            "cred",
            "kredit",
            "bij",
            "h",
            "haben",
            "j",
            "k",
            "jovairas",
            "kovetel",
            "accredito",
        ),
        *("abono", "credito", "in", "uznanie", "wplyw", "plus", "deposit", "avere", "i", "ve prospech", "gutschrift"),
        *("incoming", "income", "bevetel", "inflow", "credits", "money in", "paid in", "entree", "ingreso", "entrada"),
        *("entrata", "einnahme", "eingang", "prijem", "prihod", "uplata", "insattning"),
        *(
            plain(word)
            for word in ("приход", "зачисление", "кредит", "поступление", "收入", "收", "贷", "זכות", "alacak")
        ),
    )
)

PENDING = frozenset(
    (
        *("authorized", "authorised", "authorisation", "reserved", "reservation", "in progress", "processing", "hold"),
        *("reserveret", "reserverat", "reservation", "zadrzano", "nezauctovano", "blokace", "rezervacia", "in attesa"),
        *(
            "non contabilizzato",
            "da contabilizzare",
            "pendente",
            "in asteptare",
            "oczekujaca",
            "zablokowane",
            "not posted",
        ),
        *(plain(word) for word in ("в обработке", "не обработана", "ожидание", "холд")),
        *("pending", "vorgemerkt", "vorgemerkte", "fuggo", "en attente", "pendiente", "in behandeling", "pndg"),
    )
)
#: Rows that never became bookings.
NOT_BOOKED = frozenset(
    (
        "declined",
        "failed",
        "cancelled",
        "canceled",
        "denied",
        "expired",
        "rejected",
        "elutasitva",
        "torolve",
        "abgelehnt",
    )
)

#: First words of rows that sum up.
SUMS = (
    *("totals", "grand total", "total debits", "total credits", "summe umsatze", "sum total", "page total", "ukupno"),
    *("total geral", "totales", "totali", "yhteensa", "i alt", "spolu", "skupaj", "kokku", "kopa", "is viso", "toplam"),
    *(plain(word) for word in ("итого", "всего", "разом", "общо", "合计", "总计", "סה כ")),
    *("total", "subtotal", "sum", "summe", "gesamt", "osszesen", "mindosszesen", "totaal", "totale", "totaux", "razem"),
    *("celkem", "suma", "apyvarta", "turnover", "umsatze", "forgalom osszesen", "number of", "anzahl", "end of"),
)
OPENINGS = (
    *("opening bal", "balance b f", "balance bf", "b f", "brought forward", "previous balance", "starting balance"),
    *("balance at start of period", "beginning bal", "saldo anterior", "saldo precedente", "saldo inicial periodo"),
    *(
        "saldo initial",
        "solde precedent",
        "solde debut de periode",
        "solde anterieur",
        "anfangsbestand",
        "saldovortrag",
    ),
    *(
        "kontostand am anfang",
        "vorheriger saldo",
        "begin saldo",
        "vorig saldo",
        "oud saldo",
        "sold initial",
        "stanje pred",
    ),
    *(
        "pociatocny zostatok",
        "pocatecni stav",
        "predchozi zustatek",
        "prethodno stanje",
        "alkusaldo",
        "inngaende saldo",
    ),
    *("primosaldo", "nyitoegyenleg osszege", "nyito konyvelt egyenleg", "saldo iniziale contabile", "saldo initiala"),
    *(
        plain(word)
        for word in ("входящий остаток", "остаток на начало", "начальный остаток", "начално салдо", "期初余额")
    ),
    *(
        "opening balance",
        "beginning balance",
        "balance brought forward",
        "anfangssaldo",
        "eroffnungssaldo",
        "alter saldo",
    ),
    *(
        "alter kontostand",
        "nyito egyenleg",
        "nyitoegyenleg",
        "solde initial",
        "saldo inicial",
        "saldo iniziale",
        "beginsaldo",
    ),
    *("saldo poczatkowe", "pocatecni zustatek", "ingaende saldo", "likutis pradziai", "start balance", "ancien solde"),
)
CLOSINGS = (
    *("closing bal", "balance c f", "balance cf", "c f", "carried forward", "new balance", "final balance"),
    *("balance at end of period", "ending bal", "saldo final periodo", "solde fin de periode", "schlussbestand"),
    *(
        "kontostand am ende",
        "endsaldo neu",
        "eind saldo",
        "nieuw saldo",
        "sold final",
        "konecny zostatok",
        "konecny stav",
    ),
    *(
        "novo stanje",
        "loppusaldo",
        "ultimosaldo",
        "zaro konyvelt egyenleg",
        "saldo finale contabile",
        "saldo contabile finale",
    ),
    *(
        plain(word)
        for word in ("исходящий остаток", "остаток на конец", "конечный остаток", "крайно салдо", "期末余额")
    ),
    *("closing balance", "ending balance", "balance carried forward", "endsaldo", "schlusssaldo", "neuer saldo"),
    *("neuer kontostand", "zaro egyenleg", "zaroegyenleg", "solde final", "saldo final", "saldo finale", "eindsaldo"),
    *("saldo koncowe", "konecny zustatek", "utgaende saldo", "likutis pabaigai", "end balance", "nouveau solde"),
)
#: Labels of the rows above the header.
ACCOUNT_LABELS = frozenset(
    (
        *(
            "account details for",
            "account nr",
            "acc no",
            "acct no",
            "a c no",
            "kontonummer iban",
            "iban konto",
            "konto iban",
        ),
        *(
            "iban number",
            "numero de cuenta iban",
            "no de compte",
            "compte n",
            "rekening nummer",
            "tilinumero",
            "kontonummer bic",
        ),
        *(
            "broj racuna",
            "cislo uctu iban",
            "cislo uctu kod banky",
            "bankszamla szama",
            "sajat szamlaszam",
            "szamla szama",
        ),
        *(
            "cont",
            "numar cont",
            "cod iban",
            "numero de conta",
            "conta",
            "numero conto corrente",
            "conto corrente",
            "rapporto",
        ),
        *(
            plain(word)
            for word in ("номер счета", "счет", "счёт", "рахунок", "сметка", "账号", "账户", "מספר חשבון", "חשבון")
        ),
        *(
            "account",
            "account number",
            "account no",
            "iban",
            "konto",
            "kontonummer",
            "compte",
            "numero de compte",
            "szamlaszam",
        ),
        *(
            "bankszamlaszam",
            "cuenta",
            "numero de cuenta",
            "conto",
            "rekening",
            "rekeningnummer",
            "numer rachunku",
            "cislo uctu",
        ),
        *("credit card number", "card number", "szamla", "numero conto", "ucet", "rachunek", "kontonr"),
    )
)
CURRENCY_LABELS = frozenset((*NAMES["currency"], "valuta"))
#: Signs and abbreviations beside amounts: those that stand for one currency, and (empty) those that stand for several.
SYMBOLS: Mapping[str, str] = (
    {"€": "EUR", "EURO": "EUR", "US$": "USD", "USD$": "USD", "£": "GBP", "A$": "AUD", "AU$": "AUD", "C$": "CAD"}
    | {
        "CA$": "CAD",
        "NZ$": "NZD",
        "S$": "SGD",
        "HK$": "HKD",
        "R$": "BRL",
        "RM": "MYR",
        "₹": "INR",
        "₪": "ILS",
        "₺": "TRY",
    }
    | {
        "Ft": "HUF",
        "ft": "HUF",
        "FT": "HUF",
        "zł": "PLN",
        "ZŁ": "PLN",
        "zl": "PLN",
        "Kč": "CZK",
        "KČ": "CZK",
        "kč": "CZK",
    }
    | {
        "₽": "RUB",
        "руб": "RUB",
        "р": "RUB",
        "RUR": "RUB",
        "₴": "UAH",
        "грн": "UAH",
        "лв": "BGN",
        "lei": "RON",
        "LEI": "RON",
    }
    | {"₩": "KRW", "₫": "VND", "฿": "THB", "₱": "PHP", "₦": "NGN", "₸": "KZT", "元": "CNY", "CN¥": "CNY", "円": "JPY"}
    | {"SFr": "CHF", "Fr": "CHF", "Fr.": "CHF", "SFr.": "CHF", "TL": "TRY", "din": "RSD", "KM": "BAM"}
    | dict.fromkeys(("$", "¥", "￥", "kr", "Kr", "KR", "kr.", "Rs", "Rs.", "R"), "")
)

#: First letters of months, as ``grids.plain`` has them, by number.
MONTHS: Mapping[str, int] = {
    word: number
    for number, words in enumerate(
        (
            "tammikuu sausio janvaris jaanuar ocak oca ianuarie ian siecnia jan januar january janvier janv januari enero ene gennaio gen stycznia sty led leden",
            "unora helmikuu vasario subat sub februarie fevereiro februar feb februar february fevrier fevr fev februari febrero febbraio lutego lut unor",
            "brezna marts maaliskuu kovo martie marco maret mar march marz maerz mrz mars marzo maart mrt marc marca brezen",
            "dubna huhtikuu balandzio nisan nis aprilie kwi apr april avril avr abril abr aprile kwietnia kwi duben",
            "kvetna maj toukokuu geguzes mayis maio mei may mai mei mayo maggio mag maj majus maja kveten",
            "cervna kesakuu birzelio haziran haz iunie junho giu jun june juni juin junio giugno giu jun junius czerwca cze cerven",
            "cervence heinakuu liepos temmuz tem iulie julho jul july juli juil juillet julio luglio lug julius lipca lip cervenec",
            "srpna elokuu rugpjucio agustos agu augusti agosto aug august aout augustus agosto ago augusztus sierpnia sie srpen",
            "syyskuu rugsejo eylul eyl setembro septembrie sett sep sept september septembre septiembre settembre set szept szeptember wrzesnia wrz zari",
            "rijna lokakuu spalio ekim eki outubro octombrie out okt oct october okt oktober octobre octubre ottobre ott pazdziernika paz rijen",
            "listopadu marraskuu lapkricio kasim kas noiembrie noi novembro nov november novembre noviembre listopada lis listopad",
            "prosince joulukuu gruodzio aralik ara decembrie dezembro desember des dec december dez dezember decembre diciembre dic dicembre grudnia gru prosinec",
        ),
        1,
    )
    for word in words.split()
}
