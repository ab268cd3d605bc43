"""A WebSocket on which a bank tells its news (RFC 6455; HTTP Basic, RFC 7617). Texts come in, nothing goes out.

What may live here: one line, opened, listened to and closed. What a text means is the protocol's business.
"""

from __future__ import annotations

import base64
import contextlib
import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI, WebSocketException
from websockets.sync.client import ClientConnection, connect

from electra_kernel.channels.base import BankUnreachable, ChannelError, NotABank
from electra_kernel.channels.internet import no_connection, ssl_context
from electra_kernel.vocabulary.errors import ElectraError, cause_of

#: The largest text taken, and how many may wait to be read.
MAX_MESSAGE_BYTES, MAX_WAITING = 64 * 1024, 16
_PORTS = {"wss": 443, "ws": 80}
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class WebSocketLine:
    """One open line.

    Args:
        url: ``wss://…``; ``ws://…`` only on this machine.
        name, password: for the upgrade request (HTTP Basic).
        ca: a PEM file with the authorities to trust instead of the system's.
        timeout: seconds to wait for the line, and for an answer to a ping while nothing is said.

    Raises:
        ElectraError: the address is not wss (or ws on loopback), or the CA file cannot be read.
        BankUnreachable, CertificateRejected: no connection came about.
        NotABank: something answered, but it opened no WebSocket; the cause says what.
    """

    def __init__(self, url: str, *, name: str, password: str, ca: Path | None = None, timeout: float = 20.0) -> None:
        self.url = url
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme != "wss" and not (parts.scheme == "ws" and host in _LOOPBACK):
            raise ElectraError(
                f"{url!r} is not a safe address for news of a bank.",
                cause="they travel over wss only.",
                repair="Nothing is lost: what is new is asked for at intervals. Tell the bank.",
            )
        secret = base64.b64encode(f"{name}:{password}".encode()).decode()
        context = ssl_context(ca) if parts.scheme == "wss" else None
        try:
            # A socket of our own: a redirect could only lead to a place that the bank did not name.
            held = socket.create_connection((host, parts.port or _PORTS[parts.scheme]), timeout)
        except OSError as error:
            raise no_connection(url, error) from error
        try:
            self._socket = _opened(url, held, context, host, secret, timeout)
        except BaseException:
            held.close()
            raise

    def receive(self, timeout: float) -> str | bytes | None:
        """The next text, or ``None`` where none came within ``timeout`` seconds.

        Raises:
            ChannelError: the line is broken or was closed.
        """
        try:
            return self._socket.recv(timeout=max(timeout, 0.0))
        except TimeoutError:
            return None
        except (ConnectionClosed, WebSocketException, OSError) as error:
            raise ChannelError(
                "The line on which the bank tells its news broke.",
                where=self.url,
                cause=cause_of(error),
                repair="Nothing is lost: what is new is asked for at intervals, and the line is opened again.",
            ) from error

    def close(self) -> None:
        """Hang up; whoever waits in ``receive`` is woken. May be called from another thread, and twice."""
        with contextlib.suppress(WebSocketException, OSError):
            self._socket.close()


def _opened(
    url: str, held: socket.socket, context: ssl.SSLContext | None, host: str, secret: str, timeout: float
) -> ClientConnection:
    try:
        return connect(
            url,
            sock=held,
            ssl=context,
            server_hostname=host if context else None,
            additional_headers={"Authorization": f"Basic {secret}"},
            user_agent_header=None,
            # Nothing compressed: a small text that grows without bound is of no use here.
            compression=None,
            proxy=None,
            open_timeout=timeout,
            ping_interval=timeout,
            ping_timeout=timeout,
            close_timeout=1,
            max_size=MAX_MESSAGE_BYTES,
            max_queue=MAX_WAITING,
            legacy=True,
        )
    except InvalidStatus as error:
        raise _not_opened(url, f"the server answered with HTTP status {error.response.status_code}") from error
    except (InvalidHandshake, InvalidURI) as error:
        raise _not_opened(url, str(error)) from error
    except ssl.SSLError as error:
        raise no_connection(url, error) from error
    except (OSError, EOFError, WebSocketException) as error:
        raise BankUnreachable(
            "The bank opened no line for its news.",
            where=url,
            cause=cause_of(error),
            repair="Nothing is lost: what is new is asked for at intervals.",
        ) from error


def _not_opened(url: str, cause: str) -> NotABank:
    return NotABank(
        "The bank opened no line for its news.",
        where=url,
        cause=f"{cause}.",
        repair="Nothing is lost: what is new is asked for at intervals. Tell the bank if it stays so.",
    )
