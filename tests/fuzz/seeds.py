"""Files of every format that is read, whole ones: written by the project's own writers, or spelled out where it has none.

What lives here: the orders and statements that are written, and one table of file by name. Nothing is damaged here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from electra_kernel.formats import (
    FORMATS,
    camt029,
    camt052,
    camt053,
    camt054,
    camt055,
    dtaus,
    giro,
    hctqr,
    mt940,
    mt942,
    nacha,
    pain001,
    pain008,
)
from electra_kernel.orders.cancellation import CancellationAnswer, cancellation_of
from electra_kernel.orders.model import Mandate, Order, Transaction
from electra_kernel.orders.status import PaymentStatus, StatusReason, StatusReport, TransactionStatus
from electra_kernel.statements.billing import BilledAmount, BilledService, BilledTax, BillingStatement
from electra_kernel.statements.model import NOTIFICATION, REPORT, Balance, Entry, EntryDetail, Statement
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Address, Party

_AT = datetime(2026, 2, 1, 6, 0, tzinfo=UTC)
_DAY = date(2026, 1, 30)
_OURS, _THEIRS = "HU42117730161111101800000000", "DE89370400440532013000"
_WE = Party(name="Minta Kft.", account=_OURS, bic="OTPVHUHB", identification="1234567890")
_REASON = StatusReason(code="DUPL", text="sent twice")
_ADDRESS = Address(street="Hauptstrasse", building="7", post_code="10115", town="Berlin", country="DE")


def statement(
    *, account: str = _THEIRS, currency: str = "EUR", kind: str = "statement", details: int = 1, code: str = ""
) -> Statement:
    """A statement of six entries that adds up; ``details`` payments are inside each."""
    entries = tuple(_entry(number, currency, details, code) for number in range(1, 7))
    closing = Decimal(1_000) + sum((entry.amount for entry in entries), Decimal(0))
    balances = tuple(
        Balance(kind=name, amount=amount, currency=currency, date=day)
        for name, amount, day in (("OPBD", Decimal(1_000), date(2026, 1, 29)), ("CLBD", closing, _DAY))
    )
    return Statement(
        identification="STARTUMS 7", account=account, currency=currency, balances=balances, entries=entries, sequence=7, kind=kind
    )  # fmt: skip


def _entry(number: int, currency: str, details: int, code: str) -> Entry:
    amount = Decimal(number * 1_275) / 100 * (1 if number % 3 else -1)
    only = EntryDetail(
        amount=amount / max(details, 1),
        currency=currency,
        counterparty=Party(name=f"Partner & Sons {number}", account=_THEIRS, bic="COBADEFFXXX"),
        remittance=f"Invoice {number} of January",
        end_to_end_id=f"E2E-{number}",
    )
    return Entry(
        amount=amount,
        currency=currency,
        booking_date=_DAY,
        value_date=_DAY,
        reversal=number == 5,
        bank_reference=f"REF{number:06}",
        proprietary_code=code,
        details=(only,) * details,
    )


def order(currency: str = "EUR", own: str = _OURS, other: str = _THEIRS, **others: Any) -> Order:
    """An order of three payments."""
    sign = replace(
        Transaction(
            amount=Money(Decimal("125.50"), currency),
            counterparty=Party(name="Partner & Sons", account=other, bic="COBADEFFXXX", address=_ADDRESS),
            remittance="Invoice 1",
            end_to_end_id="E2E-1",
        ),
    )
    made = Order(
        message_id="M1",
        payment_id="P1",
        kind="cross-border",
        debtor=replace(_WE, account=own),
        execution_date=date(2026, 2, 2),
        created=_AT,
        transactions=(sign, replace(sign, end_to_end_id="E2E-2"), replace(sign, remittance="", end_to_end_id="E2E-3")),
    )
    return replace(made, **others)


def collection(currency: str = "EUR", own: str = _OURS, other: str = _THEIRS, **others: Any) -> Order:
    """The same as a collection on mandates."""
    made = order(currency, own, other)
    mandate = Mandate(identification="M-1", signed=date(2025, 1, 5), sequence="RCUR")
    return replace(
        made,
        kind="sepa-core-collection",
        debtor=Party(name=""),
        creditor=made.debtor,
        creditor_id="DE98ZZZ09999999999",
        transactions=tuple(replace(each, mandate=mandate) for each in made.transactions),
        **others,
    )


def _iso() -> Iterator[tuple[str, bytes]]:
    for version in ("pain.001.001.03", "pain.001.001.09", "pain.001.001.12"):
        yield version, pain001.write(order(), version=version)
    for version in ("pain.008.001.02", "pain.008.001.08"):
        yield version, pain008.write(collection(), version=version)
    for name, module, kind in (
        ("camt.053", camt053, "statement"),
        ("camt.052", camt052, REPORT),
        ("camt.054", camt054, NOTIFICATION),
    ):
        for version in ("02", "08"):
            for details in (1, 2):
                own = statement(kind=kind, details=details)
                own = replace(own, balances=()) if kind == NOTIFICATION else own
                data = module.write([own], message_id="M", created=_AT, version=f"{name}.001.{version}")
                yield f"{name}.001.{version} with {details}", data
    request = cancellation_of(
        order(), message_id="C", created=_AT, original_format="pain.001.001.09", reason=_REASON, transactions=order().transactions
    )  # fmt: skip
    yield "camt.055", camt055.write(request)
    calls = tuple(
        replace(each, payment_id="", transaction_id=f"T{place}") for place, each in enumerate(request.transactions)
    )
    between = replace(
        request, payments=(), transactions=calls, assignee=Party(name="", bic="COBADEFF"), assigner=Party(name="", bic="OTPVHUHB")
    )  # fmt: skip
    yield "camt.056", camt055.write_between_banks(between)
    payments = (PaymentStatus(payment_id="P1", status="RJCR", reasons=(_REASON,)),)
    lines = (TransactionStatus(payment_id="P1", status="RJCR", end_to_end_id="E2E-1", reasons=(_REASON,)),)
    yield "camt.029", camt029.write(
        CancellationAnswer(
            message_id="A", created=_AT, assigner=Party(name="Bank"), assignee=Party(name="We"), confirmation="RJCR",
            original_message_id="M1", original_format="pain.001.001.09", payments=payments, transactions=lines,
        )
    )  # fmt: skip
    report = StatusReport(
        message_id="R", created=_AT, original_message_id="M1", original_format="pain.001.001.09", group_status="PART",
        payments=payments, transactions=lines,
    )  # fmt: skip
    yield "pain.002", _writer("pain.002")(report)


def _bill() -> bytes:
    """A bill for two services (camt.086)."""
    service = BilledService(
        service="PAY1", description="Transfers", volume=Decimal(10), unit_price=Decimal("0.25"), price_currency="EUR",
        method="UPRC", payment="FLAT", charge=Decimal("2.50"), currency="EUR", tax_code="TAXE", tax=Decimal("0.68"),
        tax_currency="EUR", tax_method="B", tax_base=Decimal("2.50"),
        taxes=(BilledTax(number="1", rate=Decimal(27), amount=Decimal("0.68")),),
    )  # fmt: skip
    balance = BilledAmount(group="balance", kind="ALDG", amount=Decimal(1000), currency="EUR")
    bill = BillingStatement(
        identification="B1", group="G1", account=_OURS, currency="EUR", from_date=_DAY, to_date=_DAY, created=_AT,
        status="ORGN", level="INTM", compensation="DBTD", sender=Party(name="Bank"), receiver=_WE,
        services=(service, service), amounts=(balance,),
    )  # fmt: skip
    return _writer("camt.086")([bill], message_id="R1", created=_AT)


_WORDS_86 = (
    (":86:/TRTP/SEPA OVERBOEKING/IBAN/NL02ABNA0123456789/BIC/ABNANL2A/NAME/Partner/EREF/E2E-1/REMI/USTD//Invoice 1", "PREF"),
    (":86:/CNTP/NL02ABNA0123456789/ABNANL2A/Partner/Town/REMI/STRD/CUR/RF18539007547034//EREF/E2E-2/", "EREF"),
    (":86:Free text about nothing much, IBAN: NL02ABNA0123456789 NAAM: Partner OMSCHRIJVING: Invoice 3", "NONREF"),
    (":86:020~00VE02~20Invoice~21 of January~3010500012~311050001200000000~32Partner~33Sons", "NONREF"),
    (":86:020<00VE02<20Invoice<27Partner<28Street 1<29Town<3861109010140000071219812874", "NONREF"),
    (":86:105?20EREF+E2E-4 CRED+DE98ZZZ09999999999 S?21VWZ+VS:12 KS:0308?30COBADEFFXXX", "EREF"),
    (":86:051+00CODE+20SVWZ+Invoice 5+30UNCRBGSF+31BG80BNBG96611020345678+32Partner", "NONREF"),
    (":86:770 CODE; Z RACH.: 61109010140000071219812874; OD: Partner; TYT.: Invoice 6; TNR: 1.01", "NONREF"),
    (":86:/OCMT/USD100,/EXCH/1,0525/ORDP/DE89370400440532013000 Partner/BENM//NAME/We", "KREF"),
)  # fmt: skip


def _swift() -> Iterator[tuple[str, bytes]]:
    yield "mt940", mt940.write([statement(code="NTRF+166+0399"), statement(account="DE02120300000000202051")])
    yield "mt950", mt940.write([statement()], kind="950")
    yield "mt942", mt942.write([replace(statement(kind=REPORT), balances=(), created=_AT)])
    yield "mt941", mt942.write([replace(statement(kind=REPORT), created=_AT)], kind="941")
    lines = [
        "{1:F01BANKDEFFXXXX0000000000}{2:O9400000000000BANKDEFFXXXX00000000000000000000N}{4:",
        ":20:REF-1\r\n:25:DE02120300000000202051\r\n:28C:7/1\r\n:60F:C260129EUR1000,00",
    ]
    for text, reference in _WORDS_86:
        lines.append(f":61:2601300130C12,75NTRF{reference}//BANK-1\r\n/OCMT/USD13,50/CHGS/EUR0,75/\r\n{text}")
    lines.append(":62F:C260130EUR1114,75\r\n:64:C260130EUR1114,75\r\n:86:About the whole\r\n-}")
    yield "mt940 in words", "\r\n".join(lines).encode()
    for kind in ("900", "910"):
        own = ":50K:/DE89370400440532013000\r\nPartner\r\n" if kind == "910" else ""
        yield (
            f"mt{kind}",
            (
                f"{{1:F01BANKDEFFXXXX0000000000}}{{2:O{kind}0000000000BANKDEFFXXXX00000000000000000000N}}{{4:\r\n"
                f":20:REF-1\r\n:21:E2E-1\r\n:25:{_THEIRS}\r\n:13D:2601300930+0100\r\n:32A:260130EUR125,50\r\n{own}"
                ":52A:COBADEFFXXX\r\n:72:/REC/Invoice 1\r\n-}\r\n"
            ).encode(),
        )
    for name in ("mt101", "mt103"):
        yield name, _writer(name)([order()])


def _operations() -> bytes:
    """Operations of a French bank (CFONB 240), as banks send them: credits received and returned in one file."""
    ours, theirs, we = "300010012300000012345", "20041010050500013M026", f"{'EXEMPLE SARL':24}"
    rows = [
        f"34{number:06d}{code}310126E    {theirs}{'DUPONT':24}123456     {ours}{we}REF001{'BANQUE':24}{'FACTURE':62}{'':14}{cents:012d}"
        for number, code, cents in ((2, "20", 12345), (3, "80", 100))
    ]
    foot = f"39000004  310126     {ours}{we}".ljust(228) + f"{12445:012d}"
    return "".join(f"{row}\r\n" for row in (f"31000001  310126E    {ours}{we}".ljust(240), *rows, foot)).encode()


def _national() -> Iterator[tuple[str, bytes]]:
    belgian, spanish = "BE68539007547034", "210004180200051332"
    yield "coda", _writer("coda")([statement(account=belgian)], created=_DAY)
    yield "cfonb120", _writer("cfonb120")([statement(account="20041010050500013M026")])
    french = order(own="300010012300000012345", other="20041010050500013M026", message_id="CFONB260202-1")
    yield "cfonb160", _writer("cfonb160")(french)
    yield "cfonb240", _operations()
    yield "norma43", _writer("norma43")([statement(account=spanish, code="02/166")])
    yield "abo", _writer("abo")([statement(account="0000192000145399", currency="CZK")])
    yield (
        "bai2",
        _writer("bai2")([statement(account="12345", currency="USD")], sender="BANK", receiver="WE", created=_AT),
    )
    yield "ofx", _writer("ofx")([statement()], created=_AT)
    yield "qif", _writer("qif")([statement()])
    yield "datev", _writer("datev")(
        [statement()], accounts={_THEIRS: "1200"}, contra="1590", consultant=29098, client=55003, fiscal_year=date(2026, 1, 1),
        created=_AT,
    )  # fmt: skip
    german = {"own": "37040044/532013000", "other": "50010517/648489890"}
    yield "dtaus", dtaus.write(replace(order(**german), message_id="DTAUS300126-1-1"))
    yield (
        "dtaus collection",
        dtaus.write(replace(collection(**german), kind="collection", message_id="DTAUS300126-1-1", creditor_id="")),
    )
    american = order("USD", own="091000019/42", other="021000021/77", local_instrument="CTX")
    yield "nacha", nacha.write(
        american, destination="091000019", origin="1234567890", bank="09100001", origin_name="SAMPLE", destination_name="BANK"
    )  # fmt: skip
    forint = {"own": _OURS, "other": "HU68100320000107686800000000"}
    whole = tuple(replace(each, amount=Money(Decimal(125), "HUF")) for each in order("HUF", **forint).transactions)
    for message in ("ATUTAL", "BESZED"):
        made = order("HUF", **forint) if message == "ATUTAL" else collection("HUF", **forint)
        mandates = (None, None, None) if message == "ATUTAL" else (Mandate(identification="V-1"),) * 3
        lines = tuple(
            replace(each, mandate=one, end_to_end_id="D-1" if one is None else "NOTPROVIDED")
            for each, one in zip(whole, mandates, strict=True)
        )
        kind = "domestic" if message == "ATUTAL" else "domestic-collection"
        yield f"giro {message}", giro.write(
            replace(made, kind=kind, transactions=lines, message_id="202603300007", creditor_id=made.creditor_id and "A12345678"),
            initiator="A12345678",
        )  # fmt: skip
    domestic = replace(order("HUF", **forint), kind="domestic", transactions=whole)
    for name in ("huf-transactions", "kh-csv", "unicredit-pay"):
        yield name, _writer(name)([domestic])
    yield "magnet-netbank", _writer("magnet-netbank")([statement(account=_OURS, currency="HUF")])


def _everyday() -> Iterator[tuple[str, bytes]]:
    payment = order().transactions[0]
    yield "epc-qr", _writer("epc-qr")(replace(payment, end_to_end_id="NOTPROVIDED"))
    swiss = replace(
        payment, amount=Money(Decimal("12.50"), "CHF"), end_to_end_id="NOTPROVIDED",
        counterparty=Party(name="Partner", account="CH9300762011623852957", address=replace(_ADDRESS, country="CH")),
    )  # fmt: skip
    yield "swiss-qr", _writer("swiss-qr")(swiss)
    yield "hct-qr", hctqr.write(
        hctqr.PaymentCode(bic="OTPVHUHB", name="Minta Kft.", account=_OURS, until=_AT, amount=Decimal(14_990), remittance="Invoice 1")
    )  # fmt: skip
    yield "csv", _writer("csv")(order().transactions)
    yield "xlsx", _writer("xlsx")(order().transactions)
    rows = [
        f"{day:02}.01.2026;{day:02}.01.2026;Partner {day};{_THEIRS};Invoice {day};{day},50;EUR" for day in range(1, 7)
    ]
    yield "sheet", "\r\n".join(["Booking date;Value date;Name;IBAN;Text;Amount;Currency", *rows]).encode()
    row = {"entry_id": "x", "account": _OURS, "amount": "12.50", "currency": "EUR", "booking_date": "2026-01-30"}
    yield "table", json.dumps([row, {**row, "amount": "-3", "details": 1}]).encode()


def _writer(name: str) -> Callable[..., bytes]:
    """The writer of a format by its name."""
    written = next(each.write for each in FORMATS if each.name == name)
    assert written is not None
    return written


@cache
def files() -> dict[str, bytes]:
    """Every file by its name; made once. Each is of the format that its name begins with."""
    made = {"camt.086": _bill()}
    for group in (_iso, _swift, _national, _everyday):
        made.update(group())
    return made
