"""Connections as users meet them: the version that is spoken, what comes next, what the bank allows, what went wrong."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from html import unescape
from pathlib import Path

import pytest

from electra_kernel import Workbench
from electra_kernel.channels.base import BankUnreachable, ChannelError
from electra_kernel.ebics.desk import UserState
from electra_kernel.ebics.errors import BankRefusal, BankSignatureInvalid
from electra_kernel.ebics.keys import fingerprint, is_bare, public_key_of
from electra_kernel.ebics.responses import write_hev_answer
from electra_kernel.ebics.tree import serialise
from electra_kernel.ebics.version import H004
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.workbench.connections import NotReady
from electra_kernel.workbench.lines import AccessRefused
from electra_kernel.workbench.versions import VersionNotSpoken
from tests.connection_house import (
    PASSWORD,
    URL,
    Line,
    bank_hashes,
    connected,
    desk_fixture,  # noqa: F401
    line_fixture,  # noqa: F401
    opened,
    quick_keys_fixture,  # noqa: F401
    tell,
    workbench_fixture,  # noqa: F401
)
from tests.ebics_house import HOST, PARTNER, USER, DictDesk, server

IDS = {"host": HOST, "partner": PARTNER, "user": USER}


class OnlySpeaks(Line):
    """A bank that speaks these versions only, by its own word; ``None``: it does not answer HEV."""

    spoken: dict[str, str] | None = None

    def exchange(self, document: bytes) -> bytes:
        if b"ebicsHEVRequest" not in document:
            return b"<html>unknown</html>" if self._left(document) else super().exchange(document)
        self.count += 1
        if self.spoken is None:
            return b"<html>unknown</html>"
        return serialise(write_hev_answer("000000", self.spoken))

    def _left(self, document: bytes) -> bool:
        return bool(self.spoken) and not any(f"urn:org:ebics:{each}".encode() in document for each in self.spoken)


def speaking(desk: DictDesk, *versions: str) -> OnlySpeaks:
    found = OnlySpeaks(server(desk))
    found.spoken = dict.fromkeys(versions, "03.00") if versions else None
    return found


# -- which version is spoken -------------------------------------------------------------------------------------------


def test_the_newest_version_that_both_speak_is_chosen(tmp_path: Path, desk: DictDesk) -> None:
    for versions, chosen in ((("H003", "H004", "H005"), "H005"), (("H003", "H004"), "H004"), (("H005",), "H005")):
        with opened(tmp_path / chosen / str(len(versions)), speaking(desk, *versions)) as wb:
            connection = wb.connect(URL, **IDS)
            assert connection.version.protocol == connection.record.protocol == chosen
            assert f"({chosen})" in repr(connection)


def test_a_version_that_the_bank_does_not_speak_is_refused_before_anything_is_kept(
    tmp_path: Path, desk: DictDesk
) -> None:
    with opened(tmp_path / "w", speaking(desk, "H004")) as wb:
        with pytest.raises(VersionNotSpoken, match="does not speak EBICS 3") as caught:
            wb.connect(URL, **IDS, version="H005")
        assert "EBICS 2.5 (H004)" in caught.value.cause
        assert "H004" in caught.value.repair
        assert len(wb.connections) == 0
        assert wb.connect(URL, **IDS, version="H004").version is H004
    with opened(tmp_path / "x", speaking(desk, "H003")) as wb, pytest.raises(VersionNotSpoken, match="no version"):
        wb.connect(URL, **IDS)


def test_a_bank_that_does_not_answer_is_spoken_to_in_the_version_named_or_the_newest(
    tmp_path: Path, desk: DictDesk
) -> None:
    for wanted, chosen in ((None, "H005"), ("H004", "H004")):
        with opened(tmp_path / chosen, speaking(desk)) as wb:
            assert wb.connect(URL, **IDS, version=wanted).version.protocol == chosen
            (event,) = wb.store.journal.events(kind="version-chosen")
            assert event.data["bank"] == "does not say"


def test_a_bank_that_cannot_be_reached_is_asked_at_the_first_contact(workbench: Workbench, line: Line) -> None:
    line.break_in(1, "unreached")
    connection = workbench.connect(URL, **IDS)
    assert connection.record.protocol == ""
    assert "asks the bank first" in connection.next_step
    assert "first time" in repr(connection)
    line.break_in(1, "unreached")
    with pytest.raises(BankUnreachable):
        connection.initialise()
    assert connection.record.certificates == {}
    connection.initialise()
    assert connection.record.protocol == "H005"


def test_a_host_id_that_the_bank_does_not_know_is_told_before_anything_is_kept(workbench: Workbench) -> None:
    with pytest.raises(BankRefusal, match="host id"):
        workbench.connect(URL, host="NOBANK", partner=PARTNER, user=USER)
    assert len(workbench.connections) == 0


def test_a_bank_that_leaves_a_version_is_followed_with_the_same_keys(tmp_path: Path, desk: DictDesk) -> None:
    bank = speaking(desk, "H004", "H005")
    with opened(tmp_path / "w", bank) as wb:
        connection = connected(wb, desk, version="H004")
        by_numbers, keys = connection.hashes(), dict(connection.record.certificates)
        assert is_bare(connection.record.bank_keys.encryption)  # type: ignore[union-attr]
        bank.spoken = {"H005": "03.00"}
        with pytest.raises(VersionNotSpoken, match="no longer speaks EBICS 2") as caught:
            connection.info(refresh=True)
        assert 'connection.use_version("H005")' in caught.value.repair
        with pytest.raises(VersionNotSpoken):
            connection.use_version("H004")
        assert connection.info().accounts  # what was fetched before is read as what it was
        assert connection.use_version("H005") == ""
        assert dict(connection.record.certificates) == keys
        assert connection.hashes() == {use.value: fingerprint(der) for use, der in keys.items()} != by_numbers
        assert not is_bare(connection.record.bank_keys.encryption)  # type: ignore[union-attr]
        assert connection.bank_hashes() == bank_hashes(connection)
        tell(desk)
        assert connection.info(refresh=True).user.user_id == USER


def test_an_answer_that_makes_no_sense_stays_what_it_is_where_the_bank_still_speaks_our_version(
    workbench: Workbench, desk: DictDesk, line: Line
) -> None:
    connection = connected(workbench, desk)
    line.break_in(1, "nonsense")
    with pytest.raises(ElectraError) as caught:
        connection.info(refresh=True)
    assert not isinstance(caught.value, VersionNotSpoken)
    line.break_in(1, "maintenance")
    with pytest.raises(ElectraError, match="503"):
        connection.info(refresh=True)


def test_keys_on_their_way_are_not_taken_to_another_version(workbench: Workbench) -> None:
    connection = workbench.connect(URL, **IDS, version="H004")
    connection.initialise()
    with pytest.raises(NotReady, match="not activated") as caught:
        connection.use_version("H005")
    assert "new_keys=True" in caught.value.repair
    with pytest.raises(ElectraError, match="no version"):
        connection.use_version("H003")


# -- the hash on paper is the hash at the bank -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "certificates"), [("H005", None), ("H004", False), ("H004", True)], ids=["3.0", "2.5", "2.5 certified"]
)
def test_the_hash_on_the_letter_is_the_one_the_bank_compares(
    workbench: Workbench, desk: DictDesk, version: str, certificates: bool | None
) -> None:
    connection = workbench.connect(URL, **IDS, version=version, certificates=certificates)
    connection.initialise(language="hu")
    arrived = desk.users[PARTNER, USER].certificates
    assert {use.value: fingerprint(der) for use, der in arrived.items()} == connection.hashes()
    expected = []
    for use, der in arrived.items():
        numbers = public_key_of(der).public_numbers()
        by_numbers = sha256(f"{numbers.e:x} {numbers.n:x}".encode()).hexdigest()
        by_certificate = sha256(connection.record.certificates[use]).hexdigest()
        expected.append((by_numbers if certificates is False else by_certificate).upper())
    for language in ("en", "de", "fr", "hu"):
        page = "".join(unescape(connection.letter(language, "html").decode()).split())
        assert all(each in page for each in expected)
    assert connection.letter_file.read_bytes() == connection.letter("hu")


# -- what the bank allows ----------------------------------------------------------------------------------------------


def test_what_the_bank_has_on_file_is_readable_and_escaped(workbench: Workbench, desk: DictDesk) -> None:
    info = connected(workbench, desk).info()
    accounts, rights = info.accounts_table(), info.rights_table()
    assert accounts.iloc[0]["account"] == "HU42 1177 3016 1111 1018 0000 0000"
    assert rights.iloc[0].to_dict() == {
        "right": "Credit transfers",
        "service": str(info.user.permissions[0].service),
        "class": "E: signs alone",
        "account": "HU42 1177 3016 1111 1018 0000 0000",
        "limit": Decimal(5_000_000),
        "currency": "HUF",
        "signatures": 2,
    }
    text, page = repr(info), info._repr_html_()
    for words in ("Duna <Kft.>", "ANNA Anna Kovács", "E: signs alone", "5000000", "State at the bank: ready"):
        assert words in text
    assert "Duna &lt;Kft.&gt;" in page
    assert "<Kft.>" not in page
    assert info.accounts[0].iban in ("HU42117730161111101800000000",)


# -- a bank that refuses -----------------------------------------------------------------------------------------------


def _state(desk: DictDesk, state: UserState) -> None:
    desk.users[PARTNER, USER] = replace(desk.users[PARTNER, USER], state=state)


def test_keys_that_the_bank_refused_are_never_taken_to_have_arrived(workbench: Workbench, desk: DictDesk) -> None:
    mistyped = workbench.connect(URL, host=HOST, partner=PARTNER, user="NOBODY")
    for _ in range(3):
        with pytest.raises(BankRefusal) as caught:
            mistyped.initialise()
        assert caught.value.code == "091002"
        assert mistyped.next_step.startswith("Send your keys to the bank")
    assert not mistyped.letter_file.exists()
    # It bars nobody who does not name the connection that counts.
    assert workbench.connections.default() is mistyped
    connection = connected(workbench, desk)
    assert workbench.connections.default() is connection
    assert workbench.connections.default(mistyped.name) is mistyped


def test_a_user_whom_the_bank_locks_is_told_what_happened_and_what_to_do(workbench: Workbench, desk: DictDesk) -> None:
    connection = connected(workbench, desk)
    _state(desk, UserState.LOCKED)
    for _ in range(2):
        with pytest.raises(AccessRefused, match="The bank refuses ANNA") as caught:
            connection.info(refresh=True)
        assert caught.value.code == "091002"
        assert "connection.next_step" in caught.value.repair
    assert connection.state == "refused by the bank"
    for words in ("091002", "locked", "new_keys=True", "restore_keys"):
        assert words in connection.next_step
        assert words in connection._repr_html_()
    assert len(workbench.store.journal.events(kind="access-refused")) == 1
    _state(desk, UserState.READY)
    tell(desk)
    connection.info(refresh=True)
    assert (connection.state, connection.next_step) == ("ready", "")


def test_a_user_whom_the_bank_reset_begins_anew_and_keeps_the_old_keys_until_the_new_ones_are_taken(
    workbench: Workbench, desk: DictDesk, line: Line
) -> None:
    connection = connected(workbench, desk)
    old = dict(connection.record.certificates)
    _state(desk, UserState.LOCKED)
    with pytest.raises(ElectraError, match="the old ones stay"):
        connection.initialise(new_keys=True)
    assert dict(connection.record.certificates) == old
    assert [name for name in workbench.store.keys.names() if name.endswith("-next")] == []
    desk.users[PARTNER, USER] = replace(desk.users[PARTNER, USER], state=UserState.NEW, certificates={})
    line.break_in(2, "answer lost")  # the first asks what the bank speaks
    with pytest.raises(ChannelError):
        connection.initialise(new_keys=True)
    with opened(workbench.folder, line) as other:
        again = other.connections.default()
        assert "goes on with them" in again.next_step
        step = again.initialise()
        assert "Print the letter" in step
        assert "hashes" not in step  # the bank's keys are trusted already
        assert set(again.record.certificates.values()).isdisjoint(old.values())
        desk.activate()
        tell(desk)
        assert again.initialise() == ""
        assert again.info(refresh=True).user.user_id == USER
        again.signing_key(PASSWORD)


def test_a_refusal_without_the_banks_signature_is_not_believed(
    workbench: Workbench, desk: DictDesk, line: Line
) -> None:
    connection = connected(workbench, desk)
    forged = server(desk)
    line.bank = forged
    line.exchange = lambda document: forged.handle(document).replace(b"000000", b"091002")  # type: ignore[method-assign]
    with pytest.raises(BankSignatureInvalid):
        connection.info(refresh=True)
    assert connection.state == "ready"
