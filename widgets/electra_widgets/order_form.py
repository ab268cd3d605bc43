"""The form that enters an order. What is typed is read and checked in ``entry``; this file only shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets

from electra_kernel import Workbench
from electra_kernel.orders.kinds import KINDS, TRANSFERS
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.workbench.orders import TrackedOrder
from electra_widgets import entry
from electra_widgets.entry import DebitAccount, Message, OrderTexts, PaymentTexts
from electra_widgets.fields import Field, Form, allow, button, on_press, row

_PAYMENT_FIELDS = ("name", "account", "amount", "remittance", "reference")


class PaymentFields(widgets.VBox):  # type: ignore[misc]
    """The inputs of one payment."""

    def __init__(self) -> None:
        texts = {name: widgets.Text(continuous_update=False) for name in _PAYMENT_FIELDS}
        texts["account"].placeholder = "IBAN, or Hungarian account number"
        texts["amount"].placeholder = "1234.56"
        texts["reference"].placeholder = "RF…, or your own"
        self.fields = {
            "name": Field(texts["name"], "Payee", width="14em", grow=3),
            "account": Field(texts["account"], "Payee's account", width="16em", grow=4),
            "amount": Field(texts["amount"], "Amount", width="8em", grow=2),
            "remittance": Field(texts["remittance"], "Text to the payee", width="18em", grow=5),
            "reference": Field(texts["reference"], "Reference", width="9em", grow=2),
        }
        self.fields["amount"].add_class("electra-amount")
        self.remove = button("Remove")
        self.remove.add_class("electra-remove")
        first = [self.fields[name] for name in ("name", "account", "amount")]
        second = [self.fields[name] for name in ("remittance", "reference")]
        super().__init__([row(*first), row(*second, self.remove)])
        self.add_class("electra-payment")

    def texts(self) -> PaymentTexts:
        """What was typed."""
        return PaymentTexts(**{name: field.control.value for name, field in self.fields.items()})


class OrderForm(Form):
    """Enter an order with one or several payments, check it, and make it in the workbench.

    Args:
        workbench: where the order is made; the accounts of its connections may pay.

    Attributes:
        order: the order once it is made, ``None`` before.
    """

    def __init__(self, workbench: Workbench) -> None:
        self.workbench = workbench
        self.order: TrackedOrder | None = None
        self.payments: list[PaymentFields] = []
        self.debtor = Field(widgets.Dropdown(), "From account", width="26em", grow=6)
        self.kind = Field(
            widgets.Dropdown(options=[(kind.title, kind.code) for kind in TRANSFERS.values()]), "Kind", width="11em"
        )
        self.currency = Field(widgets.Text(continuous_update=False), "Currency", width="5em", grow=0)
        self.execution_date = Field(widgets.DatePicker(), "Execution date", width="9em")
        self.total = widgets.Label()
        self.add = button("Add a payment")
        self.check = button("Check")
        self.make = button("Make the order", primary=True)
        self.again = button("New order")
        self._rows = widgets.VBox()
        head = row(self.debtor, self.kind, self.currency, self.execution_date)
        buttons = (self.add, self.check, self.make, self.again)
        super().__init__("New order", [head, self._rows, self.total], buttons)
        self._wire()
        self._load_accounts()
        self.add_payment()

    # -- what is typed -----------------------------------------------------------------------------------------------

    def texts(self) -> OrderTexts:
        """The whole form as it is filled in."""
        return OrderTexts(
            debtor=self.debtor.control.value,
            kind=self.kind.control.value,
            currency=self.currency.control.value.strip().upper(),
            execution_date=self.execution_date.control.value,
            payments=tuple(payment.texts() for payment in self.payments),
        )

    def add_payment(self) -> PaymentFields:
        """Add the inputs of one more payment."""
        payment = PaymentFields()
        on_press(payment.remove, lambda: self.remove_payment(payment))
        for field in payment.fields.values():
            field.control.observe(lambda _: self._change(), names="value")
        self.payments.append(payment)
        self._show_payments()
        return payment

    def remove_payment(self, payment: PaymentFields) -> None:
        """Take a payment's inputs away; the last one stays."""
        if len(self.payments) > 1:
            self.payments.remove(payment)
            self._show_payments()

    # -- what is done ------------------------------------------------------------------------------------------------

    def check_entry(self) -> None:
        """Show every problem under its field."""
        with self.busy("Checking …"):
            order, messages = entry.read_order(self.texts(), self.workbench.clock(), self.workbench.today())
            self._tell(messages, good="No problem found." if order else "")

    def make_order(self) -> None:
        """Make the order, or show every problem under its field; an order is made once."""
        if self.order is not None:
            return
        with self.busy("Making the order …"):
            self.order, messages = entry.make_order(self.workbench, self.texts())
            good = f"The order {self.order.id} is made and may be signed." if self.order else ""
            self._tell(messages, good=good)

    def new_order(self) -> None:
        """Empty the form for another order."""
        self.order = None
        self.payments.clear()
        self.add_payment()
        self._tell([], good="")
        self.refresh()

    def refresh(self) -> None:
        """Bring the buttons up to date."""
        made = f"The order {self.order.id} is made." if self.order else ""
        none = "" if self.debtor.control.options else "There is no account that can pay."
        for each in (self.add, self.check, self.make):
            allow(each, made or none)
        self.again.layout.display = "" if made else "none"
        allow(self.again, "")
        for payment in self.payments:
            allow(payment.remove, made or ("" if len(self.payments) > 1 else "An order needs at least one payment."))

    # -- the shell ---------------------------------------------------------------------------------------------------

    def _wire(self) -> None:
        on_press(self.add, self.add_payment)
        on_press(self.check, self.check_entry)
        on_press(self.make, self.make_order)
        on_press(self.again, self.new_order)
        self.debtor.control.observe(lambda change: self._choose_debtor(change["new"]), names="value")
        self.kind.control.observe(lambda _: self._choose_kind(), names="value")
        for field in (self.currency, self.execution_date):
            field.control.observe(lambda _: self._change(), names="value")

    def _load_accounts(self) -> None:
        try:
            accounts = entry.debit_accounts(self.workbench)
        except ElectraError as error:
            self.status.say_error(error)
            return
        self.debtor.control.options = [(str(account), account) for account in accounts]
        if accounts:
            self.debtor.control.index = 0
        else:
            self.status.say("There is no account that can pay: connect to a bank first, with wb.connect_sandbox().")
        self.refresh()

    def _choose_debtor(self, debtor: DebitAccount | None) -> None:
        if debtor is not None:
            self.kind.control.value = entry.likely_kind(debtor)
            self._choose_kind()

    def _choose_kind(self) -> None:
        kind = self.kind.control.value
        self.currency.control.value = entry.currency_of(kind, self.debtor.control.value)
        self.currency.control.disabled = len(KINDS[kind].currencies) == 1
        self.execution_date.control.value = entry.first_execution_date(kind, self.workbench.today())

    def _show_payments(self) -> None:
        self._rows.children = self.payments
        self._show_total()
        self.refresh()

    def _change(self) -> None:
        """An input changed: what was said of the form before counts no more."""
        if self.order is None:
            self.status.say("")
        self._show_total()

    def _show_total(self) -> None:
        texts = self.texts()
        self.total.value = entry.total_text(texts.payments, texts.currency)

    def _tell(self, messages: Sequence[Message], *, good: str) -> None:
        for field in self._all_fields():
            field.tell("")
        general: list[str] = []
        for message in messages:
            place = self._field(message)
            if place is None:
                general.append(message.text)
            elif not place.message.value or message.severity == "error":
                place.tell(message.text, message.severity)
        found = entry.summary(messages)
        lines = [good, f"{found[:1].upper()}{found[1:]}: see the fields." if found else "", *general]
        self.status.say("\n".join(line for line in lines if line), "done" if good else "failed" if found else "")

    def _all_fields(self) -> list[Field]:
        own = [self.debtor, self.kind, self.currency, self.execution_date]
        return own + [field for payment in self.payments for field in payment.fields.values()]

    def _field(self, message: Message) -> Field | None:
        if message.payment is not None and message.payment < len(self.payments):
            return self.payments[message.payment].fields.get(message.field)
        order_fields: dict[str, Any] = {
            "debtor": self.debtor,
            "kind": self.kind,
            "currency": self.currency,
            "execution_date": self.execution_date,
        }
        return order_fields.get(message.field)
