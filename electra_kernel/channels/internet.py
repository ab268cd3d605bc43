"""The internet: HTTPS POST of one document, one document back (EBICS 3.0.2, chapter 3.1; HTTP 200 also for EBICS errors).

The byte stream under HTTP is a ``NetworkBackend``: other lines plug in there and keep TLS end to end.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from urllib.parse import urlsplit

import httpcore2

from electra_kernel.channels.base import BankUnreachable, CertificateRejected, ChannelError, NotABank
from electra_kernel.vocabulary.errors import ElectraError, cause_of

#: The largest answer taken: a segment is at most 1 MB, an answer carries one and its envelope.
MAX_ANSWER_BYTES = 8 * 1024 * 1024

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class InternetChannel:
    """HTTPS to one address; plain http only to this machine.

    Args:
        url: the bank's EBICS address.
        ca: a PEM file with the authorities to trust instead of the system's; for a sandbox bank.
        timeout: seconds without any progress before the line counts as dead.
        network_backend: what opens byte streams; the machine's sockets by default.

    Raises:
        ElectraError: the address is not https (or http on loopback), or the CA file cannot be read.
    """

    def __init__(
        self,
        url: str,
        *,
        ca: Path | None = None,
        timeout: float = 60.0,
        network_backend: httpcore2.NetworkBackend | None = None,
    ) -> None:
        scheme, host = _parts(url)
        if not host or (scheme != "https" and not (scheme == "http" and host in _LOOPBACK)):
            raise ElectraError(
                f"{url!r} is not a safe address for a bank.",
                cause="orders and statements travel over https only.",
                repair="Use the https address from the bank's letter.",
            )
        self.url, self._timeout = url, timeout
        self._pool = httpcore2.ConnectionPool(
            ssl_context=ssl_context(ca), max_connections=1, network_backend=network_backend
        )

    def exchange(self, document: bytes) -> bytes:
        """Post one document; see ``Channel.exchange``."""
        limits = dict.fromkeys(("connect", "read", "write", "pool"), self._timeout)
        try:
            with self._pool.stream(
                "POST",
                self.url,
                headers={"Content-Type": "text/xml; charset=UTF-8", "Accept": "text/xml"},
                content=document,
                extensions={"timeout": limits},
            ) as response:
                return self._read(response)
        except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
            raise no_connection(self.url, error) from error
        except (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            raise ChannelError(
                "The line broke before the bank's answer was whole.",
                where=self.url,
                cause=_words(error),
                repair="Send again: what the bank already has, it will not take twice.",
            ) from error

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()

    def _read(self, response: httpcore2.Response) -> bytes:
        if response.status != 200:
            raise NotABank(
                f"The server answered with HTTP status {response.status}.",
                where=self.url,
                cause="this address does not speak EBICS, or the bank has trouble.",
                repair="Check the address in the bank's letter; if it is right, try again later.",
            )
        answer = bytearray()
        for chunk in response.iter_stream():
            answer += chunk
            if len(answer) > MAX_ANSWER_BYTES:
                raise NotABank(
                    f"The answer is larger than {MAX_ANSWER_BYTES} bytes.",
                    where=self.url,
                    cause="no EBICS answer is that large.",
                    repair="Check the address in the bank's letter.",
                )
        return bytes(answer)


def _parts(url: str) -> tuple[str, str]:
    """Scheme and host of an address; empty where it is none."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # an impossible port is found out on reading it
    except ValueError:
        return "", ""
    return parts.scheme, parts.hostname or ""


def ssl_context(ca: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or later, trusting the authorities in ``ca`` or the system's.

    Raises:
        ElectraError: the file cannot be read.
    """
    try:
        context = ssl.create_default_context(cafile=str(ca) if ca else None)
    except (OSError, ssl.SSLError) as error:
        raise ElectraError(
            f"The file of trusted authorities {ca} cannot be read.",
            cause=cause_of(error),
            repair="Name a PEM file with the CA certificate the bank gave you.",
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def no_connection(url: str, error: Exception) -> BankUnreachable:
    """The error for a connection that did not come about."""
    words = _words(error)
    if "certificate" in words.lower() or "hostname" in words.lower():
        return CertificateRejected(
            "The server's certificate is not the bank's.",
            where=url,
            cause=words,
            repair="Do not go on. Check the address and the CA file, and ask the bank whether its certificate changed.",
        )
    return BankUnreachable(
        "The bank cannot be reached.",
        where=url,
        cause=words,
        repair="Check the network and the address. What was to be sent is kept; try again later.",
    )


def _words(error: BaseException) -> str:
    return cause_of(error)
