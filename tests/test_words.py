"""What happened, in words: the story of an order, and errors with whose fault they are and what to do."""

from __future__ import annotations

import importlib
import pkgutil
import re
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import electra_kernel
from electra_kernel.channels.base import BankUnreachable, CertificateRejected
from electra_kernel.cli import in_the_shell
from electra_kernel.ebics.codes import BENIGN, CODES, NO_DATA, ReturnCode
from electra_kernel.ebics.errors import BankSignatureInvalid, bank_refusal
from electra_kernel.ebics.hac import REASONS, HacEvent
from electra_kernel.jupyter.errors import error_html, error_text
from electra_kernel.orders.lifecycle import EventKind, OrderEvent, State
from electra_kernel.signing.passwordkey import WrongPassword
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.faults import FAULTS, Fault, explain
from electra_kernel.workbench.standing import PYTHON, SHELL
from electra_kernel.workbench.timeline import timeline, told, words_of

CONNECTIONS = ("enrolment", "keychanges", "keyfiles", "lines", "removal", "letters")
AT = datetime(2026, 11, 23, 12, 3, tzinfo=UTC)


def happened(kind: EventKind, **data: Any) -> OrderEvent:
    return OrderEvent(kind, AT, data)


STORY = [
    (happened(EventKind.CREATED, source="ab", problems=3), "made from a file; 3 lines could not be read"),
    (happened(EventKind.CREATED, source=""), "made in a form"),
    (happened(EventKind.EDITED, left_out=2), "2 lines with problems were left out"),
    (happened(EventKind.CHECKED, problems=0), "checked: no problems"),
    (happened(EventKind.SIGNED, user="ANNA", scheme="A006", required=1, value="x"), "ANNA signed (A006)"),
    (
        happened(EventKind.SIGNED, user="ANNA", scheme="A006", required=2),
        "ANNA signed (A006); 2 signatures are needed",
    ),
    (happened(EventKind.QUEUED, connection="otp"), "put into the outbox for otp"),
    (happened(EventKind.SENDING, connection="otp", service="SCT pain.001"), "being sent for otp (SCT pain.001)"),
    (
        happened(EventKind.NOT_SENT, reason="no network"),
        "it did not reach the bank and stays in the outbox: no network",
    ),
    (happened(EventKind.RECEIVED, order_id="A002", proof="the bank's answer"), "the bank took it (order id A002)"),
    (
        happened(EventKind.RECEIVED, order_id="A002", proof="HAC"),
        "the bank took it (order id A002; its protocol (HAC) says so)",
    ),
    (
        happened(EventKind.BANK_STATUS, state="rejected", source="pain.002", reason="AC04 closed"),
        "the bank rejected it (pain.002): AC04 closed",
    ),
    (happened(EventKind.BANK_STATUS, state="executed", source="pain.002"), "the bank executed it (pain.002)"),
    (happened(EventKind.CANCELLED), "cancelled"),
]


@pytest.mark.parametrize(("event", "words"), STORY)
def test_each_event_of_an_order_is_told_in_plain_words(event: OrderEvent, words: str) -> None:
    assert words_of(event) == words


def test_the_story_of_an_order_is_a_table_and_lines_without_secrets_or_file_names() -> None:
    events = [event for event, _ in STORY]
    table = timeline(events)
    assert list(table.columns) == ["at", "event", "what"]
    assert list(table["what"]) == [words for _, words in STORY]
    lines = told(events).splitlines()
    assert len(lines) == len(STORY)
    assert all(line.startswith(f"{AT.astimezone():%Y-%m-%d %H:%M}  ") for line in lines)


@given(st.sampled_from(EventKind), st.sampled_from([None, *State]))
def test_every_kind_of_event_has_words_even_where_particulars_are_missing(kind: EventKind, state: State | None) -> None:
    words = words_of(OrderEvent(kind, AT, {"state": state.value} if state else {}))
    assert words
    assert "{" not in words
    if kind is EventKind.BANK_STATUS and state in (State.ACCEPTED, State.REJECTED, State.EXECUTED, State.PART_EXECUTED):
        assert "says" not in words


# -- errors ------------------------------------------------------------------------------------------------------------


def kinds_of_error() -> dict[str, type[ElectraError]]:
    for module in pkgutil.walk_packages(electra_kernel.__path__, "electra_kernel."):
        if not module.name.endswith("__main__") and ".migrations" not in module.name:
            importlib.import_module(module.name)
    found: dict[str, type[ElectraError]] = {"ElectraError": ElectraError}
    waiting = [ElectraError]
    while waiting:
        kind = waiting.pop()
        found[kind.__name__] = kind
        waiting += kind.__subclasses__()
    return found


def test_every_error_in_the_table_exists_and_every_error_of_the_protocol_and_the_line_is_in_it() -> None:
    known = kinds_of_error()
    assert set(FAULTS) - set(known) == set()
    for kind in known.values():
        assert any(base.__name__ in FAULTS for base in kind.__mro__)
    for name in ("ChannelError", "BankUnreachable", "BankRefusal", "RemoteProtocolError", "LocalProtocolError"):
        assert name in FAULTS


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (BankUnreachable("The bank cannot be reached."), Fault.LINE),
        (CertificateRejected("The certificate is not the bank's."), Fault.STRANGER),
        (BankSignatureInvalid("altered"), Fault.STRANGER),
        (WrongPassword(), Fault.INPUT),
        (bank_refusal("061099"), Fault.BANK),
        (bank_refusal("090003"), Fault.RIGHTS),
        (bank_refusal("091010"), Fault.PROGRAM),
        (bank_refusal("091301"), Fault.INPUT),
        (bank_refusal("091122"), Fault.STEP),
        (ElectraError("Something."), Fault.INPUT),
        (ValueError("mine"), Fault.PROGRAM),
    ],
)
def test_an_error_says_whose_fault_it_is_and_what_became_of_orders(error: Exception, fault: Fault) -> None:
    told_ = explain(error)
    assert told_.fault == fault.value
    assert told_.outcome
    assert told_.what


@pytest.mark.parametrize(
    "name", ["EBICS_AUTHORISATION_ORDER_TYPE_FAILED", "EBICS_AUTHORISATION_ORDER_IDENTIFIER_FAILED"]
)
def test_the_banks_words_are_shown_without_the_name_of_the_code_in_either_version(name: str) -> None:
    assert bank_refusal("090003", f"[{name}] No right to SCT.").cause.endswith("The bank's words: No right to SCT.")


def test_a_refusal_is_never_a_bare_code() -> None:
    words = str(explain(bank_refusal("091002", "[EBICS_INVALID_USER_OR_USER_STATE] no")))
    assert words.splitlines()[0] != "091002"
    for label in ("Cause: ", "Whose: ", "Orders and data: ", "Repair: "):
        assert label in words


@pytest.mark.parametrize("known", CODES.values(), ids=CODES)
def test_every_return_code_says_what_happened_why_whose_fault_it_is_and_what_to_do(known: ReturnCode) -> None:
    told_ = explain(bank_refusal(known.code))
    assert not told_.what[0].isdigit()
    assert known.meaning in told_.what
    if known.code in BENIGN | {NO_DATA}:
        assert known.fault is None
        return
    assert known.fault is not None
    assert told_.fault == known.fault.value
    for sentence in (known.meaning, known.cause, known.repair):
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert not any(word.strip(".,;:()").isdigit() for word in sentence.split())


@pytest.mark.parametrize("code", ["093333", "061011", "000007", "", "x" * 50])
def test_a_code_of_the_banks_own_is_told_as_such(code: str) -> None:
    told_ = explain(bank_refusal(code, "own words"))
    assert "does not define" in told_.what
    assert "own words" in told_.cause
    assert told_.fault == Fault.BANK.value
    assert told_.repair


def test_a_notebook_shows_whose_fault_it_is_escaped() -> None:
    error = BankUnreachable("The <bank> cannot be reached.", cause="<script>", repair="Wait.", where="<b>")
    assert "Whose: the line" in error_text(error)
    assert "<script>" not in error_html(error)
    assert "&lt;script&gt;" in error_html(error)


def test_the_shell_names_its_own_commands_and_not_those_of_a_notebook() -> None:
    python, shell = (asdict(words) for words in (PYTHON, SHELL))
    for step, words in python.items():
        assert in_the_shell(f"Repair: once activated, run {words}.") == f"Repair: once activated, run {shell[step]}."
    assert "--connection with one of: a, b" in in_the_shell("Name one of: a, b.")
    assert in_the_shell('Go over to it: connection.use_version("H004").') == "Go over to it: electra keys version H004."


def test_what_to_do_about_a_return_code_or_an_error_of_a_connection_is_said_in_the_shells_own_words() -> None:
    said = [each.repair for each in CODES.values()] + [outcome for _, outcome in FAULTS.values()]
    files = [Path(electra_kernel.__file__).parent / "workbench" / f"{name}.py" for name in CONNECTIONS]
    said += [words for file in files for words in re.findall(r'repair="([^"]+)"', file.read_text("utf-8"))]
    spoken = [in_the_shell(words) for words in said]
    # Only a notebook cancels an order that was never sent.
    left = {words.replace("(in a notebook: order.cancel())", "") for words in spoken}
    assert [words for words in left if re.search(r"[a-z]\(", words)] == []


def test_a_reason_in_the_banks_protocol_is_never_a_bare_code() -> None:
    for code, words in REASONS.items():
        assert HacEvent(action="ADDITIONAL", at=AT, reason=code).reason_words == f"{words} ({code})"
    assert HacEvent(action="ADDITIONAL", at=AT, reason="XX99").reason_words == "XX99"
    assert HacEvent(action="ADDITIONAL", at=AT).reason_words == ""
