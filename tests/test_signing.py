"""Password keys and the two signature schemes, judged by `cryptography` and by OpenSSL."""

from __future__ import annotations

import hashlib
import pickle
import re
import shutil
import subprocess
import unicodedata
from pathlib import Path

import pytest
from asn1crypto import pem
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from hypothesis import given, settings
from hypothesis import strategies as st

from electra_kernel.signing import passwordkey
from electra_kernel.signing.passwordkey import (
    EXCHANGE,
    OWN_USE,
    KeyFileError,
    PasswordKey,
    ScryptCost,
    WeakPassword,
    WrongPassword,
    open_key,
    protect_key,
)
from electra_kernel.signing.signer import Signer
from electra_kernel.vocabulary.errors import ElectraError

PASSWORD = "correct horse battery"
CHEAP = ScryptCost(2**4)
DIGEST = hashlib.sha256(b"<Document/>").digest()


@pytest.fixture(scope="session")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def cheap_file(key: rsa.RSAPrivateKey) -> bytes:
    return protect_key(key, PASSWORD, cost=CHEAP)


def _numbers(key: rsa.RSAPrivateKey) -> rsa.RSAPrivateNumbers:
    return key.private_numbers()


def test_a_key_for_own_use_opens_again_with_its_password_and_with_no_other(key: rsa.RSAPrivateKey) -> None:
    data = protect_key(key, PASSWORD)
    assert _numbers(open_key(data, PASSWORD)) == _numbers(key)
    with pytest.raises(WrongPassword, match="Type it again"):
        open_key(data, PASSWORD + " ")


def test_own_keys_cost_a_guesser_a_hundred_mebibytes() -> None:
    assert 128 * OWN_USE.n * OWN_USE.r == 128 * 2**20


def test_cryptography_opens_what_we_write(key: rsa.RSAPrivateKey) -> None:
    loaded = serialization.load_pem_private_key(protect_key(key, PASSWORD, cost=EXCHANGE), PASSWORD.encode())
    assert isinstance(loaded, rsa.RSAPrivateKey)
    assert _numbers(loaded) == _numbers(key)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl command is not installed")
def test_openssl_opens_a_key_for_exchange_and_agrees_with_both_signatures(
    key: rsa.RSAPrivateKey, tmp_path: Path
) -> None:
    private, public, digest, signature = (tmp_path / name for name in ("key.pem", "public.pem", "digest", "signature"))
    private.write_bytes(protect_key(key, PASSWORD, cost=EXCHANGE))
    digest.write_bytes(DIGEST)

    def openssl(*arguments: str) -> str:
        return subprocess.run(
            ["openssl", *arguments], check=True, capture_output=True, text=True, cwd=tmp_path, env={"PW": PASSWORD}
        ).stdout

    openssl("pkey", "-in", str(private), "-passin", "env:PW", "-pubout", "-out", str(public))
    verify = ("pkeyutl", "-verify", "-pubin", "-inkey", str(public), "-sigfile", str(signature), "-pkeyopt")
    signature.write_bytes(PasswordKey(key).sign(DIGEST, "A005"))
    assert "Verified Successfully" in openssl(*verify, "digest:sha256", "-in", str(digest))
    signature.write_bytes(PasswordKey(key).sign(DIGEST, "A006"))
    hashed_again = tmp_path / "hashed_again"
    hashed_again.write_bytes(hashlib.sha256(DIGEST).digest())
    pss = ("rsa_padding_mode:pss", "-pkeyopt", "rsa_pss_saltlen:32", "-pkeyopt", "digest:sha256")
    assert "Verified Successfully" in openssl(*verify, *pss, "-in", str(hashed_again))


def test_a005_signs_the_digest_and_a006_signs_the_digest_as_the_message(key: rsa.RSAPrivateKey) -> None:
    signer: Signer = PasswordKey(key)
    public = key.public_key()
    a005, a006 = signer.sign(DIGEST, "A005"), signer.sign(DIGEST, "A006")
    assert len(a005) == len(a006) == 256
    public.verify(a005, DIGEST, padding.PKCS1v15(), utils.Prehashed(hashes.SHA256()))
    public.verify(a006, DIGEST, padding.PSS(padding.MGF1(hashes.SHA256()), salt_length=32), hashes.SHA256())
    with pytest.raises(InvalidSignature):
        public.verify(
            a006, hashlib.sha256(b"other").digest(), padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256()
        )


def test_only_a_hash_of_32_bytes_under_a_known_scheme_is_signed(key: rsa.RSAPrivateKey) -> None:
    with pytest.raises(ElectraError, match="32 bytes, not 11"):
        PasswordKey(key).sign(b"<Document/>", "A006")
    with pytest.raises(ElectraError, match="A004"):
        PasswordKey(key).sign(DIGEST, "A004")  # type: ignore[arg-type]


def test_a_new_password_that_is_too_short_is_refused_before_any_work(key: rsa.RSAPrivateKey) -> None:
    for short in ("", "secret", " " * 40, "elevenchars"):
        with pytest.raises(WeakPassword, match="at least 12 characters"):
            protect_key(key, short)


def test_the_same_word_opens_the_key_from_a_keyboard_that_composes_accents(key: rsa.RSAPrivateKey) -> None:
    data = protect_key(key, "árvíztűrő tükörfúrógép", cost=CHEAP)
    decomposed = unicodedata.normalize("NFD", "árvíztűrő tükörfúrógép")
    assert _numbers(open_key(data, decomposed)) == _numbers(key)


def test_neither_repr_nor_an_error_nor_a_pickle_shows_a_secret(key: rsa.RSAPrivateKey, cheap_file: bytes) -> None:
    signer = PasswordKey.open(cheap_file, PASSWORD)
    assert repr(signer) == str(signer) == "<PasswordKey RSA 2048>"
    assert signer.public_key.public_numbers() == key.public_key().public_numbers()
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(signer)
    with pytest.raises(WrongPassword) as caught:
        open_key(cheap_file, "a password that is secret")
    assert "a password that is secret" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "cost", [ScryptCost(2**30), ScryptCost(2**14, r=2**20), ScryptCost(2**14, p=2**40), ScryptCost(1000), ScryptCost(0)]
)
def test_a_hostile_file_cannot_ask_for_all_memory_or_time(
    key: rsa.RSAPrivateKey, cost: ScryptCost, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KeyFileError, match="could not be opened again"):
        protect_key(key, PASSWORD, cost=cost)
    _, _, document = pem.unarmor(protect_key(key, PASSWORD, cost=CHEAP))
    tampered = passwordkey._EncryptedKey.load(document)
    pbes2 = tampered["algorithm"]["parameters"].parse(passwordkey._Pbes2Parameters)
    scrypt = pbes2["key_derivation"]["parameters"].parse(passwordkey._ScryptParameters)
    scrypt["n"], scrypt["r"], scrypt["p"] = cost.n, cost.r, cost.p
    pbes2["key_derivation"]["parameters"] = scrypt
    tampered["algorithm"]["parameters"] = pbes2
    with pytest.raises(KeyFileError, match="too much memory or time"):
        open_key(tampered.dump(force=True), PASSWORD)


def test_other_keys_and_other_files_are_refused_with_a_reason(key: rsa.RSAPrivateKey) -> None:
    pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    unprotected = key.private_bytes(serialization.Encoding.PEM, pkcs8, plain)
    with pytest.raises(KeyFileError, match="PRIVATE KEY, not an ENCRYPTED PRIVATE KEY"):
        open_key(unprotected, PASSWORD)
    pbkdf2 = key.private_bytes(
        serialization.Encoding.PEM, pkcs8, serialization.BestAvailableEncryption(PASSWORD.encode())
    )
    with pytest.raises(KeyFileError, match="scrypt"):
        open_key(pbkdf2, PASSWORD)
    curve = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(KeyFileError, match="at least 2048 bits"):
        open_key(protect_key(curve, PASSWORD, cost=CHEAP), PASSWORD)  # type: ignore[arg-type]
    for noise in (b"", b"x", b"0" * 100_000, b"\x30\x82\xff\xff", b"-----BEGIN ENCRYPTED PRIVATE KEY-----"):
        with pytest.raises(KeyFileError, match="not a key file"):
            open_key(noise, PASSWORD)


@settings(max_examples=150, deadline=None)
@given(at=st.integers(min_value=0), bit=st.integers(0, 7), cut=st.booleans())
def test_a_damaged_file_gives_one_of_two_errors_and_never_another_key(
    key: rsa.RSAPrivateKey, cheap_file: bytes, at: int, bit: int, cut: bool
) -> None:
    _, _, document = pem.unarmor(cheap_file)
    at %= len(document)
    damaged = document[:at] if cut else document[:at] + bytes([document[at] ^ (1 << bit)]) + document[at + 1 :]
    try:
        opened = open_key(damaged, PASSWORD)
    except (KeyFileError, WrongPassword):
        return
    # A change that leaves the key as it is may pass (an unused bit of the length); a different key may not.
    assert _numbers(opened) == _numbers(key)


def test_a_key_file_is_text_that_survives_mail_and_editors(cheap_file: bytes) -> None:
    text = cheap_file.decode("ascii")
    assert re.fullmatch(
        r"-----BEGIN ENCRYPTED PRIVATE KEY-----\n([A-Za-z0-9+/=]{1,64}\n)+-----END ENCRYPTED PRIVATE KEY-----\n", text
    )
    assert _numbers(open_key(text.replace("\n", "\r\n").encode(), PASSWORD))
