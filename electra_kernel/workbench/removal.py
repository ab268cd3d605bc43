"""Taking a connection out of a workbench: when that may be, what becomes of its keys, and what is left to do at the bank.

What may live here: the end of a connection here. Its end at the bank (SPR) is in ``keychanges``.
"""

from __future__ import annotations

from electra_kernel.ebics.desk import KeyUse
from electra_kernel.orders.lifecycle import State
from electra_kernel.store import Store
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.workbench import keychanges, ordertypes
from electra_kernel.workbench.keyfiles import key_name, next_name
from electra_kernel.workbench.lines import Line
from electra_kernel.workbench.standing import REMOVED

#: Orders that the bank has and whose fate only this connection can ask for.
_ON_THEIR_WAY = frozenset({State.RECEIVED, State.NAME_CHECK_PENDING, State.AWAITING_SIGNATURES})


class OrdersWait(ElectraError):
    """Orders go over the connection that are not at their end."""


def remove(line: Line, *, erase_keys: bool) -> str:
    """Take a connection out of the workbench; the caller holds its lock.

    Orders, statements and the journal stay. Keys that are not erased stay under their password, under another name.

    Returns:
        What became of the keys, and what is left to do, in words.

    Raises:
        OrdersWait: orders wait on it. Nothing was changed.
        ElectraError: a change of keys or giving the access up was cut off. Nothing was changed.
    """
    store, now = line.store, line.standing
    if now.changing is not None or now.suspending is not None:
        raise ElectraError(
            f"The connection {line.name!r} has a step open whose end only the bank knows.",
            repair="Finish it first, as the connection's next step says.",
        )
    if waiting := _waiting(line):
        raise OrdersWait(
            f"Orders wait on the connection {line.name!r}: {', '.join(waiting)}.",
            cause="without it nobody could send them, or ask the bank what became of them.",
            repair="Send or cancel them, or follow them to their end; then remove the connection.",
        )
    at_the_bank = now.ready and now.refused is None
    user, names = line.record.user, [make(line.name, use) for use in KeyUse for make in (key_name, next_name)]
    kept = {} if erase_keys else _kept_aside(store, names, f"removed {line.clock():%Y-%m-%d %H%M%S}")
    # Noted first: cut off here, the connection is removed once more, and no later one of its name takes over its past.
    line.note(REMOVED, keys="erased" if erase_keys else "kept", files=sorted(kept.values()))
    store.connections.remove(line.name)
    for name in names:
        store.keys.remove(name)
    ordertypes.forget(store.folder, line.name)
    line.letter_file.unlink(missing_ok=True)
    return _told(line.name, user, kept=bool(kept), erased=erase_keys, at_the_bank=at_the_bank)


def _waiting(line: Line) -> list[str]:
    named = {record.id for record in line.store.orders.all() if record.connection == line.name}
    there = [
        order_id
        for order_id, state in line.store.orders.states().items()
        if state in _ON_THEIR_WAY and order_id in named
    ]
    return sorted({*there, *keychanges.waiting_orders(line)})


def _kept_aside(store: Store, names: list[str], mark: str) -> dict[str, str]:
    """Copies of the key files under names that no new connection takes; gives the new names by the old ones."""
    kept = {name: f"{name} {mark}" for name in names if store.keys.has(name)}
    for name, place in kept.items():
        store.keys.put(place, store.keys.get(name), replace=True)
    return kept


def _told(name: str, user: str, *, kept: bool, erased: bool, at_the_bank: bool) -> str:
    words = f"The connection {name} is removed."
    if erased:
        words += " Its keys are erased."
    elif kept:
        words += " Its keys are kept in the folder keys, under their password."
    if at_the_bank:
        words += f" The bank still takes orders of {user}: should it not, tell it so."
    return words
