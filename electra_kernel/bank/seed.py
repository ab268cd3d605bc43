"""The bank's first day: its partner, users, rights, accounts, the people they trade with, and months of history.

What may live here: the data a new bank starts with. The same seed and date give the same data, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from schwifty import IBAN
from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.sqlite import insert

from electra_kernel.bank import profile
from electra_kernel.bank.activity import bookings_of
from electra_kernel.bank.database import accounts, counterparties, get_fact, rights, set_fact, users, withdrawn
from electra_kernel.bank.ledger import Account, Booking, Posting, account_of, book, own_account
from electra_kernel.bank.statements import close_day
from electra_kernel.ebics.desk import UserState
from electra_kernel.vocabulary.dates import BusinessCalendar

HOST, BANK_NAME, BANK_BIC, REGION = "ELECTRA", "Electra Sandbox Bank", "ELTRHUHB", "HU"
PARTNER, COMPANY = "ELECTRA01", "Duna Trading Kft."
USERS = (("ANNA", "Anna Kovács"), ("BELA", "Béla Szabó"))
DEFAULT_SEED = "1"
_HISTORY_DAYS = 120


@dataclass(frozen=True, slots=True)
class _Place:
    street: str
    post_code: str
    town: str
    country: str


_PLACES = (
    _Place("Váci út 12", "1132", "Budapest", "HU"),
    _Place("Piac utca 5", "4025", "Debrecen", "HU"),
    _Place("Kossuth tér 3", "6000", "Kecskemét", "HU"),
    _Place("Baross út 41", "9021", "Győr", "HU"),
    _Place("Király utca 8", "7621", "Pécs", "HU"),
)
_ABROAD = (
    ("DE", "37040044", "COBADEFF", _Place("Hohe Straße 20", "50667", "Köln", "DE")),
    ("DE", "70020270", "HYVEDEMM", _Place("Leopoldstraße 7", "80802", "München", "DE")),
    ("AT", "12000", "BKAUATWW", _Place("Mariahilfer Straße 9", "1060", "Wien", "AT")),
)
#: Seven digits of bank and branch; the eighth is the check digit.
_HUNGARIAN_BANKS = (("1040001", "OKHBHUHB"), ("1091800", "BACXHUHB"), ("1160000", "GIBAHUHB"), ("1200100", "UBRTHUHB"))

_COMPANIES_HU = {
    "customer": ("Alföld Bútor Kft.", "Balaton Hotel Zrt.", "Fehér Ház Kft.", "Kisduna Kereskedelmi Kft.", "Mátra Papír Zrt.", "Tisza Gép Kft."),
    "supplier": ("Bakony Acél Kft.", "Csepel Fuvar Kft.", "Hegyalja Csomagoló Kft.", "Pannon Energia Zrt.", "Rába Irodaszer Kft."),
    "acquirer": ("Kártya Elszámoló Zrt.",),
    "landlord": ("Irodapark Ingatlan Kft.",),
    "authority": ("Adóhatóság beszedési számla",),
    "employee": ("Balogh Péter", "Farkas Réka", "Horváth Eszter", "Kiss Gábor", "Molnár Judit", "Nagy Ádám", "Németh Zsófia", "Papp László", "Takács Dóra", "Tóth Bence", "Varga Ilona", "Vörös Máté"),
}  # fmt: skip
_COMPANIES_ABROAD = {
    "customer": ("Donau Handels GmbH", "Rheinwerk AG", "Alpen Möbel GmbH"),
    "supplier": ("Isar Technik GmbH", "Wiener Logistik GmbH", "Kölner Verpackung GmbH"),
}


def hungarian_account(bank: str, number: str) -> str:
    """A Hungarian IBAN with right check digits.

    Args:
        bank: 7 digits of bank and branch.
        number: 7 digits of the account; the check digit and eight zeros follow.
    """
    weights = (9, 7, 3, 1, 9, 7, 3)

    def checked(digits: str) -> str:
        total = sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))
        return f"{digits}{-total % 10}"

    return str(IBAN.from_bban("HU", f"{checked(bank)}{checked(number)}00000000", validate_bban=False))


MAIN_ACCOUNT = hungarian_account("1177301", "1111101")
EURO_ACCOUNT = hungarian_account("1177301", "1111102")

#: Payments to these accounts always fail, for those who want to see how: account, name, reason, words.
TROUBLE = (
    (hungarian_account("1040001", "9999901"), "Closed Account Kft.", "HUF", "AC04", "The creditor's account is closed."),
    (str(IBAN.from_bban("DE", "370400449999999904", validate_bban=False)), "Closed Account GmbH", "EUR", "AC04", "The creditor's account is closed."),
    (hungarian_account("1091800", "9999902"), "Blocked Account Kft.", "HUF", "AC06", "The creditor's account is blocked."),
    (str(IBAN.from_bban("AT", "1200099999999906", validate_bban=False)), "Blocked Account GmbH", "EUR", "AC06", "The creditor's account is blocked."),
)  # fmt: skip

#: Payees with names that are easily mistaken, for those who want to have names checked: account, name, currency.
PAYEES = (
    (hungarian_account("1160000", "8800101"), "Kék Duna Nyomda Kft.", "HUF"),
    (hungarian_account("1160000", "8800102"), "Kék Duna Nyomdaipari Zrt.", "HUF"),
    (hungarian_account("1200100", "8800103"), "Dr. Szabó Katalin", "HUF"),
    (str(IBAN.from_bban("DE", "370400448800000104", validate_bban=False)), "Müller Maschinenbau GmbH", "EUR"),
    (hungarian_account("1091800", "8800105"), "Lassú Posta Kft.", "HUF"),
)
#: Accounts whose bank says only on the next day under which name they are held.
SLOW_PAYEES = frozenset({hungarian_account("1091800", "8800105")})

#: (admin type, service, message, containers, signatures, description). A scope is never looked at.
_RIGHTS: tuple[tuple[str, str, str, tuple[str, ...], int, str], ...] = (
    ("BTU", "SCT", "pain.001", ("",), 1, "Credit transfers"),
    ("BTU", "SCI", "pain.001", ("",), 1, "Instant credit transfers"),
    ("BTU", "DCT", "pain.001", ("",), 1, "Domestic credit transfers"),
    ("BTU", "XCT", "pain.001", ("",), 1, "Cross-border credit transfers"),
    ("BTU", "MCT", "pain.001", ("",), 1, "Mixed credit transfers"),
    ("BTD", "EOP", "camt.053", ("", "ZIP"), 0, "End of day statements"),
    ("BTD", "EOP", "mt940", ("", "ZIP"), 0, "End of day statements in SWIFT's form"),
    ("BTD", "PSR", "pain.002", ("", "ZIP"), 0, "Payment status reports"),
    ("BTD", "REP", "pain.002", ("", "ZIP"), 0, "Payment status reports"),
    ("BTD", "OTH", "wssparam", ("",), 0, "Real-time notifications"),
    ("HVU", "", "", ("",), 0, "Orders waiting for signatures"),
    ("HVZ", "", "", ("",), 0, "Orders waiting for signatures, with details"),
    ("HVD", "", "", ("",), 0, "State of a waiting order"),
    ("HVT", "", "", ("",), 0, "Payments of a waiting order"),
    ("HVE", "", "", ("",), 0, "Sign a waiting order"),
    ("HVS", "", "", ("",), 0, "Cancel a waiting order"),
    ("HAC", "", "", ("",), 0, "Customer protocol"),
    ("PTK", "", "", ("",), 0, "Customer protocol as text"),
    ("HTD", "", "", ("",), 0, "Partner and user data"),
    ("HKD", "", "", ("",), 0, "Customer data and all its users"),
    ("HPD", "", "", ("",), 0, "Bank parameters"),
    ("HAA", "", "", ("",), 0, "Available order types"),
)


def calendar_of(connection: Connection) -> BusinessCalendar:
    """The days on which this bank settles."""
    return BusinessCalendar(get_fact(connection, "region"))


def plant(connection: Connection, *, seed: str, start: date) -> None:
    """Fill an empty bank.

    Args:
        seed: any text; decides names, amounts and references of the history.
        start: the bank's first business date; the next business day where the bank rests on it.
    """
    calendar = BusinessCalendar(REGION)
    first_day = calendar.next_business_day(start)
    for key, value in {
        "seed": seed,
        "host": HOST,
        "bank": BANK_NAME,
        "bic": BANK_BIC,
        "region": REGION,
        "partner": PARTNER,
        "company": COMPANY,
        "date": first_day.isoformat(),
    }.items():
        set_fact(connection, key, value)
    for user_id, name in USERS:
        enrol(connection, PARTNER, user_id, name)
    connection.execute(counterparties.insert(), list(_counterparties(seed)))
    introduce(connection)
    _open_accounts(connection, first_day - timedelta(days=_HISTORY_DAYS + 1))
    _live(connection, seed, first_day, calendar)


def introduce(connection: Connection) -> None:
    """Let the bank know the payees of ``PAYEES`` that it does not know yet."""
    rows = [
        _counterparty(account, name, "", _PLACES[0] if currency == "HUF" else _ABROAD[0][3], "payee", currency)
        for account, name, currency in PAYEES
    ]
    connection.execute(insert(counterparties).on_conflict_do_nothing(), rows)


def enrol(connection: Connection, partner_id: str, user_id: str, name: str, level: str = "E") -> None:
    """A new user with every right of the sandbox.

    Args:
        level: signature class E, A, B or T.
    """
    connection.execute(
        users.insert().values(
            partner_id=partner_id, user_id=user_id, name=name, state=UserState.NEW.value, authorisation=level
        )
    )
    grant(connection, partner_id, user_id)


def grant(connection: Connection, partner_id: str, user_id: str) -> None:
    """Give a user every right of the sandbox it lacks, but those that were taken from it; as many signatures are wanted as
    of the others."""
    here = (withdrawn.c.partner_id == partner_id, withdrawn.c.user_id == user_id)
    taken = set(connection.scalars(select(withdrawn.c.name).where(*here)))
    wanted = {
        (row.service, row.message): row.signatures
        for row in connection.execute(select(rights).where(rights.c.admin_type == "BTU"))
    }
    rows = [
        {
            "partner_id": partner_id,
            "user_id": user_id,
            "admin_type": admin_type,
            "service": service,
            "message": message,
            "container": container,
            "signatures": wanted.get((service, message), signatures) if admin_type == "BTU" else signatures,
            "description": description,
        }
        for admin_type, service, message, containers, signatures, description in (
            *_RIGHTS,
            *_profile_rights(connection),
        )
        for container in containers
        if (service or admin_type) not in taken
    ]
    if rows:
        connection.execute(insert(rights).on_conflict_do_nothing(), rows)


def _profile_rights(connection: Connection) -> list[tuple[str, str, str, tuple[str, ...], int, str]]:
    """Rights to what the bank's profile names beside the services every sandbox has."""
    return [
        (kind, service.name, service.message, (service.container,), int(kind == "BTU"), "Of the bank's own profile")
        for kind, service in profile.offered(connection)
    ]


def want_signatures(connection: Connection, number: int, service: str = "") -> int:
    """Let orders that come from now on need so many signatures: of one service, or of all.

    Returns:
        how many kinds of order there are of which this is true.
    """
    here = [rights.c.admin_type == "BTU", *([rights.c.service == service] if service else [])]
    connection.execute(update(rights).where(*here).values(signatures=number))
    return len(connection.execute(select(rights.c.service, rights.c.message).where(*here).distinct()).all())


def _open_accounts(connection: Connection, day: date) -> None:
    for number, currency, name, opening in (
        (MAIN_ACCOUNT, "HUF", "Current account", Decimal(38_500_000)),
        (EURO_ACCOUNT, "EUR", "Euro account", Decimal(180_000)),
    ):
        connection.execute(
            accounts.insert().values(number=number, currency=currency, name=name, owner=COMPANY, partner_id=PARTNER)
        )
        account = account_of(connection, number)
        assert isinstance(account, Account)
        legs = (Posting(account, opening), Posting(own_account(connection, "OPENING", currency), -opening))
        book(connection, day, [Booking("Balance brought forward", legs)])


def _live(connection: Connection, seed: str, first_day: date, calendar: BusinessCalendar) -> None:
    for ago in range(_HISTORY_DAYS, 0, -1):
        day = first_day - timedelta(days=ago)
        if calendar.is_business_day(day):
            book(connection, day, bookings_of(connection, seed, day, calendar, history=True))
            close_day(connection, day)


def _counterparties(seed: str) -> Iterator[dict[str, Any]]:
    random = Random(f"{seed}:counterparties")  # noqa: S311 - invented partners, not secrets
    for role, names in _COMPANIES_HU.items():
        for name in names:
            bank, bic = random.choice(_HUNGARIAN_BANKS)
            account = hungarian_account(bank, f"{random.randrange(1_000_000, 9_000_000)}")
            yield _counterparty(account, name, bic, random.choice(_PLACES), role, "HUF")
    for role, names in _COMPANIES_ABROAD.items():
        for name in names:
            country, code, bic, place = random.choice(_ABROAD)
            digits = 10 if country == "DE" else 11
            bban = f"{code}{random.randrange(10 ** (digits - 1), 9 * 10 ** (digits - 1))}"
            account = str(IBAN.from_bban(country, bban, validate_bban=False))
            yield _counterparty(account, name, bic, place, role, "EUR")
    for account, name, currency, refusal, text in TROUBLE:
        place = _PLACES[0] if currency == "HUF" else _ABROAD[0][3]
        row = _counterparty(account, name, "", place, "trouble", currency)
        yield {**row, "refusal": refusal, "refusal_text": text}


def _counterparty(account: str, name: str, bic: str, place: _Place, role: str, currency: str) -> dict[str, Any]:
    return {
        "account": account,
        "name": name,
        "bic": bic,
        "street": place.street,
        "post_code": place.post_code,
        "town": place.town,
        "country": place.country,
        "role": role,
        "currency": currency,
        "refusal": "",
        "refusal_text": "",
    }
