"""The bank on the line: http and https on loopback, both in one process, one EBICS document in and one out.

What may live here: HTTP. What a document means is the EBICS engine's business.
"""

from __future__ import annotations

import asyncio
import secrets
import signal
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from electra_kernel.ebics.documents import DOCUMENT_LIMIT
from electra_kernel.vocabulary.errors import ElectraError, cause_of

#: The only address this bank is ever reached at.
LOOPBACK = "127.0.0.1"
#: Where a bank looks for a port of its own: below those that systems lend to whoever opens a connection (from 32768), or one
#: of them would take the bank's address while the bank is away.
_OWN_PORTS = range(20_000, 32_000)
_ATTEMPTS = 32
_SHUTDOWN_SECONDS = 5
_POLL_SECONDS = 0.02


class PortTaken(ElectraError):
    """The port asked for is in use."""


def make_app(handle: Callable[[bytes], bytes], about: Callable[[], str], more: Sequence[BaseRoute] = ()) -> Starlette:
    """The bank's web application.

    Args:
        handle: the EBICS engine; called in a thread, may be called by several at once.
        about: the text of the page that tells a person how to connect.
        more: what is answered beside EBICS documents.
    """

    async def exchange(request: Request) -> Response:
        try:
            body = await _read(request)
        except ClientDisconnect:
            # Nobody is there to read an answer; half a document is none.
            return Response(status_code=400)
        return Response(await run_in_threadpool(handle, body), media_type="text/xml; charset=UTF-8")

    async def show(request: Request) -> Response:
        return PlainTextResponse(await run_in_threadpool(about))

    async def explain(request: Request, error: Exception) -> Response:
        status, words, headers = _explained(request, error)
        return PlainTextResponse(f"{words}\n", status, headers)

    return Starlette(
        routes=[
            Route("/", show, methods=["GET"]),
            *(Route(path, exchange, methods=["POST"]) for path in ("/", "/ebics")),
            *more,
        ],
        exception_handlers={HTTPException: explain},
    )


async def _read(request: Request) -> bytes:
    """The body, chunked or not, of any content type, up to what one EBICS document may have."""
    held = bytearray()
    async for chunk in request.stream():
        held += chunk
        if len(held) > DOCUMENT_LIMIT:
            raise HTTPException(413)
    return bytes(held)


def _explained(request: Request, error: Exception) -> tuple[int, str, dict[str, str]]:
    status = error.status_code if isinstance(error, HTTPException) else 500
    words = {
        404: "There is nothing here. EBICS documents go to / by POST.",
        405: f"{request.method} is not answered here. EBICS documents go to / or /ebics by POST.",
        413: f"The document is larger than {DOCUMENT_LIMIT} bytes. EBICS sends large orders in segments.",
    }.get(status, "The request could not be answered.")
    return status, words, {"Allow": "GET, POST"} if status == 405 else {}


def listen(port: int, *, remembered: int = 0) -> socket.socket:
    """A listening socket on loopback.

    Args:
        port: the port that must be used, or 0 for any.
        remembered: with ``port`` 0, the port to prefer where it is still free.

    Raises:
        PortTaken: ``port`` is in use, or is none.
    """
    for wish in (port,) if port else _wishes(remembered):
        # With the protocol named asyncio sends at once (TCP_NODELAY); otherwise every answer waits 40 ms for a receipt.
        held = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            held.bind((LOOPBACK, wish))
            held.listen(128)
            return held
        except (OSError, OverflowError) as error:
            held.close()
            if port:
                raise PortTaken(
                    f"The port {port} cannot be used.",
                    cause=cause_of(error),
                    repair="Name another with --port, or none to take a free one.",
                ) from error
    raise PortTaken("This machine has no free port.", repair="End a program that holds many connections.")


def _wishes(remembered: int) -> Iterator[int]:
    """Ports to try, the best first; 0 is any."""
    if remembered:
        yield remembered
    yield from secrets.SystemRandom().sample(_OWN_PORTS, _ATTEMPTS)
    yield 0


class _Quiet(uvicorn.Server):
    """A server that leaves the signals to ``serve``: two of them would take them from each other."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture nothing."""
        yield


def serve(
    app: Starlette,
    sockets: tuple[socket.socket, socket.socket],
    context: ssl.SSLContext,
    ready: Callable[[], None],
) -> None:
    """Serve http and https until SIGTERM or SIGINT; requests under way are answered first.

    Args:
        sockets: listening, for http and https.
        ready: called once both accept.
    """
    asyncio.run(_serve(app, sockets, context, ready))


async def _serve(
    app: Starlette,
    sockets: tuple[socket.socket, socket.socket],
    context: ssl.SSLContext,
    ready: Callable[[], None],
) -> None:
    servers = [_Quiet(_config(app)), _Quiet(_config(app, context))]

    def stop() -> None:
        for server in servers:
            server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    tasks = [asyncio.create_task(server.serve([held])) for server, held in zip(servers, sockets, strict=True)]
    while not all(server.started for server in servers) and not any(task.done() for task in tasks):
        await asyncio.sleep(_POLL_SECONDS)
    if all(server.started for server in servers):
        ready()
    try:
        await asyncio.gather(*tasks)
    finally:
        stop()


def _config(app: Starlette, context: ssl.SSLContext | None = None) -> uvicorn.Config:
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        # Clients only listen on a WebSocket; what they say there is not read.
        ws_max_size=1024,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )
    config.load()
    config.ssl = context
    return config
