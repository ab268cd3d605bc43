"""Clients of the bank's WebSocket that break its rules: each opens a line, does its mischief, and is gone."""

from __future__ import annotations

import base64
import os
import socket
import struct
from collections.abc import Callable
from random import Random

#: Seconds; generous, for a busy machine.
PATIENCE = 120


def upgrade(name: str, token: str, path: str = "/notifications") -> bytes:
    """The request that opens a line (RFC 6455, 4.1; RFC 7617)."""
    secret = base64.b64encode(f"{name}:{token}".encode()).decode()
    key = base64.b64encode(os.urandom(16)).decode()
    return (
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nAuthorization: Basic {secret}\r\n\r\n"
    ).encode()


def frame(opcode: int, payload: bytes, *, masked: bool = True, announced: int | None = None) -> bytes:
    """One frame (RFC 6455, 5.2); ``announced`` is the length it claims to have."""
    size = len(payload) if announced is None else announced
    mask = os.urandom(4) if masked else b""
    marked = 0x80 if masked else 0
    if size < 126:
        head = bytes([0x80 | opcode, marked | size])
    elif size < 2**16:
        head = struct.pack("!BBH", 0x80 | opcode, marked | 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, marked | 127, size)
    body = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload)) if masked else payload
    return head + mask + body


def frames(random: Random) -> bytes:
    """What a broken or hostile client may write on an open line."""
    kinds: list[Callable[[], bytes]] = [
        lambda: random.randbytes(random.randrange(1, 400)),
        lambda: frame(1, b"hello"),
        lambda: frame(1, b"no mask", masked=False),
        lambda: frame(2, b"\x00" * random.randrange(1, 3000)),
        lambda: frame(1, b"x", announced=2**62),
        lambda: frame(1, b"x", announced=2**31),
        lambda: frame(9, b"p" * random.choice([0, 125, 200])),
        lambda: frame(random.randrange(3, 8), b"reserved"),
        lambda: frame(8, struct.pack("!H", random.randrange(65536))),
        lambda: frame(1, b"\xff\xfe\xfd"),
        lambda: bytes([0xF1]) + frame(0, b"out of order"),
    ]
    return b"".join(random.choice(kinds)() for _ in range(random.randrange(1, 4)))


def mischief(port: int, request: bytes, written: bytes) -> bytes:
    """Open a line, write, and read until the bank hangs up; gives what it said. Raises ``TimeoutError`` where it never does."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as held:
        held.sendall(request)
        said = held.recv(65536)
        try:
            held.sendall(written)
            held.shutdown(socket.SHUT_WR)
            while piece := held.recv(65536):
                said += piece
        except (ConnectionResetError, BrokenPipeError):
            pass
    return said
