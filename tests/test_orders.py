"""The rulebooks and the life of an order."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electra_kernel.orders.kinds import KINDS, kind_for
from electra_kernel.orders.lifecycle import FINAL_STATES, EventKind, OrderEvent, State, state_of
from electra_kernel.orders.model import Order, Transaction
from electra_kernel.orders.rulebooks import RULEBOOKS, check, creditor_reference_agrees, limits_of
from electra_kernel.vocabulary.dates import BusinessCalendar
from electra_kernel.vocabulary.errors import Problem
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Address, Party

TODAY = date(2026, 7, 6)  # a Monday
HU, DE = "HU42117730161111101800000000", "DE89370400440532013000"
TARGET, HUNGARY = BusinessCalendar("TARGET"), BusinessCalendar("HU")


def euros(**changes: object) -> Transaction:
    transaction = Transaction(
        amount=Money(Decimal("12.50"), "EUR"),
        counterparty=Party(name="Muster GmbH", account=DE),
        remittance="Invoice 7",
        end_to_end_id="INV-7",
        position=2,
    )
    return replace(transaction, **changes)  # type: ignore[arg-type]


def forints(**changes: object) -> Transaction:
    return euros(
        **{"amount": Money(Decimal(1000), "HUF"), "counterparty": Party(name="Kőműves Kft", account=HU)} | changes
    )


def order(*transactions: Transaction, kind: str = "sepa", **changes: object) -> Order:
    made = Order(
        message_id="M-1",
        payment_id="P-1",
        kind=kind,
        debtor=Party(name="Electra Kft", account=HU),
        execution_date=TODAY,
        created=datetime(2026, 7, 6, 8, tzinfo=UTC),
        transactions=transactions,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def problems_of(checked: Order, *, today: date = TODAY, calendar: BusinessCalendar = TARGET) -> list[Problem]:
    return check(checked, today=today, calendar=calendar, source="suppliers.csv")


def rules_of(checked: Order, **keywords: date) -> list[str]:
    return [problem.rule for problem in problems_of(checked, **keywords)]  # type: ignore[arg-type]


def test_orders_that_keep_the_rules_have_no_problem() -> None:
    assert problems_of(order(euros())) == []
    assert problems_of(order(forints(), kind="domestic"), calendar=HUNGARY) == []
    abroad = Party(name="Acme Inc", account="000123456789", bic="CHASUS33XXX")
    assert (
        problems_of(order(euros(amount=Money(Decimal("1.5"), "USD"), counterparty=abroad), kind="cross-border")) == []
    )


def test_every_kind_has_its_rulebook_and_its_limits() -> None:
    for kind in KINDS.values():
        assert RULEBOOKS[kind.rulebook].transaction
        assert limits_of(kind.rulebook).amount_least > 0
    assert limits_of("sepa").name == 70
    assert limits_of("common").name == 140
    assert limits_of("domestic").unstructured_address_last_day == date(2026, 11, 14)


def test_the_kind_follows_from_currency_service_level_and_country() -> None:
    assert kind_for("EUR", "SEPA", "DE").code == "sepa"
    assert kind_for("HUF", "", "HU").code == "domestic"
    assert kind_for("USD", "", "HU").code == "cross-border"


@pytest.mark.parametrize(
    ("changes", "rule", "field", "repair"),
    [
        ({"amount": Money(Decimal(0), "EUR")}, "amount-positive", "amount", "positive"),
        ({"amount": Money(Decimal("1.001"), "EUR")}, "amount-decimals", "amount", "at most 2 decimals"),
        ({"amount": Money(Decimal("1.00000000000000000000000000000001"), "EUR")}, "amount-decimals", "amount", "2"),
        ({"amount": Money(Decimal("1000000000.00"), "EUR")}, "amount-range", "amount", "999 999 999.99 EUR"),
        ({"counterparty": Party(name=" ", account=DE)}, "name-present", "counterparty.name", "account holder"),
        ({"counterparty": Party(name="M" * 71, account=DE)}, "text", "counterparty.name", "at most 70"),
        ({"counterparty": Party(name="M")}, "account", "counterparty.account", "invoice"),
        ({"counterparty": Party(name="M", account="DE88370400440532013000")}, "account", "counterparty.account", "again"),
        ({"counterparty": Party(name="M", account="12345")}, "account", "counterparty.account", "again"),
        ({"counterparty": Party(name="M", account=DE, bic="NOPE")}, "bic", "counterparty.bic", "8 or 11"),
        ({"counterparty": Party(name="Kovács & Társa", account=DE)}, "text", "counterparty.name", "'Kovacs Tarsa'"),
        ({"remittance": "x" * 141}, "text", "remittance", "at most 140"),
        ({"remittance": "/INV/7"}, "text", "remittance", "code word"),
        ({"remittance": "one\ntwo"}, "text", "remittance", "'one two'"),
        ({"end_to_end_id": "x" * 36}, "identification", "end_to_end_id", "at most 35"),
        ({"end_to_end_id": ""}, "identification", "end_to_end_id", "NOTPROVIDED"),
        ({"end_to_end_id": "a//b"}, "identification", "end_to_end_id", "code word"),
        ({"instruction_id": "ű"}, "identification", "instruction_id", "'u'"),
        ({"remittance": "", "structured_reference": "RF19539007547034"}, "creditor-reference", "structured_reference", "again"),
        ({"structured_reference": "RF18539007547034"}, "one-remittance", "remittance", "Keep the reference"),
        ({"purpose": "SALARY"}, "text", "purpose", "at most 4"),
        ({"ultimate_creditor": "u" * 71}, "text", "ultimate_creditor", "at most 70"),
    ],
)  # fmt: skip
def test_a_broken_rule_is_told_with_its_line_field_and_repair(
    changes: dict[str, object], rule: str, field: str, repair: str
) -> None:
    (problem,) = problems_of(order(euros(**changes)))
    assert (problem.source, problem.position, problem.rule, problem.field) == ("suppliers.csv", 2, rule, field)
    assert repair in problem.repair
    assert problem.text


def test_every_problem_of_every_line_is_told_at_once() -> None:
    bad = euros(amount=Money(Decimal("-1.005"), "EUR"), counterparty=Party(name=""), position=5)
    assert [(p.position, p.rule) for p in problems_of(order(euros(), bad, message_id="", execution_date=date(2026, 7, 4)))] == [
        (None, "identification"),
        (None, "execution-date-past"),
        (None, "business-day"),
        (5, "amount-positive"),
        (5, "amount-decimals"),
        (5, "name-present"),
        (5, "account"),
    ]  # fmt: skip


def test_a_transaction_from_a_form_is_placed_by_its_number() -> None:
    transactions = (euros(position=None), euros(position=None, amount=Money(Decimal(0), "EUR")))
    assert [problem.position for problem in problems_of(order(*transactions))] == [2]


def test_an_order_without_transactions_or_of_an_unknown_kind_is_refused() -> None:
    assert rules_of(order()) == ["transactions-present"]
    assert rules_of(order(euros(), kind="barter")) == ["kind"]


def test_an_order_has_one_currency_and_its_kind_carries_it() -> None:
    dollars = euros(amount=Money(Decimal(2), "USD"), position=3)
    assert [(p.position, p.rule) for p in problems_of(order(euros(), dollars))] == [(3, "one-currency")]
    assert rules_of(order(dollars)) == ["kind-currency"]
    assert rules_of(order(euros(paid_in="USD"))) == ["one-currency"]
    assert "one-currency" not in rules_of(order(euros(paid_in="USD"), kind="cross-border"))


def test_the_debtor_needs_a_valid_account_and_a_name() -> None:
    assert rules_of(order(euros(), debtor=Party(name="", account=""))) == ["debtor-account", "debtor-name"]
    assert rules_of(order(euros(), debtor=Party(name="E", account=HU[:-1] + "1"))) == ["debtor-account"]


def test_a_closed_day_is_a_warning_that_names_the_next_business_day() -> None:
    (problem,) = problems_of(order(euros(), execution_date=date(2026, 12, 25)))
    assert (problem.rule, problem.severity) == ("business-day", "warning")
    assert "2026-12-28" in problem.repair
    (problem,) = problems_of(order(euros(), execution_date=date(2026, 8, 20)), calendar=HUNGARY)
    assert "2026-08-24" in problem.repair  # Friday the 21st is a day of rest, worked in on a Saturday


def test_the_same_payment_twice_is_a_warning_on_the_second_that_names_the_first() -> None:
    twice = order(euros(), euros(position=3, end_to_end_id="OTHER"), euros(position=4, remittance="Invoice 8"))
    (problem,) = problems_of(twice)
    assert (problem.position, problem.rule, problem.severity) == (3, "duplicate", "warning")
    assert "already at 2" in problem.text


def test_domestic_orders_carry_whole_forints_to_hungarian_accounts() -> None:
    def of(**changes: object) -> list[str]:
        return rules_of(order(forints(**changes), kind="domestic"))

    assert of(amount=Money(Decimal("10.50"), "HUF")) == ["amount-decimals"]
    assert of(amount=Money(Decimal("10.00"), "HUF")) == []
    assert of(amount=Money(Decimal("10"), "EUR")) == ["kind-currency"]
    assert of(counterparty=Party(name="Muster", account=DE)) == ["account"]
    assert of(counterparty=Party(name="Fő", account="117730161111101800000000")) == []
    assert of(counterparty=Party(name="Fő", account="117730161111101900000000")) == ["account"]
    assert of(remittance="ő" * 140) == []
    assert of(remittance="ő" * 141) == ["text"]
    assert of(remittance="két\nsor") == ["text"]


@pytest.mark.parametrize(
    ("address", "before", "after"),
    [
        (Address(), [], []),
        (Address(lines=("Main St 1", "10115 Berlin")), [], ["address"]),
        (Address(town="Berlin", country="DE"), [], []),
        (Address(town="Berlin", country="DE", street="Main St", building="1", post_code="10115"), [], []),
        (Address(town="Berlin", country="DE", lines=("Main St 1", "Flat 2")), [], []),
        (Address(town="Berlin", country="DE", lines=("a", "b", "c")), ["address"], ["address"]),
        (Address(town="Berlin", country="DE", lines=("x" * 71,)), ["address"], ["address"]),
        (Address(country="DE", lines=("Main St 1",)), [], ["address"]),
        (Address(town="Berlin", country="Germany"), ["address"], ["address"]),
        (Address(town="Berlin", country="DE", lines=("Berlin",)), ["address"], ["address"]),
    ],
)
def test_unstructured_addresses_end_on_their_last_day(address: Address, before: list[str], after: list[str]) -> None:
    last_day = limits_of("sepa").unstructured_address_last_day
    monday = date(2026, 11, 16)
    assert monday > last_day
    transaction = euros(counterparty=Party(name="Muster GmbH", account=DE, address=address))
    assert rules_of(order(transaction, execution_date=date(2026, 11, 13))) == before
    assert rules_of(order(transaction, execution_date=monday)) == after
    debtor = Party(name="Electra Kft", account=HU, address=address)
    assert rules_of(order(euros(), execution_date=monday, debtor=debtor)) == ["debtor-address"] * len(after)


def test_creditor_references_have_check_digits() -> None:
    assert creditor_reference_agrees("RF18 5390 0754 7034")
    assert not creditor_reference_agrees("RF18539007547043")
    assert not creditor_reference_agrees("RF18")


@given(st.text(), st.text(), st.text(), st.text(), st.decimals(allow_nan=False, allow_infinity=False, places=4))
def test_no_text_makes_the_check_fail_instead_of_telling(
    name: str, account: str, remittance: str, reference: str, amount: Decimal
) -> None:
    party = Party(name=name, account=account, bic=reference, address=Address(lines=(remittance,), country=name))
    transaction = euros(
        counterparty=party, remittance=remittance, structured_reference="RF" + reference, amount=Money(amount, "EUR"),
        end_to_end_id=reference,
    )  # fmt: skip
    for kind in KINDS:
        for problem in problems_of(order(transaction, kind=kind, debtor=party, message_id=reference)):
            assert problem.text
            assert problem.repair


def _cost_of(rows: int) -> float:
    """Seconds of this thread's own work: a wait for a busy machine is none."""

    def account(number: int) -> str:
        bban = f"37040044{number:010d}"
        return f"DE{98 - int(bban + '131400') % 97:02d}{bban}"

    many = [
        euros(amount=Money(Decimal(n + 1) / 100, "EUR"), counterparty=Party(name=f"Supplier {n}", account=account(n)), position=n)
        for n in range(rows)
    ]  # fmt: skip
    big = order(*many)
    started = time.thread_time()
    assert problems_of(big) == []
    return time.thread_time() - started


def test_the_check_takes_time_in_proportion_to_the_lines() -> None:
    small, large = (min(_cost_of(rows) for _ in range(3)) for rows in (1_000, 10_000))
    assert large < 10 * small * 5  # a hundred times where each line were compared with every other


# The life of an order.

NOW = datetime(2026, 7, 6, 8, tzinfo=UTC)


def event(kind: EventKind, **data: object) -> OrderEvent:
    return OrderEvent(kind, NOW, data)


def signed(user: str = "A", required: int = 1) -> OrderEvent:
    return event(EventKind.SIGNED, user=user, required=required)


def bank(state: State) -> OrderEvent:
    return event(EventKind.BANK_STATUS, state=state.value, source="HAC")


CREATED, EDITED, QUEUED = event(EventKind.CREATED), event(EventKind.EDITED), event(EventKind.QUEUED)
SENDING, RECEIVED, CANCELLED = event(EventKind.SENDING), event(EventKind.RECEIVED), event(EventKind.CANCELLED)
GOOD, BAD = event(EventKind.CHECKED, problems=0), event(EventKind.CHECKED, problems=2)
QUEUED_SHORT = event(EventKind.QUEUED, lacking=1)
GIVEN_UP = event(EventKind.CANCELLED, at_bank=1)
THERE = [CREATED, GOOD, signed(), QUEUED, SENDING, RECEIVED, bank(State.NAME_CHECK_PENDING)]
BANK_STATES = (
    State.SENT, State.RECEIVED, State.NAME_CHECK_PENDING, State.AWAITING_SIGNATURES, State.ACCEPTED, State.REJECTED,
    State.PART_EXECUTED, State.EXECUTED,
)  # fmt: skip
AT_HOME = st.sampled_from([CREATED, EDITED, GOOD, BAD, signed("A", 2), signed("B", 2), QUEUED, QUEUED_SHORT])
NEWS = st.sampled_from([SENDING, RECEIVED, *map(bank, BANK_STATES)])
ANYTHING = st.lists(st.one_of(AT_HOME, NEWS, st.just(CANCELLED)), max_size=12)


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([], State.DRAFT),
        ([CREATED, BAD], State.DRAFT),
        ([CREATED, GOOD], State.READY),
        ([CREATED, GOOD, signed("A", 2)], State.PART_SIGNED),
        ([CREATED, GOOD, signed("A", 2), signed("A", 2)], State.PART_SIGNED),
        ([CREATED, GOOD, signed("A", 2), signed("B", 2)], State.SIGNED),
        ([CREATED, GOOD, signed(), QUEUED], State.QUEUED),
        ([CREATED, GOOD, signed(), QUEUED, signed("B")], State.QUEUED),
        ([CREATED, GOOD, signed("A", 2), QUEUED], State.PART_SIGNED),
        ([CREATED, GOOD, signed("A", 2), QUEUED_SHORT], State.QUEUED),
        ([CREATED, GOOD, QUEUED_SHORT], State.READY),
        (
            [CREATED, GOOD, signed(), QUEUED, SENDING, RECEIVED, bank(State.AWAITING_SIGNATURES)],
            State.AWAITING_SIGNATURES,
        ),
        ([CREATED, GOOD, signed(), QUEUED, SENDING], State.SENT),
        ([CREATED, GOOD, signed(), QUEUED, SENDING, RECEIVED, bank(State.ACCEPTED)], State.ACCEPTED),
        ([CREATED, GOOD, signed(), QUEUED, SENDING, EDITED], State.SENT),
        ([CREATED, GOOD, signed(), QUEUED, SENDING, event(EventKind.NOT_SENT)], State.QUEUED),
        ([CREATED, GOOD, signed(), QUEUED, SENDING, RECEIVED, event(EventKind.NOT_SENT)], State.RECEIVED),
        ([CREATED, GOOD, signed(), QUEUED, CANCELLED], State.CANCELLED),
        ([CREATED, CANCELLED, signed()], State.CANCELLED),
        ([CREATED, GOOD, signed(), QUEUED, SENDING, CANCELLED], State.SENT),
        (THERE, State.NAME_CHECK_PENDING),
        ([*THERE, CANCELLED], State.NAME_CHECK_PENDING),
        ([*THERE, GIVEN_UP], State.CANCELLED),
        ([*THERE, GIVEN_UP, RECEIVED, bank(State.NAME_CHECK_PENDING), bank(State.ACCEPTED)], State.CANCELLED),
        ([*THERE, bank(State.AWAITING_SIGNATURES), bank(State.EXECUTED), GIVEN_UP], State.EXECUTED),
        ([*THERE, GIVEN_UP, bank(State.EXECUTED)], State.EXECUTED),
    ],
)
def test_the_state_follows_from_the_events(events: list[OrderEvent], state: State) -> None:
    assert state_of(events) is state


@given(st.lists(AT_HOME, max_size=10))
def test_an_edit_voids_every_signature(before: list[OrderEvent]) -> None:
    assert state_of([*before, EDITED]) is State.DRAFT
    assert state_of([*before, EDITED, GOOD, signed("A", 2)]) is State.PART_SIGNED
    assert state_of([*before, EDITED, GOOD, signed("A", 2), QUEUED]) is State.PART_SIGNED


@given(st.permutations([SENDING, RECEIVED, bank(State.RECEIVED), bank(State.ACCEPTED), bank(State.EXECUTED)]))
def test_news_in_any_order_leads_to_the_same_end(news: list[OrderEvent]) -> None:
    assert state_of([CREATED, GOOD, signed(), QUEUED, *news]) is State.EXECUTED


@given(ANYTHING, st.one_of(NEWS, AT_HOME, st.just(CANCELLED)))
def test_once_the_bank_has_an_order_nothing_moves_it_back(before: list[OrderEvent], late: OrderEvent) -> None:
    rank: Callable[[State], int] = {
        State.SENT: 1, State.RECEIVED: 2, State.NAME_CHECK_PENDING: 3, State.AWAITING_SIGNATURES: 4, State.ACCEPTED: 5,
        State.REJECTED: 6, State.PART_EXECUTED: 6, State.EXECUTED: 7,
    }.get  # type: ignore[assignment]  # fmt: skip
    was, now = state_of(before), state_of([*before, late])
    if rank(was) is not None:
        assert rank(now) is not None
        assert rank(now) >= rank(was)
        assert now is was or rank(now) > rank(was)


@given(ANYTHING)
def test_no_order_is_queued_without_a_signature_nor_with_too_few_unless_the_bank_shall_collect_them(
    events: list[OrderEvent],
) -> None:
    if state_of(events) is State.QUEUED:
        last_edit = max(
            (i for i, e in enumerate(events) if e.kind in (EventKind.EDITED, EventKind.CREATED)), default=-1
        )
        signers = {e.data["user"] for e in events[last_edit + 1 :] if e.kind is EventKind.SIGNED}
        short = any(e.kind is EventKind.QUEUED and e.data.get("lacking") for e in events[last_edit + 1 :])
        assert signers == {"A", "B"} or (short and signers)


@given(ANYTHING, st.lists(st.one_of(AT_HOME, st.just(CANCELLED)), max_size=5))
def test_a_final_order_at_the_bank_stays_as_it_is_whatever_happens_at_home(
    before: list[OrderEvent], after: list[OrderEvent]
) -> None:
    state = state_of(before)
    if state in FINAL_STATES - {State.CANCELLED}:
        assert state_of([*before, *after]) is state


def test_the_calendar_finds_the_next_business_day_over_easter() -> None:
    assert TARGET.next_business_day(date(2026, 4, 3)) == date(2026, 4, 7)
    assert TARGET.next_business_day(TODAY + timedelta(days=5)) == date(2026, 7, 13)
