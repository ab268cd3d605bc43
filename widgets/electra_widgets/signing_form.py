"""The form that signs and sends an order. The steps are in ``signing``; this file only shows and clears the password."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets

from electra_kernel.orders.lifecycle import State
from electra_kernel.signing.passwordkey import WrongPassword
from electra_kernel.workbench.orders import TrackedOrder
from electra_widgets import signing
from electra_widgets.fields import Field, Form, Secret, allow, button, facts_table, on_press, row, rows_table


class SigningForm(Form):
    """See what is signed, type the password, sign, and send.

    The password is cleared as soon as it is used, and is never part of a saved notebook.

    Args:
        order: what is to be signed.
    """

    def __init__(self, order: TrackedOrder) -> None:
        self.order = order
        self.facts = widgets.HTML()
        user = order.connection.record.user
        self.password = Secret()
        self._password = Field(self.password, f"Password of {user} at {order.connection.name}", width="30em", grow=0)
        self.sign = button("Sign")
        self.sign_and_send = button("Sign and send", primary=True)
        self.reason = widgets.Label()
        super().__init__(
            "Sign the order", [self.facts, row(self._password)], (self.sign, self.sign_and_send, self.reason)
        )
        on_press(self.sign, lambda: self._run("Signing …", signing.sign))
        on_press(self.sign_and_send, lambda: self._run("Signing and sending …", signing.sign_and_send))
        self.refresh()

    def refresh(self) -> None:
        """Show the order as it is now, and which steps are left."""
        order = self.order
        self._shown = order.digest
        payments = rows_table(signing.largest_payments(order), caption="Payments, the largest first")
        self.facts.value = facts_table(signing.what_is_signed(order), monospace=("Hash",)) + payments
        not_sign, not_send = signing.why_not_sign(order), signing.why_not_send(order)
        allow(self.sign, not_sign)
        allow(self.sign_and_send, not_send)
        waits = signing.what_sending_does(order)
        send = "Send as it is" if waits else "Send"
        self.sign_and_send.description = send if not_sign and not not_send else "Sign and send"
        self.password.disabled = bool(not_sign and not_send)
        self.reason.value = not_send or waits or not_sign

    def _run(self, doing: str, step: Callable[[TrackedOrder, str], str]) -> None:
        password = self.password.take()
        if not password and not signing.why_not_sign(self.order):
            self._password.tell("Type the password.")
            return
        if self.order.digest != self._shown:
            self.refresh()
            self.status.say("The order was changed meanwhile. Look at it again, then sign.", "failed")
            return
        with self.busy(doing):
            try:
                told = step(self.order, password)
            except WrongPassword as error:
                self._password.tell(f"{error.what} {error.repair}".strip())
                self.status.say("Nothing was signed.", "failed")
                return
            arrived = self.order.status not in (State.PART_SIGNED, State.QUEUED)
            self.status.say(told, "done" if arrived else "")
