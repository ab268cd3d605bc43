"""The internet channel against real servers on loopback: right, wrong, broken and hostile ones."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from electra_kernel.channels.base import BankUnreachable, CertificateRejected, ChannelError, NotABank
from electra_kernel.channels.internet import MAX_ANSWER_BYTES, InternetChannel
from electra_kernel.vocabulary.errors import ElectraError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<pong>"


@contextmanager
def server(answer: Callable[[bytes], bytes], context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server on loopback that answers one request a connection with raw bytes, then hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            try:
                line = context.wrap_socket(plain, server_side=True) if context else plain
                with line:
                    request = b""
                    # Unread bytes at the end would reset the line, which is another test's matter.
                    while b"<ping/>" not in request and (more := line.recv(65536)):
                        request += more
                    line.sendall(answer(request))
            except OSError:
                continue

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()


def certificate(folder: Path, name: str) -> ssl.SSLContext:
    """A self-signed server certificate for ``name``, written to ``folder/ca.pem``, and a context that serves it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context


def test_a_document_goes_over_https_and_its_answer_comes_back(tmp_path: Path) -> None:
    seen: list[bytes] = []

    def answer(request: bytes) -> bytes:
        seen.append(request)
        return OK

    with server(answer, certificate(tmp_path, "localhost")) as port:
        channel = InternetChannel(f"https://localhost:{port}/ebics", ca=tmp_path / "ca.pem")
        assert channel.exchange(b"<ping/>") == b"<pong>"
        channel.close()
    assert seen[0].startswith(b"POST /ebics HTTP/1.1")


def test_a_certificate_of_another_authority_stops_everything_before_a_byte_is_sent(tmp_path: Path) -> None:
    seen: list[bytes] = []
    other = tmp_path / "other"
    other.mkdir()
    certificate(other, "localhost")
    with server(lambda request: seen.append(request) or OK, certificate(tmp_path, "localhost")) as port:
        channel = InternetChannel(f"https://localhost:{port}/", ca=other / "ca.pem")
        with pytest.raises(CertificateRejected, match="not the bank's"):
            channel.exchange(b"<ping/>")
    assert not any(seen)


def test_a_certificate_for_another_name_is_rejected(tmp_path: Path) -> None:
    with server(lambda _: OK, certificate(tmp_path, "example.org")) as port, pytest.raises(CertificateRejected):
        InternetChannel(f"https://localhost:{port}/", ca=tmp_path / "ca.pem").exchange(b"<ping/>")


def test_a_bank_that_is_down_is_unreachable_with_a_repair() -> None:
    # Held without listening: nobody else can take the port meanwhile.
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        with pytest.raises(BankUnreachable) as error:
            InternetChannel(f"http://127.0.0.1:{held.getsockname()[1]}/").exchange(b"<ping/>")
    assert "again later" in error.value.repair


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 500 Oops", b"HTTP/1.1 404 Not Found", b"HTTP/1.1 302 Found\r\nLocation: /"]
)
def test_an_http_error_or_a_redirect_is_not_a_bank(head: bytes) -> None:
    with server(lambda _: head + b"\r\nContent-Length: 0\r\n\r\n") as port, pytest.raises(NotABank):
        InternetChannel(f"http://127.0.0.1:{port}/").exchange(b"<ping/>")


@pytest.mark.parametrize("nonsense", [b"", b"hello there\r\n\r\n", OK[:-3], b"HTTP/1.1 200 OK\r\nContent-Le"])
def test_an_answer_that_breaks_off_is_a_channel_error_and_never_counts_as_unreached(nonsense: bytes) -> None:
    with server(lambda _: nonsense) as port, pytest.raises(ChannelError) as error:
        InternetChannel(f"http://127.0.0.1:{port}/").exchange(b"<ping/>")
    assert not isinstance(error.value, BankUnreachable)


def test_an_endless_answer_is_cut_off() -> None:
    endless = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (MAX_ANSWER_BYTES + 1)
    with server(lambda _: endless) as port, pytest.raises(NotABank, match="larger"):
        InternetChannel(f"http://127.0.0.1:{port}/").exchange(b"<ping/>")


def test_plain_http_to_anywhere_but_this_machine_is_refused() -> None:
    for address in ("http://bank.example/", "ftp://localhost/", "bank.example"):
        with pytest.raises(ElectraError, match="not a safe address"):
            InternetChannel(address)


def test_a_ca_file_that_is_none_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    for name in ("ca.pem", "missing.pem"):
        with pytest.raises(ElectraError, match="trusted authorities"):
            InternetChannel("https://localhost/", ca=tmp_path / name)
