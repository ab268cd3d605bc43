"""What happened to an order, in plain words, one line an event.

What may live here: words for events. What an event means for the order's state is in ``orders.lifecycle``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pandas as pd

from electra_kernel.orders.lifecycle import EventKind, OrderEvent, State

#: What a bank's status means, in words.
_STATES = {
    State.RECEIVED: "the bank has it",
    State.NAME_CHECK_PENDING: "the bank checks names of payees and waits for a release",
    State.AWAITING_SIGNATURES: "the bank waits for more signatures",
    State.ACCEPTED: "the bank accepted it",
    State.EXECUTED: "the bank executed it",
    State.PART_EXECUTED: "the bank executed a part of it",
    State.REJECTED: "the bank rejected it",
    State.CANCELLED: "it was cancelled at the bank",
}


def timeline(events: Iterable[OrderEvent]) -> pd.DataFrame:
    """The events as a table, oldest first: at (aware UTC), event (the journal's word), what (plain words)."""
    rows = [(event.at, event.kind.value, words_of(event)) for event in events]
    return pd.DataFrame(rows, columns=["at", "event", "what"])


def told(events: Iterable[OrderEvent]) -> str:
    """The events as text, one line each with day and time here and now's zone, such as ``2026-11-23 12:03 ANNA signed``."""
    return "\n".join(f"{event.at.astimezone():%Y-%m-%d %H:%M}  {words_of(event)}" for event in events)


def words_of(event: OrderEvent) -> str:
    """One event in plain words; a particular that is not there is left out."""
    return _WORDS[event.kind](event.data)


def _created(data: Mapping[str, Any]) -> str:
    problems = int(data.get("problems", 0))
    left = f"; {problems} lines could not be read" if problems else ""
    return ("made from a file" if data.get("source") else "made in a form") + left


def _edited(data: Mapping[str, Any]) -> str:
    lines = int(data.get("left_out", 0))
    return f"{lines} lines with problems were left out" if lines else "changed; signatures made before are void"


def _checked(data: Mapping[str, Any]) -> str:
    problems = int(data.get("problems", 0))
    return f"checked: {problems} problems" if problems else "checked: no problems"


def _signed(data: Mapping[str, Any]) -> str:
    scheme, required = _in_brackets(data.get("scheme")), int(data.get("required", 1))
    more = f"; {required} signatures are needed" if required > 1 else ""
    return f"{data.get('user', 'somebody')} signed{scheme}{more}"


def _queued(data: Mapping[str, Any]) -> str:
    lacking = int(data.get("lacking", 0) or 0)
    more = "; the bank is to check names of payees" if data.get("check_names") else ""
    more += f"; the bank is to collect {lacking} more signatures" if lacking else ""
    return f"put into the outbox{_for(data.get('connection'))}{more}"


def _sending(data: Mapping[str, Any]) -> str:
    if data.get("segment"):
        return f"sending goes on{_for(data.get('connection'))} with part {data['segment']} of {data.get('segments')}"
    return f"being sent{_for(data.get('connection'))}{_in_brackets(data.get('service'))}"


def _not_sent(data: Mapping[str, Any]) -> str:
    return _because("it did not reach the bank and stays in the outbox", data.get("reason"))


def _received(data: Mapping[str, Any]) -> str:
    proof = {"HAC": "its protocol (HAC) says so", "the bank's answer": ""}.get(data.get("proof", ""), data.get("proof"))
    order = f"order id {data['order_id']}" if data.get("order_id") else ""
    return "the bank took it" + _in_brackets("; ".join(part for part in (order, proof) if part))


def _bank_status(data: Mapping[str, Any]) -> str:
    known = {state.value: words for state, words in _STATES.items()}
    words = known.get(data.get("state", ""), f"the bank says: {data.get('state', 'nothing')}")
    return _because(f"{words}{_in_brackets(data.get('source'))}", data.get("reason"))


def _cancelled(data: Mapping[str, Any]) -> str:
    where = "cancelled at the bank" if data.get("at_bank") else "cancelled"
    return _because(where + (f" by {data['user']}" if data.get("user") else ""), data.get("reason"))


def _for(connection: object) -> str:
    return f" for {connection}" if connection else ""


def _in_brackets(words: object) -> str:
    return f" ({words})" if words else ""


def _because(words: str, reason: object) -> str:
    return f"{words}: {reason}" if reason else words


_WORDS: dict[EventKind, Callable[[Mapping[str, Any]], str]] = {
    EventKind.CREATED: _created,
    EventKind.EDITED: _edited,
    EventKind.CHECKED: _checked,
    EventKind.SIGNED: _signed,
    EventKind.QUEUED: _queued,
    EventKind.SENDING: _sending,
    EventKind.NOT_SENT: _not_sent,
    EventKind.RECEIVED: _received,
    EventKind.BANK_STATUS: _bank_status,
    EventKind.CANCELLED: _cancelled,
}
