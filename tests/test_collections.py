"""Collections: what an order that collects is, and that nothing takes it for a payment."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from electra_kernel import Workbench
from electra_kernel.formats import pain001, pain008
from electra_kernel.orders.kinds import KINDS, TRANSFERS, collection_kind_for
from electra_kernel.orders.model import NOBODY, Mandate, Order, Transaction
from electra_kernel.orders.rulebooks import check
from electra_kernel.vocabulary.dates import BusinessCalendar
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Party

TODAY, DUE = date(2026, 7, 6), date(2026, 7, 7)


def collection(**changes: object) -> Order:
    """A SEPA core collection of one debtor."""
    mandate = Mandate(identification="M-7", signed=date(2026, 1, 5), sequence="RCUR")
    made = Order(
        message_id="M-1",
        payment_id="P-1",
        kind="sepa-core-collection",
        creditor=Party(name="Electra Kft", account="HU42117730161111101800000000"),
        creditor_id="DE98ZZZ09999999999",
        execution_date=DUE,
        created=datetime(2026, 7, 6, 8, tzinfo=UTC),
        transactions=(
            Transaction(
                amount=Money(Decimal("12.50"), "EUR"),
                counterparty=Party(name="Muster GmbH", account="DE89370400440532013000"),
                remittance="Invoice 7",
                end_to_end_id="INV-7",
                mandate=mandate,
            ),
        ),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def rules_of(order: Order) -> list[str]:
    """The names of the rules an order breaks."""
    return [row.rule for row in check(order, today=TODAY, calendar=BusinessCalendar("TARGET"))]


def test_the_own_side_of_a_collection_is_who_collects() -> None:
    made = collection()
    assert made.collects
    assert made.own is made.creditor
    assert made.debtor is NOBODY
    assert rules_of(made) == []


def test_a_kind_that_pays_cannot_collect_nor_the_other_way_round() -> None:
    assert rules_of(collection(kind="sepa")) == ["kind-direction"]
    payer = Party(name="Electra Kft", account="HU42117730161111101800000000")
    assert rules_of(collection(creditor=None, debtor=payer)) == ["kind-direction"]
    assert not any(kind.collects for kind in TRANSFERS.values())
    assert len(TRANSFERS) < len(KINDS)


@pytest.mark.parametrize(
    ("currency", "level", "instrument", "country", "kind"),
    [
        ("EUR", "SEPA", "CORE", "DE", "sepa-core-collection"),
        ("EUR", "SEPA", "COR1", "DE", "sepa-core-collection"),
        ("EUR", "", "B2B", "HU", "sepa-b2b-collection"),
        ("HUF", "", "", "HU", "domestic-collection"),
        ("CHF", "", "", "CH", "collection"),
        ("EUR", "", "", "DE", "collection"),
    ],
)
def test_the_kind_of_a_collection_follows_from_what_its_file_says(
    currency: str, level: str, instrument: str, country: str, kind: str
) -> None:
    assert collection_kind_for(currency, level, instrument, country).code == kind


def test_a_collection_is_never_written_as_a_transfer() -> None:
    with pytest.raises(ElectraError, match="no credit transfer"):
        pain001.write(collection())


def test_a_workbench_does_not_take_a_file_of_collections_for_payments(tmp_path: Path) -> None:
    (tmp_path / "fees.xml").write_bytes(pain008.write(collection()))
    wb = Workbench.open(tmp_path / "treasury")
    with pytest.raises(ElectraError, match="does not send") as caught:
        wb.orders.read(tmp_path / "fees.xml")
    assert "electra check" in caught.value.repair
