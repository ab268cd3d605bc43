"""Starting the sandbox bank as a process of its own and reading what it says of itself.

The bank is a separate program; this file knows its command line only.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

from electra_kernel.vocabulary.errors import ElectraError


@dataclass(frozen=True, slots=True)
class SandboxInfo:
    """What a client needs to connect: addresses, CA file, ids, and the bank's key fingerprints."""

    http: str
    https: str
    ca: Path
    host: str
    partner: str
    users: tuple[str, ...]
    fingerprints: Mapping[str, str]


#: What a sandbox bank said of itself, for programs that run beside it and shall use it too.
SANDBOX_VARIABLE = "ELECTRA_SANDBOX"


class Sandbox:
    """A running sandbox bank. The one that was started here ends with this process, or with ``stop``."""

    def __init__(self, process: subprocess.Popen[str] | None, words: str, data: Path) -> None:
        self._process, self.words, self.info, self.data = process, words, _info(words), data
        atexit.register(self.stop)

    @classmethod
    def beside(cls, data: Path) -> Sandbox | None:
        """The bank that a surrounding program (``electra lab``) runs on this data folder, or ``None``."""
        words = os.environ.get(SANDBOX_VARIABLE, "")
        return cls(None, words, data) if words and _info(words).ca.parent == data.resolve() else None

    @classmethod
    def start(
        cls, data: Path, *, seed: int = 1, admit: bool = False, day: date | None = None, timeout: float = 180.0
    ) -> Sandbox:
        """Start the bank on its data folder and wait until it answers.

        Args:
            data: the bank's folder; made on first use.
            seed: chooses the company and its history; the same seed gives the same data.
            admit: activate users as soon as their keys arrive, without a letter.
            day: a new bank's first business date; today by default.
            timeout: seconds to wait for the bank to be ready.

        Raises:
            ElectraError: the bank did not start; the error carries its last words.
        """
        try:
            data.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ElectraError(
                "The sandbox bank has no folder for its data.",
                where=str(data),
                cause=error.strerror or str(error),
                repair="Choose another folder, or move away what is in the way.",
            ) from error
        command = [*bank_command("serve", "--data", str(data), "--seed", str(seed)), "--json", "--until-eof"]
        command += ["--admit"] if admit else []
        command += ["--date", day.isoformat()] if day else []
        with (data / "serve.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        return cls(process, _first_line(process, timeout, data), data)

    def run(self, *arguments: str) -> str:
        """Run one of the bank's commands (``clock``, ``activate``, ``status``) on this bank and return what it says.

        Raises:
            ElectraError: the command failed.
        """
        command, *rest = arguments
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            bank_command(command, "--data", str(self.data), *rest), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise ElectraError(f"The sandbox bank's command {command!r} failed.", cause=done.stderr.strip()[-800:])
        return done.stdout

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process is None or self._process.poll() is None

    def stop(self) -> None:
        """End the bank; what it knows stays on its disk."""
        atexit.unregister(self.stop)
        if self._process is None:
            return
        if self.running:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()


def bank_command(*arguments: str) -> Sequence[str]:
    """The command line of the sandbox bank."""
    return (sys.executable, "-m", "electra_kernel", "bank", *arguments)


def _first_line(process: subprocess.Popen[str], timeout: float, data: Path) -> str:
    lines: Queue[str] = Queue()
    stdout = process.stdout
    assert stdout is not None
    Thread(target=lambda: lines.put(stdout.readline()), daemon=True).start()
    try:
        line = lines.get(timeout=timeout)
    except Empty:
        line = ""
    if not line:
        process.kill()
        process.wait()
        words = (data / "serve.log").read_text("utf-8", errors="replace").strip()[-800:]
        raise ElectraError(
            "The sandbox bank did not start.",
            cause=words or f"it said nothing for {timeout:.0f} seconds.",
            repair=f"See {data / 'serve.log'}; `electra doctor` checks the installation.",
        )
    return line


def _info(line: str) -> SandboxInfo:
    said = json.loads(line)
    return SandboxInfo(
        http=said["http"],
        https=said["https"],
        ca=Path(said["ca"]),
        host=said["host"],
        partner=said["partner"],
        users=tuple(said["users"]),
        fingerprints=said["fingerprints"],
    )
