"""A sandbox bank as a process of its own, on loopback, as people start it."""

from __future__ import annotations

import json
import select
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from click.testing import Result
from typer.testing import CliRunner

from electra_kernel.bank.cli import app
from electra_kernel.vocabulary.dates import BusinessCalendar, system_clock
from tests.processes import ROOT

_BANK = "from electra_kernel.bank.cli import app; app()"
#: Seconds; generous, for a machine ten times slower and busy: a wait that succeeds ends at once.
_PATIENCE = 300


@dataclass
class BankProcess:
    """A running bank and what it said of itself."""

    process: subprocess.Popen[bytes]
    said: dict[str, Any]
    folder: Path

    def post(
        self, document: bytes, *, secure: bool = True, path: str = "/", headers: dict[str, str] | None = None
    ) -> bytes:
        """POST one document and give the answer, which must be HTTP 200."""
        status, body = self.ask("POST", path, document, secure=secure, headers=headers)
        assert status == 200, body
        return body

    def ask(
        self,
        method: str,
        path: str = "/",
        body: Any = None,
        *,
        secure: bool = False,
        headers: dict[str, str] | None = None,
        host: str = "127.0.0.1",
        chunked: bool = False,
    ) -> tuple[int, bytes]:
        """One HTTP request on a connection of its own."""
        port = urlsplit(self.said["https" if secure else "http"]).port
        connection: HTTPConnection
        if secure:
            context = ssl.create_default_context(cafile=self.said["ca"])
            context.verify_flags |= ssl.VERIFY_X509_STRICT
            connection = HTTPSConnection(host, port, timeout=_PATIENCE, context=context)
        else:
            connection = HTTPConnection(host, port, timeout=_PATIENCE)
        try:
            connection.request(
                method,
                path,
                body,
                headers or {"Content-Type": "text/xml; charset=ISO-8859-1"},
                encode_chunked=chunked,
            )
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def today(self) -> date:
        """The bank's business date, wherever it was moved to."""
        told = bank_command("clock", "--data", str(self.folder), "--json").stdout
        return date.fromisoformat(json.loads(told)["date"])

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait(_PATIENCE)

    def stop(self) -> int:
        """SIGTERM; gives the exit code."""
        self.process.terminate()
        return self.process.wait(_PATIENCE)


@contextmanager
def running(folder: Path, *options: str) -> Iterator[BankProcess]:
    """``electra bank serve --json`` until the block ends; a new bank begins on a day on which it works."""
    day = BusinessCalendar("HU").next_business_day(system_clock().date())
    dated = ("--date", day.isoformat(), *options)
    command = [sys.executable, "-c", _BANK, "serve", "--data", str(folder), "--json", *dated]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], _PATIENCE)
        line = process.stdout.readline() if ready else b""
        if not line:
            process.kill()
        assert line, process.communicate()[1].decode()
        yield BankProcess(process, json.loads(line), folder)
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(_PATIENCE)
        for pipe in (process.stdin, process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()


def bank_command(*arguments: str) -> Result:
    """Run another of the bank's commands to its end, beside the bank's process."""
    return CliRunner().invoke(app, arguments)
