"""Keys that an authority issued certificates for: read from files, sent together where the bank takes that, else one by one."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from electra_kernel import Workbench
from electra_kernel.ebics.desk import KeyUse, UserState
from electra_kernel.ebics.keys import certificate_der
from electra_kernel.workbench.broughtkeys import KeyNotUsable, bring_keys
from tests.connection_house import (
    PASSWORD,
    URL,
    Line,
    bank_hashes,
    desk_fixture,  # noqa: F401
    line_fixture,  # noqa: F401
    quick_keys_fixture,  # noqa: F401
    tell,
    workbench_fixture,  # noqa: F401
)
from tests.ebics_house import HOST, NOW, PARTNER, USER, DictDesk, clock, key

ALL = tuple(KeyUse)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


@cache
def _authority() -> x509.Certificate:
    return _certificate("ca", "Test CA", NOW + timedelta(days=365))


@cache
def _certificate(holder: str, subject: str, end: datetime) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name("Test CA"))
        .public_key(key(holder).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(end)
        .sign(key("ca"), hashes.SHA256())
    )


def _p12(folder: Path, holder: str, *, end: datetime | None = None, password: bytes = PASSWORD.encode()) -> Path:
    own = _certificate(holder, f"Anna {holder}", end or NOW + timedelta(days=365))
    path = folder / f"{holder}.p12"
    data = pkcs12.serialize_key_and_certificates(
        b"key", key(holder), own, [_authority()], BestAvailableEncryption(password)
    )
    path.write_bytes(data)
    return path


def _files(folder: Path) -> dict[str, str | Path]:
    return {
        "signature": _p12(folder, "sign"),
        "authentication": _p12(folder, "auth"),
        "encryption": _p12(folder, "auth"),
    }


@pytest.mark.parametrize("version", ["H005", "H004"])
def test_certificates_of_an_authority_are_sent_together_with_their_chain(
    workbench: Workbench, desk: DictDesk, line: Line, tmp_path: Path, version: str
) -> None:
    connection = workbench.connect(URL, host=HOST, partner=PARTNER, user=USER, version=version)
    step = connection.initialise(keys=_files(tmp_path))
    assert "authority that issued them" in step
    assert desk.users[PARTNER, USER].state is UserState.INITIALISED
    held = desk.users[PARTNER, USER].certificates
    assert held[KeyUse.SIGNATURE] == connection.record.certificates[KeyUse.SIGNATURE]
    assert connection.record.issuers == (certificate_der(_authority()),)
    assert sum(b"ebicsUnsignedRequest" in document for document in line.seen) == 1
    desk.activate()
    tell(desk, connection.version)
    assert connection.initialise(bank_hashes(connection)) == ""
    assert connection.info().user.user_id == USER
    connection.change_keys("signature", keys={"signature": _p12(tmp_path, "sign-2")})
    assert desk.users[PARTNER, USER].certificates[KeyUse.SIGNATURE] == connection.record.certificates[KeyUse.SIGNATURE]
    assert connection.record.issuers == (certificate_der(_authority()),)


def test_a_bank_that_does_not_take_all_at_once_gets_them_one_by_one_and_a_letter(
    workbench: Workbench, desk: DictDesk, line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("electra_kernel.ebics.enrolment._KINDS", _without_h3k())
    connection = workbench.connect(URL, host=HOST, partner=PARTNER, user=USER)
    assert "Print the letter" in connection.initialise(keys=_files(tmp_path))
    assert set(desk.users[PARTNER, USER].certificates) == set(KeyUse)
    assert workbench.store.journal.events(kind="h3k-refused")


def _without_h3k() -> object:
    from electra_kernel.ebics import enrolment
    from electra_kernel.ebics.documents import Kind

    return {**enrolment._KINDS, Kind.UNSIGNED: frozenset()}


def test_keys_and_their_chain_are_read_from_pem_too(tmp_path: Path) -> None:
    own = _certificate("sign", "Anna sign", NOW + timedelta(days=365))
    secret = key("sign").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSWORD.encode()))
    path = tmp_path / "sign.pem"
    path.write_bytes(_authority().public_bytes(Encoding.PEM) + secret + own.public_bytes(Encoding.PEM))
    found = bring_keys({"signature": path}, (KeyUse.SIGNATURE,), lambda _: PASSWORD, clock)
    assert found.certificates == {KeyUse.SIGNATURE: certificate_der(own)}
    assert found.issuers == (certificate_der(_authority()),)
    assert "RSAPrivateKey" not in repr(found)


def test_a_file_that_cannot_be_used_says_why_and_changes_nothing(
    workbench: Workbench, line: Line, tmp_path: Path
) -> None:
    good = _files(tmp_path)
    elliptic = tmp_path / "elliptic.pem"
    elliptic.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + _authority().public_bytes(Encoding.PEM)
    )
    nonsense = tmp_path / "nonsense.p12"
    nonsense.write_bytes(b"\x30\x82" + b"x" * 200)
    huge = tmp_path / "huge.p12"
    huge.write_bytes(b"x" * 300_000)
    cases = [
        ({**good, "signature": _p12(tmp_path, "other", password=b"another password")}, "does not open it"),
        ({**good, "signature": nonsense}, "does not open it"),
        ({**good, "signature": elliptic}, "no key with a certificate"),
        ({**good, "signature": huge}, "larger than any key"),
        ({**good, "signature": _p12(tmp_path, "old", end=NOW - timedelta(hours=1))}, "valid from"),
        ({**good, "signature": good["authentication"]}, "must differ"),
        ({"signature": good["signature"]}, "were given for signature"),
        ({**good, "stamp": good["signature"]}, "were given for"),
    ]
    connection = workbench.connect(URL, host=HOST, partner=PARTNER, user=USER)
    before = line.count
    for files, words in cases:
        with pytest.raises(KeyNotUsable) as caught:
            connection.initialise(keys=files)
        assert words in str(caught.value)
        assert caught.value.repair
    assert line.count == before
    assert connection.record.certificates == {}
    assert workbench.store.keys.names() == []
