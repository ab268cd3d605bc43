"""The life of an order: its states, the events that move it, and the one function that derives the state.

A state is never stored. What may live here: the two tables and the fold over events.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """Where an order is. Only states that something can lead to today; the plan lists the ones to come."""

    DRAFT = "draft"
    READY = "ready"
    PART_SIGNED = "part-signed"
    SIGNED = "signed"
    QUEUED = "queued"
    SENT = "sent"
    RECEIVED = "received"
    NAME_CHECK_PENDING = "name-check-pending"
    AWAITING_SIGNATURES = "awaiting-signatures"
    ACCEPTED = "accepted"
    EXECUTED = "executed"
    PART_EXECUTED = "part-executed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


class EventKind(StrEnum):
    """What can happen to an order. The journal keeps these words."""

    CREATED = "created"
    EDITED = "edited"
    CHECKED = "checked"
    SIGNED = "signed"
    QUEUED = "queued"
    SENDING = "sending"
    NOT_SENT = "not-sent"
    RECEIVED = "received"
    BANK_STATUS = "bank-status"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """One thing that happened to an order.

    Attributes:
        kind: what happened.
        at: aware UTC moment.
        data: ``problems`` (number of errors) for checked; ``user``, ``partner``, ``required`` (signatures needed) for signed;
            ``lacking`` (signatures the bank shall collect) for queued;
            ``reason`` for not-sent (the bank provably has nothing: it was not reached, or it refused);
            ``check_names`` (whether the bank is to check the names of payees) for queued;
            ``state`` (a ``State`` value) and ``source`` (``HAC``, ``pain.002``, ``VOP``, ``HVE``) for bank-status;
            ``at_bank`` (the bank has confirmed it) for cancelled.
    """

    kind: EventKind
    at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)


#: How far the bank is with an order; news that arrives late never moves it back.
_BANK_PROGRESS = {
    State.SENT: 0,
    State.RECEIVED: 1,
    State.NAME_CHECK_PENDING: 2,
    State.AWAITING_SIGNATURES: 3,
    State.ACCEPTED: 4,
    State.REJECTED: 5,
    State.PART_EXECUTED: 5,
    State.EXECUTED: 6,
}

#: Where the bank has an order and still lets it go.
_HELD = frozenset({State.SENT, State.RECEIVED, State.NAME_CHECK_PENDING, State.AWAITING_SIGNATURES})

#: Nothing has left yet: the order may still be changed, and another signature still counts.
EDITABLE_STATES = frozenset({State.DRAFT, State.READY, State.PART_SIGNED, State.SIGNED})

FINAL_STATES = frozenset({State.EXECUTED, State.PART_EXECUTED, State.REJECTED, State.CANCELLED})


#: Our own steps that need no look at the event's data: from which states, to which.
_OWN_STEPS = {
    EventKind.QUEUED: (frozenset({State.SIGNED}), State.QUEUED),
    EventKind.NOT_SENT: (frozenset({State.SENT}), State.QUEUED),
    EventKind.CANCELLED: (frozenset(State) - frozenset(_BANK_PROGRESS), State.CANCELLED),
}


def state_of(events: Iterable[OrderEvent]) -> State:
    """Derive the state from everything that happened, oldest first.

    An edit voids the signatures, and comes too late once the bank may have the order. A bank's news only ever moves the
    order forward. What is queued or cancelled takes no further signature.
    """
    state, signers, given_up = State.DRAFT, set[str](), False
    for event in events:
        match event.kind:
            case EventKind.CREATED | EventKind.EDITED if state not in _BANK_PROGRESS:
                state, signers = State.DRAFT, set()
            case EventKind.CHECKED if state in (State.DRAFT, State.READY):
                state = State.DRAFT if event.data.get("problems") else State.READY
            case EventKind.SIGNED if state in EDITABLE_STATES:
                signers.add(str(event.data.get("user")))
                state = State.SIGNED if len(signers) >= int(event.data.get("required", 1)) else State.PART_SIGNED
            case EventKind.SENDING | EventKind.RECEIVED | EventKind.BANK_STATUS:
                state = _forward(state, _bank_news(event), given_up=given_up)
            case EventKind.QUEUED if state is State.PART_SIGNED and event.data.get("lacking"):
                state = State.QUEUED  # the bank collects the other signatures (EBICS 3.0.2, chapter 8)
            case EventKind.CANCELLED if state in _HELD and event.data.get("at_bank"):
                state, given_up = State.CANCELLED, True
            case own if own in _OWN_STEPS and state in _OWN_STEPS[own][0]:
                state = _OWN_STEPS[own][1]
    return state


def _bank_news(event: OrderEvent) -> State:
    fixed = {EventKind.SENDING: State.SENT, EventKind.RECEIVED: State.RECEIVED}
    return fixed.get(event.kind) or State(event.data["state"])


def _forward(state: State, news: State, *, given_up: bool) -> State:
    """What the bank has done with an order outweighs that it was given up there; older news of its waiting do not."""
    reached = _BANK_PROGRESS[State.ACCEPTED] if given_up else -1
    return news if _BANK_PROGRESS.get(news, 0) > max(reached, _BANK_PROGRESS.get(state, -1)) else state
