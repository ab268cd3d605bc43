"""Client, line and bank as state machines: everything a line, a crash and a clock of their own can do, in any order.

The line keeps every document that was ever on it: any of them may come again, late, cut or never. Either side may end at
any moment with nothing but what it had put away: the client its file and the upload's state, the bank its desk.
"""

from __future__ import annotations

import contextlib
from io import BytesIO
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from electra_kernel.ebics.client import Download, Exchange, Upload, UploadState
from electra_kernel.ebics.errors import BankRefusal, BankSignatureInvalid, RemoteProtocolError
from electra_kernel.ebics.server import Limits, Server
from electra_kernel.ebics.version import H005, VERSIONS
from tests.ebics_house import PAYMENTS, STATEMENTS, DictDesk, client, noise, open_desk, server, signature, speak

#: Refusals that a bad line, a crash or a second attempt explain. Any other is a defect.
EXPLAINED = frozenset(
    {"061002", "061101", "090004", "091010", "091101", "091103", "091115", "091116", "091122", "091111"}
)
_FUSED = frozenset({"open_transaction", "keep_segment", "close_transaction", "receive", "receipt", "count_segments"})
_MOMENTS = st.integers(0, 10**6)


class PowerCut(BaseException):
    """The bank's end, in the middle of its work."""


class MortalDesk(DictDesk):
    """A desk that can be cut off just before, or just after, one of its next changes."""

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name not in _FUSED or not self.__dict__.get("fuse"):
            return found

        def fused(*arguments: Any, **more: Any) -> Any:
            self.fuse -= 1
            if self.fuse == 0 and self.before:
                raise PowerCut
            result = found(*arguments, **more)
            if self.fuse == 0:
                raise PowerCut
            return result

        return fused

    fuse, before = 0, False


class _Line(RuleBasedStateMachine):
    """What uploads and downloads share: a line and two sides that can die."""

    loses = False

    def __init__(self) -> None:
        super().__init__()
        self.desk, self.data = MortalDesk(users=open_desk().users), b""
        self.exchange: Exchange[Any] | None = None
        self.requests: list[bytes] = []
        self.answers: list[bytes] = []

    @initialize(protocol=st.sampled_from(sorted(VERSIONS)), size=st.sampled_from([100, 400, 900]))
    def begin(self, protocol: str, size: int) -> None:
        speak(VERSIONS[protocol])
        self.data = noise(size)
        self.desk.mail["EOP"] = self.data
        self.bank = self.banked()
        self.start()

    def teardown(self) -> None:
        try:
            if hasattr(self, "bank"):
                self.desk.fuse = 0
                self.end_well()
        finally:
            speak(H005)

    def banked(self) -> Server:
        return server(self.desk, limits=Limits(segment_sent=400))

    def start(self) -> None:
        """A client's process begins."""
        raise NotImplementedError

    def end_well(self) -> None:
        """From now on nothing goes wrong."""
        raise NotImplementedError

    def waits(self) -> bool:
        return self.exchange is not None and self.exchange.request() is not None

    def send(self) -> bytes:
        assert self.exchange is not None
        document = self.exchange.request()
        assert document is not None
        self.requests.append(document)
        return document

    @precondition(waits)
    @rule(steps=st.integers(1, 6), lost=st.booleans())
    def all_goes_well_for_a_while(self, steps: int, lost: bool) -> None:
        for step in range(steps):
            if not self.waits():
                return
            self.answers.append(self.bank.handle(self.send()))
            if not (lost and step == steps - 1):
                self.hear(self.answers[-1])

    @precondition(waits)
    @rule()
    def a_request_is_held_up(self) -> None:
        self.send()

    @precondition(lambda self: self.requests)
    @rule(which=_MOMENTS, cut=st.one_of(st.none(), st.none(), _MOMENTS))
    def a_request_arrives_that_was_on_the_line_before(self, which: int, cut: int | None) -> None:
        self.answers.append(self.bank.handle(_damaged(self.requests, which, cut)))

    @precondition(waits)
    @rule(fuse=st.integers(1, 3), before=st.booleans())
    def the_bank_dies_while_a_request_arrives(self, fuse: int, before: bool) -> None:
        self.desk.fuse, self.desk.before = fuse, before
        with contextlib.suppress(PowerCut):
            self.answers.append(self.bank.handle(self.send()))
        self.desk.fuse = 0
        self.bank = self.banked()

    @precondition(lambda self: self.desk.records)
    @rule(which=_MOMENTS)
    def the_bank_loses_a_segment_that_was_not_yet_on_its_disk(self, which: int) -> None:
        parts = list(self.desk.parts.values())[which % len(self.desk.parts)]
        if parts and self.loses:
            del parts[max(parts)]

    @precondition(lambda self: self.answers and self.waits())
    @rule(which=_MOMENTS, cut=st.one_of(st.none(), _MOMENTS))
    def an_answer_arrives(self, which: int, cut: int | None) -> None:
        self.hear(_damaged(self.answers, which, cut))

    @rule()
    def the_client_dies_and_comes_back(self) -> None:
        self.start()

    def hear(self, answer: bytes) -> None:
        assert self.exchange is not None
        try:
            self.exchange.answer(answer)
        except BankRefusal as refusal:
            if refusal.code not in EXPLAINED:
                raise
            self.refused(refusal)
        except (RemoteProtocolError, BankSignatureInvalid):
            return  # the same request may be sent again

    def refused(self, refusal: BankRefusal) -> None:
        """The bank said no."""
        self.start()

    def talk(self) -> None:
        """Carry the exchange to its end over a good line."""
        while self.waits():
            assert self.exchange is not None
            self.hear(self.bank.handle(self.exchange.request() or b""))


def _damaged(documents: list[bytes], which: int, cut: int | None) -> bytes:
    document = documents[which % len(documents)]
    return document if cut is None else document[: cut % len(document)]


class Sending(_Line):
    """One order on its way. Before anything is sent anew the client asks the bank's protocol, as the workbench does."""

    loses = True

    def __init__(self) -> None:
        super().__init__()
        self.kept = ""
        self.file = BytesIO()

    def start(self) -> None:
        self.exchange = None
        if self.desk.orders:
            return
        if self.kept:
            self.exchange = client().resume(UploadState.from_json(self.kept), BytesIO(self.file.getvalue()))
        else:
            self.file = BytesIO()
            self.exchange = client().upload(PAYMENTS, self.data, [signature(self.data)], file=self.file)
        self.exchange.watcher = self.note

    def note(self, *_: int) -> None:
        assert isinstance(self.exchange, Upload)
        state = self.exchange.state
        self.kept = state.as_json() if state else ""

    def refused(self, refusal: BankRefusal) -> None:
        self.kept = ""
        super().refused(refusal)

    @invariant()
    def never_is_there_more_than_one_order(self) -> None:
        assert [order.data for order in self.desk.orders] in ([], [self.data])

    @invariant()
    def a_client_that_believes_the_order_arrived_is_right(self) -> None:
        if isinstance(self.exchange, Upload) and self.exchange.sent == self.exchange.segments:
            assert len(self.desk.orders) == 1

    def end_well(self) -> None:
        for _ in range(10):
            self.start()
            if self.exchange is None:
                break
            self.talk()
        assert [order.data for order in self.desk.orders] == [self.data]


class Fetching(_Line):
    """A file on its way. It is acknowledged once it is put away, and fetched again otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self.archive: list[bytes] = []

    def start(self) -> None:
        self.exchange = None if self.archive else client().download(service=STATEMENTS)

    def has_all(self) -> bool:
        return isinstance(self.exchange, Download) and self.exchange.data is not None and not self.exchange.over

    @precondition(lambda self: self.has_all() and self.exchange.request() is None)
    @rule(safe=st.booleans())
    def the_data_are_put_away_or_lost_and_acknowledged_so(self, safe: bool) -> None:
        assert isinstance(self.exchange, Download)
        if safe:
            self.archive.append(self.exchange.data or b"")
        self.exchange.acknowledge(safe)

    @precondition(lambda self: self.exchange is not None and self.exchange.over)
    @rule()
    def the_client_fetches_again(self) -> None:
        self.start()

    @invariant()
    def what_is_given_out_is_what_the_bank_has(self) -> None:
        if isinstance(self.exchange, Download):
            assert self.exchange.data in (None, self.data)

    @invariant()
    def nothing_is_acknowledged_that_was_not_put_away(self) -> None:
        assert all(self.archive for _, positive in self.desk.receipts if positive)
        assert self.archive or "EOP" in self.desk.mail

    def end_well(self) -> None:
        for _ in range(10):
            self.start()
            if not isinstance(self.exchange, Download):
                break
            self.talk()
            if self.exchange.data is not None:
                self.archive.append(self.exchange.data)
                self.exchange.acknowledge(True)
                self.talk()
        assert self.archive
        assert set(self.archive) == {self.data}
