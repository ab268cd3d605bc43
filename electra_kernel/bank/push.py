"""The bank's line for news: a WebSocket beside http and https, on which the bank speaks and clients listen.

What may live here: the WebSocket. Who may listen and what is news is in ``notifications``.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib

from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from electra_kernel.bank.database import Database
from electra_kernel.bank.notifications import PATH, Mark, mark, news, redeem
from electra_kernel.ebics.notifications import write_message
from electra_kernel.vocabulary.dates import Clock

#: Other processes move the bank's clock too, so its database is looked at this often; one look serves all who listen.
_POLL_SECONDS = 0.25
_LISTENERS = 64
_UNSUPPORTED, _NOT_ALLOWED = 1003, 1008


class Announcer:
    """Tells every listening client what became new for it."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._listening = 0
        self._looking = asyncio.Lock()
        self._latest: tuple[float, Mark] | None = None

    @property
    def route(self) -> WebSocketRoute:
        """Where it is reached."""
        return WebSocketRoute(PATH, self._serve)

    async def _serve(self, websocket: WebSocket) -> None:
        header = websocket.headers.get("authorization", "")
        whose = await run_in_threadpool(self._admitted, header) if self._listening < _LISTENERS else None
        if whose is None:
            await _deny(websocket)
            return
        self._listening += 1
        try:
            # The mark comes first: what happens while the line opens is news.
            start = await self._mark()
            await websocket.accept()
            await self._announce(websocket, whose, start)
        except WebSocketDisconnect:
            return
        finally:
            self._listening -= 1

    async def _announce(self, websocket: WebSocket, whose: tuple[str, str], told_until: Mark) -> None:
        heard = asyncio.create_task(websocket.receive())
        try:
            while not (await asyncio.wait({heard}, timeout=_POLL_SECONDS))[0]:
                latest = await self._mark()
                if latest == told_until:
                    continue
                texts = await run_in_threadpool(self._texts, whose, told_until)
                if texts is None:
                    await websocket.close(_NOT_ALLOWED, "This user may no longer listen.")
                    return
                for text in texts:
                    await websocket.send_text(text)
                told_until = latest
            if heard.result()["type"] != "websocket.disconnect":
                await websocket.close(_UNSUPPORTED, "The bank speaks here, and listens to EBICS documents only.")
        finally:
            heard.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await heard

    async def _mark(self) -> Mark:
        """How far the records go, as of a moment ago."""
        loop = asyncio.get_running_loop()
        async with self._looking:
            if self._latest is None or loop.time() - self._latest[0] >= _POLL_SECONDS / 2:
                self._latest = loop.time(), await run_in_threadpool(self._read_mark)
            return self._latest[1]

    def _read_mark(self) -> Mark:
        with self._database.read() as connection:
            return mark(connection)

    def _texts(self, whose: tuple[str, str], since: Mark) -> list[str] | None:
        with self._database.read() as connection:
            told = news(connection, *whose, since)
        return None if told is None else [write_message(message, at=self._clock()) for message in told]

    def _admitted(self, header: str) -> tuple[str, str] | None:
        name, token = _basic(header)
        if not name or not token:
            return None
        with self._database.write() as connection:
            return redeem(connection, name, token, self._clock())


def _basic(header: str) -> tuple[str, str]:
    """Name and password of HTTP Basic (RFC 7617); empty where there are none."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _, password = base64.b64decode(value.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return name, password


async def _deny(websocket: WebSocket) -> None:
    words = "Listening needs HTTP Basic: PARTNERID_USERID and a token fetched with BTD OTH/DE/wssparam.\n"
    await websocket.send_denial_response(
        PlainTextResponse(words, 401, {"WWW-Authenticate": 'Basic realm="notifications", charset="UTF-8"'})
    )
    # Slows guessing down; and the server takes a handler that ends before its connection for one that never answered.
    await asyncio.sleep(_POLL_SECONDS)
