"""Keys on disk: exported, restored and put under another password; nothing half-done, and secrets nowhere else."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from electra_kernel import Workbench
from electra_kernel.ebics.desk import KeyUse
from electra_kernel.ebics.keys import certificate_der, certificate_for, generate_key, number_digest, public_key_of
from electra_kernel.signing.keyexport import KeyExport, read_export, write_export
from electra_kernel.signing.passwordkey import KeyFileError, WeakPassword, WrongPassword
from electra_kernel.store import Store
from electra_kernel.store.keys import Keys
from electra_kernel.vocabulary.dates import system_clock
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.workbench.sandbox import Sandbox
from tests.test_letters import SENT

OLD, NEW, FILE = "correct horse battery", "staple correct horse", "a password of the file"


def answers(*passwords: str) -> object:
    """Asked for a password, gives the next one."""
    left = iter(passwords)
    return lambda prompt: next(left)


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = Sandbox.start(tmp_path_factory.mktemp("bank"), admit=True)
    yield sandbox
    sandbox.stop()


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, bank: Sandbox) -> Iterator[Workbench]:
    workbench = Workbench.open(tmp_path_factory.mktemp("first"), passwords=lambda _: OLD)
    info = bank.info
    connection = workbench.connect(
        info.https, host=info.host, partner=info.partner, user="KEYS", ca=info.ca, name="house bank"
    )
    assert connection.initialise(info.fingerprints, language="hu") == ""
    yield workbench
    workbench.close()


@pytest.fixture(scope="module")
def exported(first: Workbench, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("safe") / "house-bank.keys"
    return first.connections["house bank"].export_keys(path, ask=answers(OLD, FILE))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def export() -> KeyExport:
    keys: dict[str, RSAPrivateKey] = {use.value: generate_key(2048) for use in KeyUse}
    certificates = {
        use.value: certificate_der(certificate_for(keys[use.value], use, common_name="X", not_before=SENT))
        for use in KeyUse
    }
    return KeyExport(facts={"name": "Őrség"}, keys=keys, certificates=certificates)


@pytest.fixture(scope="module")
def written(export: KeyExport) -> bytes:
    return write_export(export, FILE)


# -- with the bank -----------------------------------------------------------------------------------------------------


def test_restored_keys_speak_with_the_bank_at_once(
    first: Workbench, exported: Path, bank: Sandbox, tmp_path: Path
) -> None:
    other = Workbench.open(tmp_path / "other", passwords=lambda _: NEW)
    connection = other.restore_keys(exported, ca=bank.info.ca, ask=answers(FILE, NEW))  # type: ignore[arg-type]
    source = first.connections["house bank"]
    assert connection.name == "house bank"
    assert connection.ready
    assert connection.hashes() == source.hashes()
    assert connection.record.bank_keys == source.record.bank_keys
    assert connection.info(refresh=True).user.user_id == "KEYS"
    assert connection.letter("de", "html") == source.letter("de", "html")
    with pytest.raises(WrongPassword):
        connection.signing_key(OLD)
    kinds = [event.kind for event in other.store.journal.events(subject="connection:house bank")]
    assert kinds[0] == "keys-restored"
    assert "keys-exported" in [event.kind for event in first.store.journal.events()]
    other.close()


def test_a_wrong_or_weak_password_costs_nothing(first: Workbench, exported: Path, tmp_path: Path) -> None:
    other = Workbench.open(tmp_path / "other", passwords=lambda _: NEW)
    connection, target = first.connections["house bank"], tmp_path / "again.keys"
    before = {file: file.read_bytes() for file in (first.folder / "keys").iterdir()}
    for wrong, error in (
        (("guessed password", NEW), WrongPassword),
        ((OLD, "short"), WeakPassword),
    ):
        with pytest.raises(error):
            connection.export_keys(target, ask=answers(*wrong))  # type: ignore[arg-type]
        with pytest.raises(error):
            connection.change_password(ask=answers(*wrong))  # type: ignore[arg-type]
        file_answers = (FILE if wrong[0] == OLD else wrong[0], wrong[1])
        with pytest.raises(error):
            other.restore_keys(exported, ask=answers(*file_answers))  # type: ignore[arg-type]
    assert not target.exists()
    assert len(other.connections) == 0
    assert other.store.journal.events() == []
    assert {file: file.read_bytes() for file in (first.folder / "keys").iterdir()} == before
    other.close()


def test_the_password_of_the_keys_is_changed_for_all_of_them(exported: Path, bank: Sandbox, tmp_path: Path) -> None:
    other = Workbench.open(tmp_path / "other", passwords=lambda _: NEW)
    connection = other.restore_keys(exported, ca=bank.info.ca, name="mine", ask=answers(FILE, OLD))  # type: ignore[arg-type]
    connection.change_password(ask=answers(OLD, NEW))  # type: ignore[arg-type]
    with pytest.raises(WrongPassword):
        connection.signing_key(OLD)
    connection.signing_key(NEW)
    connection.unlock()
    assert connection.info(refresh=True).user.user_id == "KEYS"
    assert other.store.journal.events(kind="password-changed")
    other.close()


def test_lost_key_files_come_back_and_other_keys_are_not_overwritten(
    exported: Path, bank: Sandbox, tmp_path: Path
) -> None:
    other = Workbench.open(tmp_path / "other", passwords=lambda _: NEW)
    connection = other.restore_keys(exported, ca=bank.info.ca, ask=answers(FILE, NEW))  # type: ignore[arg-type]
    shutil.rmtree(other.folder / "keys")
    with pytest.raises(ElectraError):
        connection.signing_key(NEW)
    other.restore_keys(exported, ask=answers(FILE, NEW)).signing_key(NEW)  # type: ignore[arg-type]
    assert connection.record.ca_file == str(bank.info.ca)
    certificates = dict(connection.record.certificates)
    certificates[KeyUse.SIGNATURE] = certificates[KeyUse.AUTHENTICATION]
    other.store.connections.update("house bank", certificates=certificates)
    with pytest.raises(ElectraError, match="other keys"):
        other.restore_keys(exported, ask=answers(FILE, NEW))  # type: ignore[arg-type]
    other.store.connections.update("house bank", user="SOMEBODY")
    with pytest.raises(ElectraError, match="another user"):
        other.restore_keys(exported, ask=answers(FILE, NEW))  # type: ignore[arg-type]
    other.close()


def test_an_export_overwrites_nothing_and_is_for_the_owner_alone(first: Workbench, exported: Path) -> None:
    assert exported.stat().st_mode & 0o777 == 0o600
    before = exported.read_bytes()
    with pytest.raises(ElectraError, match="a file already"):
        first.connections["house bank"].export_keys(exported, ask=answers(OLD, FILE))  # type: ignore[arg-type]
    assert exported.read_bytes() == before


def test_no_password_and_no_open_key_is_anywhere_on_the_disk(first: Workbench, exported: Path) -> None:
    opened = read_export(exported.read_bytes(), FILE)
    secrets = [each.encode() for each in (OLD, NEW, FILE)]
    for key in opened.keys.values():
        prime = key.private_numbers().p
        secrets += [prime.to_bytes((prime.bit_length() + 7) // 8, "big")]
    for file in (exported, *(file for file in first.folder.rglob("*") if file.is_file())):
        data = file.read_bytes()
        assert [secret for secret in secrets if secret in data] == [], file
    assert "RSAPrivateKey" not in repr(opened)


def test_the_letter_is_written_in_the_language_that_was_asked_for(first: Workbench) -> None:
    connection = first.connections["house bank"]
    assert connection.letter_file.read_bytes() == connection.letter("hu")
    assert connection.letter("fr") != connection.letter("hu")
    with pytest.raises(ElectraError) as error:
        connection.letter(format="docx")
    assert "pdf, html" in error.value.repair
    page = connection.letter("en", "html").decode()
    for value in connection.hashes().values():
        assert "".join(value.split()) in "".join(re.sub("<[^>]+>", "", page).split())


# -- the file ----------------------------------------------------------------------------------------------------------


def test_an_export_is_read_as_it_was_written(export: KeyExport, written: bytes) -> None:
    found = read_export(written, FILE)
    assert found.facts["name"] == "Őrség"
    assert found.certificates == export.certificates
    assert {use: key.private_numbers() for use, key in found.keys.items()} == {
        use: key.private_numbers() for use, key in export.keys.items()
    }


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_opens_each_key_of_an_export(written: bytes, tmp_path: Path) -> None:
    blocks = re.findall(
        rb"-----BEGIN ENCRYPTED PRIVATE KEY-----.*?-----END ENCRYPTED PRIVATE KEY-----\n", written, re.DOTALL
    )
    assert len(blocks) == 3
    for block in blocks:
        run = subprocess.run(
            ["openssl", "pkey", "-passin", f"pass:{FILE}", "-noout", "-check"],
            input=block,
            capture_output=True,
            check=False,
        )
        assert b"valid" in run.stdout, run.stderr


def test_whoever_does_not_know_the_password_can_change_nothing_in_an_export(export: KeyExport, written: bytes) -> None:
    facts = b"-----BEGIN ELECTRA KEY EXPORT-----\n"
    head, _, rest = written.partition(facts)
    changed = head + facts + rest.replace(rest[:4], b"eyJ4", 1)
    other = write_export(KeyExport(facts={"name": "other"}, keys=export.keys, certificates=export.certificates), FILE)
    swapped = other[: other.index(b"-----BEGIN ENCRYPTED")] + written[written.index(b"-----BEGIN ENCRYPTED") :]
    words = written.replace(b"exported by", b"exported, by", 1)
    for hostile in (changed, swapped, words):
        with pytest.raises(KeyFileError):
            read_export(hostile, FILE)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_cut_or_damaged_export_is_one_clear_error(written: bytes, data: st.DataObject) -> None:
    # Damage before the keys or in the shape: what opens a key is tested beside the key file itself.
    at = data.draw(st.integers(0, written.index(b"-----BEGIN ENCRYPTED") + 20))
    damaged = data.draw(
        st.sampled_from([written[:at], written[:at] + b"\x00" + written[at + 1 :], written[:at] + written[at + 3 :]])
    )
    with pytest.raises(KeyFileError) as error:
        read_export(damaged, FILE)
    assert error.value.repair


@pytest.mark.parametrize("data", [b"", b"x" * 300_000, b"-----BEGIN ELECTRA KEY EXPORT-----\n", b"\x00" * 100])
def test_what_is_no_export_is_one_clear_error(data: bytes) -> None:
    with pytest.raises(KeyFileError):
        read_export(data, FILE)


# -- all or none -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moved", [0, 1, 2, 3])
def test_a_change_of_several_keys_that_was_cut_off_is_finished_by_whoever_comes_next(
    tmp_path: Path, moved: int
) -> None:
    store = Store.open(tmp_path / "w", system_clock)
    names = ["a", "b", "c"]
    store.keys.put_all(dict.fromkeys(names, b"old"))
    change = store.folder / "keys" / ".change"
    change.mkdir()
    for number, name in enumerate(names):
        (change / f"{name}.key" if number >= moved else store.folder / "keys" / f"{name}.key").write_bytes(b"new")
    again = Keys(store.folder / "keys")
    assert [again.get(name) for name in names] == [b"new"] * 3
    assert again.names() == names
    assert not change.exists()
    store.close()


def test_a_change_that_was_cut_off_before_it_was_decided_leaves_all_as_before(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "keys")
    keys.put_all({"a": b"old", "b": b"old"})
    half = tmp_path / "keys" / ".change-0000"
    half.mkdir()
    (half / "a.key").write_bytes(b"new")
    assert [keys.get("a"), keys.get("b")] == [b"old", b"old"]
    keys.put_all({"a": b"newer", "b": b"newer"})
    assert [keys.get("a"), keys.get("b")] == [b"newer", b"newer"]
    assert not half.exists()


def test_a_letter_to_a_bank_of_ebics_2_5_carries_the_hashes_of_the_numbers(
    exported: Path, bank: Sandbox, tmp_path: Path
) -> None:
    other = Workbench.open(tmp_path / "other", passwords=lambda _: NEW)
    connection = other.restore_keys(exported, ca=bank.info.ca, ask=answers(FILE, NEW))  # type: ignore[arg-type]
    before = connection.hashes()
    other.store.connections.update(connection.name, protocol="H004")
    expected = {
        use.value: number_digest(public_key_of(der)).hex(" ").upper()
        for use, der in connection.record.certificates.items()
    }
    assert connection.hashes() == expected
    assert set(before.values()).isdisjoint(expected.values())
    page = "".join(re.sub("<[^>]+>", "", connection.letter("en", "html").decode()).split())
    for value in expected.values():
        assert "".join(value.split()) in page
    other.close()
