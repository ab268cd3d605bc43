"""The forms, driven as a browser drives them, against a real sandbox bank; and the functions behind them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import comm
import ipywidgets
import pytest
from comm.base_comm import BaseComm
from electra_widgets import OrderForm, SigningForm, entry, signing
from electra_widgets.entry import DebitAccount, OrderTexts, PaymentTexts
from electra_widgets.fields import Secret, Status, facts_table, rows_table
from hypothesis import given
from hypothesis import strategies as st

from electra_kernel import Workbench
from electra_kernel.orders.lifecycle import State
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.workbench.orders import archive_order

PASSWORD = "correct horse battery"
PAYEE = "HU68100320000107686800000000"
NOW, TODAY = datetime(2026, 3, 2, 9, tzinfo=UTC), date(2026, 3, 2)
FORINTS = DebitAccount("sandbox", "HU42117730161111101800000000", "Duna Trading Kft.", "HUF")
EUROS = DebitAccount("sandbox", "HU42117730161111101800000000", "Duna Trading Kft.", "EUR")


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Everything the kernel tells front ends about widgets; the line to them records it."""
    messages: list[Any] = []

    class Recording(BaseComm):
        def publish_msg(self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **keys: Any):
            messages.append((msg_type, data, keys))

    monkeypatch.setattr(comm, "create_comm", Recording)
    return messages


@pytest.fixture(scope="session")
def treasury(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    workbench = Workbench.open(tmp_path_factory.mktemp("widgets") / "treasury", passwords=lambda _: PASSWORD)
    workbench.connect_sandbox()
    workbench.connections["sandbox"].info()
    yield workbench
    workbench.close()


@pytest.fixture
def reopened(treasury: Workbench) -> Iterator[Workbench]:
    """The same folder in a session that has not seen the password, and has nobody to ask."""

    def nobody(prompt: str) -> str:
        raise AssertionError(prompt)

    workbench = Workbench.open(treasury.folder, passwords=nobody)
    yield workbench
    workbench.store.close()


def enter(widget: Any, value: object) -> None:
    """What arrives when a person changes an input."""
    state = {"value": value}
    data = {"method": "update", "state": state, "buffer_paths": []}
    widget._handle_msg({"content": {"data": data}, "buffers": []})


def choose(widget: Any, index: int) -> None:
    data = {"method": "update", "state": {"index": index}, "buffer_paths": []}
    widget._handle_msg({"content": {"data": data}, "buffers": []})


def click(button: Any) -> None:
    """What arrives when a person presses a button; a disabled one sends nothing."""
    assert not button.disabled, button.tooltip
    press(button)


def press(button: Any) -> None:
    """A press that was already on its way."""
    data = {"method": "custom", "content": {"event": "click"}}
    button._handle_msg({"content": {"data": data}, "buffers": []})


def fill(form: OrderForm, row: int = 0, **texts: str) -> None:
    given = {"name": "Balatoni Bútorgyár Kft.", "account": PAYEE, "amount": "1 500", "remittance": "Invoice 7"} | texts
    for name, text in given.items():
        enter(form.payments[row].fields[name].control, text)


def forints(form: OrderForm) -> OrderForm:
    options = form.debtor.control.options
    choose(form.debtor.control, next(i for i, (_, account) in enumerate(options) if account.currency == "HUF"))
    return form


def test_an_order_is_entered_checked_signed_and_sent_through_the_forms(reopened: Workbench, sent: list[Any]) -> None:
    form = forints(OrderForm(reopened))
    fill(form)
    click(form.add)
    fill(form, 1, amount="2500,00", reference="INV-8")
    assert form.total.value == "Total: 4 000.00 HUF in 2 payments"
    click(form.check)
    assert "No problem found." in form.status.value
    assert form.order is None
    click(form.make)
    assert form.order is not None
    assert form.order.status is State.READY
    assert form.order.order.control_sum == Decimal("4000")
    assert [each.end_to_end_id for each in form.order.order.transactions] == ["NOTPROVIDED", "INV-8"]

    ask = SigningForm(form.order)
    enter(ask.password, PASSWORD)
    click(ask.sign_and_send)
    assert form.order.status is State.RECEIVED, ask.status.value
    assert "Sent." in ask.status.value
    assert ask.sign.disabled
    assert ask.sign_and_send.disabled
    assert ask.reason.value == "The order is received."
    assert_nothing_holds_the_password(sent)


def test_signing_first_and_sending_later_needs_no_second_password(reopened: Workbench, sent: list[Any]) -> None:
    ask = SigningForm(an_order(reopened))
    enter(ask.password, PASSWORD)
    click(ask.sign)
    assert ask.order.status is State.SIGNED
    assert ask.reason.value == "ANNA has signed."
    press(ask.sign)
    assert "Signed by ANNA." in ask.status.value
    assert ask.sign_and_send.description == "Send"
    click(ask.sign_and_send)
    assert ask.order.status is State.RECEIVED
    assert_nothing_holds_the_password(sent)


def test_an_order_that_needs_another_signature_stays_here_until_it_is_sent_as_it_is(
    treasury: Workbench, reopened: Workbench, sent: list[Any]
) -> None:
    treasury.sandbox.run("rule", "--signatures", "2")
    treasury.connections.default().info(refresh=True)
    try:
        ask = SigningForm(an_order(reopened))
        assert ask.reason.value == ""
        enter(ask.password, PASSWORD)
        click(ask.sign_and_send)
        assert ask.order.status is State.PART_SIGNED
        assert "Another signature is missing" in ask.status.value
        assert "waits at the bank" in ask.reason.value
        assert (ask.sign.disabled, ask.sign_and_send.disabled) == (True, False)
        assert ask.sign_and_send.description == "Send as it is"
        click(ask.sign_and_send)
        assert ask.order.status is State.RECEIVED
        assert "waits at the bank" in ask.status.value
        assert ask.order.follow() is State.AWAITING_SIGNATURES
        assert_nothing_holds_the_password(sent)
    finally:
        treasury.sandbox.run("rule", "--signatures", "1")
        treasury.connections.default().info(refresh=True)


def test_a_wrong_password_is_told_under_the_field_and_cleared(reopened: Workbench, sent: list[Any]) -> None:
    ask = SigningForm(an_order(reopened))
    click(ask.sign)
    assert ask._password.message.value == "Type the password."
    enter(ask.password, "wrong horse battery")
    click(ask.sign_and_send)
    assert "password" in ask._password.message.value.lower()
    assert ask.password.value == ""
    assert ask.order.signers == ()
    assert not ask.sign.disabled
    assert "wrong horse" not in json.dumps(sent, default=str)
    enter(ask.password, PASSWORD)
    assert ask._password.message.value == ""
    click(ask.sign)
    assert ask.order.signers == ("ANNA",)
    assert_nothing_holds_the_password(sent)


def test_what_was_changed_since_it_was_shown_is_not_signed(
    reopened: Workbench, sent: list[Any], tmp_path: Path
) -> None:
    file = tmp_path / "payments.csv"
    file.write_text(f"Name;Account;Amount;Currency\nEgri Kft.;{PAYEE};1500;HUF\nDunai Bt.;{PAYEE};0;HUF\n", "utf-8")
    debtor = entry.debit_accounts(reopened)[0].account
    order = reopened.orders.read(file, debtor=debtor)
    ask = SigningForm(order)
    before = order.digest
    elsewhere = reopened.orders[order.id]
    edited = replace(order.order, transactions=order.order.transactions[:1] * 2)
    archived = archive_order(reopened.store, edited)
    reopened.store.orders.replace_document(order.id, archived["document"], event=archived)
    assert elsewhere.digest != before
    enter(ask.password, PASSWORD)
    click(ask.sign)
    assert order.signers == ()
    assert "changed meanwhile" in ask.status.value
    assert elsewhere.digest.hex() in ask.facts.value
    assert_nothing_holds_the_password(sent)


def test_every_wrong_field_has_its_message_and_nothing_is_made(reopened: Workbench, sent: list[Any]) -> None:
    form = forints(OrderForm(reopened))
    before = len(reopened.orders)
    fill(form, name="", account="HU42117730161111101800000001", amount="1e3")
    click(form.make)
    told = {name: field.message.value for name, field in form.payments[0].fields.items()}
    assert told["name"].startswith("Who is paid?")
    assert "Invalid checksum digits." in told["account"]
    assert "'1e3' is not an amount." in told["amount"]
    assert told["remittance"] == ""
    assert form.order is None
    assert len(reopened.orders) == before
    assert "3 problems" in form.status.value.lower()
    fill(form)
    assert form.payments[0].fields["account"].message.value == ""
    assert "problem" not in form.status.value


def test_an_order_is_made_once_however_often_the_button_is_pressed(reopened: Workbench, sent: list[Any]) -> None:
    form = forints(OrderForm(reopened))
    fill(form)
    click(form.make)
    made = len(reopened.orders)
    press(form.make)
    form.make_order()
    assert len(reopened.orders) == made
    assert form.make.disabled
    assert "is made" in form.make.tooltip
    click(form.again)
    assert form.order is None
    assert form.payments[0].texts() == PaymentTexts()
    assert not form.make.disabled


def test_the_last_payment_of_a_form_stays(reopened: Workbench, sent: list[Any]) -> None:
    today = reopened.today()  # before the form: midnight may come between
    form = OrderForm(reopened)
    assert form.debtor.control.value == form.debtor.control.options[0][1]
    assert form.execution_date.control.value >= today
    assert form.payments[0].remove.disabled
    click(form.add)
    click(form.payments[0].remove)
    assert len(form.payments) == 1
    assert form.payments[0].remove.disabled


def test_choosing_the_euro_account_chooses_the_kind_and_currency(reopened: Workbench, sent: list[Any]) -> None:
    form = OrderForm(reopened)
    euro = next(i for i, (_, account) in enumerate(form.debtor.control.options) if account.currency == "EUR")
    choose(form.debtor.control, euro)
    assert (form.kind.control.value, form.currency.control.value) == ("sepa", "EUR")
    assert form.currency.control.disabled


def test_a_form_without_an_account_says_what_to_do(tmp_path: Any, sent: list[Any]) -> None:
    workbench = Workbench.open(tmp_path / "empty")
    form = OrderForm(workbench)
    assert "wb.connect_sandbox()" in form.status.value
    assert form.make.disabled
    assert form.make.tooltip
    workbench.close()


def test_an_unexpected_error_is_told_and_the_buttons_work_again(reopened: Workbench, sent: list[Any]) -> None:
    ask = SigningForm(an_order(reopened))

    def work() -> None:
        with ask.busy("Signing …"):
            assert ask.sign.disabled
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert "An unexpected error." in ask.status.value
    assert not ask.sign.disabled


def test_what_is_signed_is_shown_escaped(reopened: Workbench, sent: list[Any]) -> None:
    form = forints(OrderForm(reopened))
    fill(form, name="<img src=x onerror=alert(1)>")
    click(form.make)
    assert form.order is not None
    ask = SigningForm(form.order)
    assert "<img" not in ask.facts.value
    assert "&lt;img" in ask.facts.value
    assert form.order.digest.hex() in ask.facts.value


def test_a_secret_never_leaves_the_kernel_and_is_gone_when_taken(sent: list[Any]) -> None:
    secret = Secret()
    enter(secret, PASSWORD)
    assert PASSWORD not in json.dumps([secret.get_state(), repr(secret), sent], default=str)
    assert secret.take() == PASSWORD
    assert secret.take() == ""


@given(st.text())
def test_no_text_in_a_status_or_table_becomes_markup(text: str) -> None:
    status = Status()
    status.say_error(ElectraError(text, cause=text))
    for html in (status.value, facts_table([(text, text)]), rows_table([(text, text)], caption=text)):
        bare = html.replace("<br>", "")
        for tag in ("div", "table", "tbody", "tr", "th", "td", "caption"):
            bare = bare.replace(f"</{tag}>", "").replace(f"<{tag}>", "").replace(f"<{tag} ", "")
        assert "<" not in bare


@given(
    st.builds(
        PaymentTexts, name=st.text(), account=st.text(), amount=st.text(), remittance=st.text(), reference=st.text()
    )
)
def test_whatever_is_typed_gives_an_order_or_messages_never_an_exception(texts: PaymentTexts) -> None:
    whole = OrderTexts(debtor=FORINTS, kind="domestic", currency="HUF", execution_date=TODAY, payments=(texts,))
    order, messages = entry.read_order(whole, NOW, TODAY)
    assert (order is None) == any(message.severity == "error" for message in messages)


def test_a_creditor_reference_is_told_from_the_payers_own() -> None:
    good = PaymentTexts(name="Isar", account="DE89370400440532013000", amount="10.50", reference="RF18 5390 0754 7034")
    payment, messages = entry.read_payment(good, "EUR", 0)
    assert messages == []
    assert payment is not None
    assert (payment.structured_reference, payment.end_to_end_id) == ("RF18539007547034", "NOTPROVIDED")
    assert payment.amount.amount == Decimal("10.50")


@pytest.mark.parametrize("amount", ["1e3", "NaN", "-5", "0", "0.001", "12 HUF", "1.234"])
def test_an_amount_that_is_none_is_refused_at_its_field(amount: str) -> None:
    payment = PaymentTexts(name="Egri Nyomda", account=PAYEE, amount=amount)
    whole = OrderTexts(debtor=FORINTS, kind="domestic", currency="HUF", execution_date=TODAY, payments=(payment,))
    order, messages = entry.read_order(whole, NOW, TODAY)
    assert order is None
    assert {(message.payment, message.field) for message in messages if message.severity == "error"} == {(0, "amount")}


def test_one_wrong_payment_hides_no_problem_of_another() -> None:
    payments = (
        PaymentTexts(name="A", account=PAYEE, amount="-5"),
        PaymentTexts(name="B", account="DE89370400440532013000", amount="5"),
    )
    whole = OrderTexts(debtor=FORINTS, kind="domestic", currency="HUF", execution_date=TODAY, payments=payments)
    _, messages = entry.read_order(whole, NOW, TODAY)
    assert {(message.payment, message.field) for message in messages} == {(0, "amount"), (1, "account")}


def test_an_order_without_account_day_or_currency_says_so() -> None:
    whole = OrderTexts(debtor=None, kind="sepa", currency="EURO", execution_date=None, payments=(PaymentTexts(),))
    order, messages = entry.read_order(whole, NOW, TODAY)
    assert order is None
    fields = [message.field for message in messages]
    assert fields == ["debtor", "execution_date", "currency", "name", "account", "amount"]


def test_the_total_counts_what_can_be_read() -> None:
    payments = [PaymentTexts(amount="10,50"), PaymentTexts(amount="ten"), PaymentTexts(amount="1")]
    assert entry.total_text(payments, "EUR") == "Total: 11.50 EUR in 2 payments; 1 without a readable amount"


def an_order(workbench: Workbench) -> Any:
    texts = OrderTexts(
        debtor=next(account for account in entry.debit_accounts(workbench) if account.currency == "HUF"),
        kind="domestic",
        currency="HUF",
        execution_date=entry.first_execution_date("domestic", workbench.today()),
        payments=(PaymentTexts(name="Tiszai Öntöde Zrt.", account=PAYEE, amount="900"),),
    )
    made, messages = entry.make_order(workbench, texts)
    assert messages == []
    return made


def assert_nothing_holds_the_password(sent: list[Any]) -> None:
    """Neither any widget, nor what a notebook saves of them, nor what was ever told to a front end."""
    assert sent
    assert PASSWORD not in json.dumps(sent, default=str)
    assert PASSWORD not in json.dumps(ipywidgets.Widget.get_manager_state(), default=str)
    assert PASSWORD not in repr([vars(widget) for widget in ipywidgets.widgets.widget._instances.values()])


def test_signing_says_who_is_missing_and_what_stands_in_the_way(reopened: Workbench) -> None:
    order = an_order(reopened)
    assert (signing.why_not_sign(order), signing.why_not_send(order)) == ("", "")
    order.cancel()
    assert signing.why_not_sign(order) == signing.why_not_send(order) == "The order is cancelled."
