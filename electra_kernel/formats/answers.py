"""What reports about orders and requests to call them back have in common: who writes to whom, reasons, moments.

What may live here: elements that pain.002, camt.029, camt.055 and camt.056 share, both read and written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from electra_kernel.formats import iso
from electra_kernel.formats.base import Problems, unreadable
from electra_kernel.formats.initiation_write import is_bic
from electra_kernel.orders.status import StatusReason
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.parties import Party

_NO_REASON = StatusReason()


# -------------------------------------------------------------------------------------------------------- read
def parse(
    data: bytes, source: str, name: str, versions: tuple[str, ...], usual: str, problems: Problems
) -> tuple[iso.Element, str]:
    """The one body of a file with plain names, and its version.

    Raises:
        UnreadableFile: not well-formed, hostile, or without exactly one such message.
    """
    body = iso.the_one_body(iso.parsed(data, source, problems), source, name)
    version = iso.known_version(body, versions, usual, problems)
    iso.plain_names(body)
    return body, version


def wanted(element: iso.Element, path: str, problems: Problems) -> str:
    """A text that must be there; told where it is not."""
    value = iso.text(element, path)
    if not value:
        problems.error(None, path, "missing", f"The message gives no {path}.", "Ask its sender for a whole one.")
    return value


def moment(value: str, field: str, problems: Problems) -> datetime:
    """The moment a message was made; told where it is none."""
    found = iso.moment_or_none(value)
    if found is None:
        text = f"{value[:40]!r} is not a date and time."
        problems.error(None, field, "moment", text, "Ask its sender for a whole message.")
    return found or datetime.min.replace(tzinfo=UTC)


def reasons(element: iso.Element, name: str) -> tuple[StatusReason, ...]:
    """The reasons below an element, each in an element of this name."""
    found = (
        StatusReason(code=iso.first_text(reason, "Rsn/Cd", "Rsn/Prtry"), text=" ".join(iso.texts(reason, "AddtlInf")))
        for reason in element.findall(name)
    )
    return tuple(reason for reason in found if reason != _NO_REASON)


def correspondent(element: iso.Element, name: str) -> Party:
    """Who writes or is written to: a bank or a party."""
    bank = f"{name}/Agt/FinInstnId"
    return Party(
        name=iso.first_text(element, f"{bank}/Nm", f"{name}/Pty/Nm"),
        bic=iso.first_text(element, f"{bank}/BICFI", f"{bank}/BIC"),
    )


def tell_uncarried(
    element: iso.Element, where: str, carried: frozenset[str], repeats: tuple[str, ...], problems: Problems
) -> None:
    """Tell, once each, the elements with something in them that are not carried over.

    Args:
        element: the message's body.
        where: its name.
        carried: the ends of paths that are carried.
        repeats: beginnings of element names that only repeat the original message.
    """
    for path, leaf in iso.leaf_paths(element, set()):
        if not (leaf.text or "").strip() or path in carried:
            continue
        if any(part.startswith(repeats) for part in path.split("/")):
            continue
        problems.warn_once(
            f"{where}/{path}",
            "element-not-carried",
            f"{where}/{path} is not carried over.",
            "Look into the original file where this element matters.",
        )


def required_body(found: iso.Element | None, source: str, name: str, what: str) -> iso.Element:
    """An element without which the message says nothing.

    Raises:
        UnreadableFile: it is missing.
    """
    if found is None:
        raise unreadable(source, "incomplete", f"The message names no {what}.", "Fetch it again.", field=name)
    return found


# ------------------------------------------------------------------------------------------------------- write
def reasons_text(given: Sequence[StatusReason], name: str) -> str:
    """Reasons, each in an element of this name."""
    return "".join(f"<{name}>{_code(reason.code)}{''.join(_lines(reason.text))}</{name}>" for reason in given)


def _code(code: str) -> str:
    if not code:
        return ""
    return f"<Rsn>{iso.tag('Cd', code, 4) if len(code) <= 4 else iso.tag('Prtry', code, 35)}</Rsn>"


def _lines(words: str) -> Iterable[str]:
    return (iso.tag("AddtlInf", line, 105) for line in iso.lines_of(words, 105))


def correspondent_text(name: str, who: Party) -> str:
    """``Assgnr`` or ``Assgne`` and the like.

    Raises:
        ElectraError: neither a name nor a BIC, or a BIC that is none.
    """
    if who.bic:
        if not is_bic(who.bic):
            raise ElectraError(f"{who.bic[:20]!r} is not a BIC.", repair="A BIC has 8 or 11 letters and digits.")
        named = iso.tag("Nm", who.name, 140)
        return f"<{name}><Agt><FinInstnId><BICFI>{who.bic}</BICFI>{named}</FinInstnId></Agt></{name}>"
    if not who.name:
        raise ElectraError(f"The message names nobody as {name}.", repair="Give a name or a bank's BIC.")
    return f"<{name}><Pty>{iso.tag('Nm', who.name, 140)}</Pty></{name}>"


def assignment(message_id: str, assigner: Party, assignee: Party, created: datetime) -> str:
    """``Assgnmt``: the head of every message of an investigation."""
    if not message_id:
        raise ElectraError("The message has no id.", repair="Give it a unique id.")
    return (
        f"<Assgnmt>{iso.tag('Id', message_id, 35)}{correspondent_text('Assgnr', assigner)}"
        f"{correspondent_text('Assgne', assignee)}<CreDtTm>{iso.moment_text(created)}</CreDtTm></Assgnmt>"
    )


def case_text(name: str, case: str, creator: Party) -> str:
    """``Case`` or ``RslvdCase``, or nothing."""
    return f"<{name}>{iso.tag('Id', case, 35)}{correspondent_text('Cretr', creator)}</{name}>" if case else ""
