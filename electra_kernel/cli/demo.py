"""``electra demo``: the main job from end to end against a sandbox bank, one progress line a step, a report for scripts.

Every step asks what is already done and goes on from there, so a run that was cut off is finished by running it again.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from electra_kernel import Workbench
from electra_kernel.cli.demo_payments import payments_workbook
from electra_kernel.cli.notebooks import notebook_folder, run_notebook
from electra_kernel.orders.lifecycle import State
from electra_kernel.vocabulary.accounts import format_account
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.money import format_amount
from electra_kernel.workbench.orders import TrackedOrder
from electra_kernel.workbench.passwords import PASSWORD_FILE_VARIABLE
from electra_kernel.workbench.sandbox import Sandbox

Figures = dict[str, Any]


class StepFailed(ElectraError):
    """A step of the demonstration did not hold."""


@dataclass
class Demo:
    """One demonstration in one folder: the bank's data, the company's workbench, and what is printed."""

    out: Path
    seed: int
    sandbox: Sandbox | None = None
    files: list[str] = field(default_factory=list)

    @property
    def bank(self) -> Sandbox:
        """The running bank."""
        assert self.sandbox is not None
        return self.sandbox

    @cached_property
    def workbench(self) -> Workbench:
        """The company's workbench."""
        return Workbench.open(self.out / "treasury", passwords=lambda _: self.password)

    @cached_property
    def password(self) -> str:
        """A password nobody has to think of, kept where only this user can read it."""
        file = self.out / "password"
        if not file.exists():
            new = self.out / f"password.{os.getpid()}"
            new.touch(mode=0o600)
            new.write_text(secrets.token_urlsafe(18) + "\n", "utf-8")
            new.replace(file)
        return file.read_text("utf-8").strip()

    @property
    def payments(self) -> Path:
        """The payments file in Excel."""
        return self.out / "suppliers.xlsx"

    @property
    def order(self) -> TrackedOrder:
        """The one order of this demonstration.

        Raises:
            StepFailed: it was not made.
        """
        found = self.workbench.orders.find(self.payments)
        if found is None:
            raise StepFailed("The order was not made.", repair="Run the demonstration again.")
        return found

    def keep(self, name: str, data: bytes) -> None:
        """Write a result into the folder, whole or not at all."""
        part = self.out / f".{name}.part"
        part.write_bytes(data)
        part.replace(self.out / name)
        self.files.append(name)

    def close(self) -> None:
        """Stop the bank and let go of the workbench."""
        if "workbench" in self.__dict__:
            self.workbench.close()
        if self.sandbox is not None:
            self.sandbox.stop()


def run_demo(out: Path, seed: int) -> bool:
    """Run every step, print a line each, and write ``report.json``; returns whether all steps held."""
    out.mkdir(parents=True, exist_ok=True)
    demo, report, held = Demo(out.resolve(), seed), list[Figures](), True
    try:
        for number, (name, title, step) in enumerate(_STEPS, 1):
            _say(f"[{number}/{len(_STEPS)}] {title} …")
            began = time.perf_counter()
            figures, held = _run_step(demo, step)
            took = f"{time.perf_counter() - began:.1f} s"
            report.append({"step": number, "name": name, "ok": held, "took": took, **figures})
            _say(f"      {'done' if held else 'FAILED'} in {took}: {_told(figures)}")
            if not held:
                break
    finally:
        demo.close()
    whole = {"ok": held, "seed": seed, "steps": report}
    (out / "report.json").write_text(json.dumps(whole, indent=2, ensure_ascii=False, default=str) + "\n", "utf-8")
    _say(f"The report is in {out / 'report.json'}.")
    return held


def _run_step(demo: Demo, step: Callable[[Demo], Figures]) -> tuple[Figures, bool]:
    demo.files = []
    try:
        figures = step(demo)
    except Exception as error:
        if not isinstance(error, ElectraError):
            traceback.print_exc()  # a defect of ours: all of it is wanted
        return {"error": str(error), "files": demo.files}, False
    return {**figures, "files": demo.files}, True


def start_bank(demo: Demo) -> Figures:
    """Start the sandbox bank as a process of its own."""
    demo.sandbox = Sandbox.start(demo.out / "bank", seed=demo.seed)
    info = demo.sandbox.info
    return {"address": info.https, "host": info.host, "partner": info.partner, "users": list(info.users)}


def connect(demo: Demo) -> Figures:
    """Create keys, send INI and HIA, write the letter, be activated by it, fetch and compare the bank's keys."""
    info = demo.bank.info
    connection = demo.workbench.connect(
        info.https, host=info.host, partner=info.partner, user=info.users[0], ca=info.ca, name="sandbox"
    )
    if not connection.ready:
        connection.initialise()
        hashes = [argument for value in connection.hashes().values() for argument in ("--hash", value)]
        demo.bank.run("activate", "--user", info.users[0], *hashes)
        connection.initialise(info.fingerprints)
    if not connection.ready:
        raise StepFailed("The connection is not ready.", cause=connection.next_step)
    demo.keep("letter.pdf", connection.letter_file.read_bytes())
    accounts = [f"{account.iban} {account.currency}" for account in connection.info().accounts]
    return {"user": info.users[0], "hashes_compared": True, "accounts": accounts}


def read_payments(demo: Demo) -> Figures:
    """Read the payments in Excel, print every problem, and go on with the good lines."""
    if not demo.payments.exists():
        demo.keep(demo.payments.name, payments_workbook(demo.seed))
    order = demo.workbench.orders.find(demo.payments)
    if order is None:
        order = demo.workbench.orders.read(demo.payments, debtor=_forint_account(demo))
    problems = order.check()
    for problem in problems.itertuples(index=False):
        _say(f"      line {problem.position}: {problem.field}: {problem.text} [{problem.rule}] {problem.repair}")
    if len(problems):
        order.leave_out_problems()
    problems_left = len(order.check())
    if problems_left:
        raise StepFailed(f"{problems_left} problems are left.", repair="See the lines above.")
    left_out = sum(int(event.data.get("left_out", 0)) for event in order.history)
    return {
        "order": order.id,
        "transactions": len(order.order.transactions),
        "problems": len(problems),
        "left_out": left_out,
    }


def sign_and_send(demo: Demo) -> Figures:
    """Sign the order (A006) and upload it; what was done before a cut is not done again."""
    order = demo.order
    if order.status in (State.DRAFT, State.READY):
        order.sign()
    order.send()
    if order.status not in (State.RECEIVED, State.ACCEPTED, State.EXECUTED):
        raise StepFailed(
            "The order did not arrive.", cause=f"it is {order.status.value}.", repair="See order.events()."
        )
    value = order.order
    return {
        "order": order.id,
        "order_state": order.status.value,
        "transactions": len(value.transactions),
        "total": f"{value.control_sum} {value.currency}",
        "signers": list(order.signers),
        "bytes": len(order.document),
    }


def follow(demo: Demo) -> Figures:
    """Follow the order by HAC and pain.002 until it is executed."""
    order = demo.order
    if order.status is not State.EXECUTED:
        demo.bank.run("clock", "--to", order.order.execution_date.isoformat())
        order.follow()
    if order.status is not State.EXECUTED:
        raise StepFailed(
            "The order was not executed.", cause=f"it is {order.status.value}.", repair="See order.events()."
        )
    news = [event.data["source"] for event in order.history if event.kind.value == "bank-status"]
    return {"order": order.id, "order_state": order.status.value, "news": news}


def fetch_statements(demo: Demo) -> Figures:
    """Let the day end, fetch its camt.053, prove it, append it to the ledger once, and see that twice adds nothing."""
    day = demo.order.order.execution_date
    if not _has_statement(demo, day):
        demo.bank.run("clock", "--to", (pd.Timestamp(day) + pd.offsets.BDay(1)).date().isoformat())
    demo.workbench.statements.fetch()
    again = demo.workbench.statements.fetch(since=day, until=day)
    if not len(again) or int(again["new"].sum()):
        raise StepFailed("The second fetch was not empty-handed.", cause=again.to_string())
    entries = demo.workbench.statements.entries(since=day, until=day)
    proved = bool(again["balances_proved"].all()) and not _errors(demo)
    if not proved:
        raise StepFailed("The balances do not add up.", repair="See wb.statements.problems().")
    return {
        "entries": len(entries),
        "ledger_entries": int(demo.workbench.store.ledger.entries().count().execute()),
        "appended_by_second_fetch": 0,
        "balances_proved": proved,
    }


def report(demo: Demo) -> Figures:
    """Print the cash position, write the PDFs, and run the statement-analysis notebook to HTML."""
    position = demo.workbench.position()
    for row in position.to_dict("records"):
        amount = format_amount(row["book_balance"], row["currency"])
        _say(f"      {format_account(row['account']):<36}{amount:>20} {row['currency']}  on {row['as_of']}")
    order = demo.order
    demo.keep("order.pdf", order.pdf())
    statements = demo.workbench.statements
    demo.keep("statement.pdf", statements.pdf(statements.latest(order.order.debtor.account)))
    environment = {
        "ELECTRA_WORKBENCH": str(demo.workbench.folder),
        PASSWORD_FILE_VARIABLE: str(demo.out / "password"),
    }
    demo.keep("statement-analysis.html", run_notebook(notebook_folder() / "statement-analysis.ipynb", environment))
    return {"accounts": len(position), "order_state": order.status.value}


_STEPS: tuple[tuple[str, str, Callable[[Demo], Figures]], ...] = (
    ("bank", "The sandbox bank starts", start_bank),
    ("connect", "Keys, letter, activation, the bank's keys", connect),
    ("payments", "Payments from Excel, checked", read_payments),
    ("order", "The order, signed and sent", sign_and_send),
    ("follow", "Followed to its execution", follow),
    ("statements", "The day's statement, proved, in the ledger once", fetch_statements),
    ("reports", "Position, PDFs, notebook", report),
)


def _forint_account(demo: Demo) -> str:
    accounts = demo.workbench.connections["sandbox"].info().accounts
    return next(account.iban for account in accounts if account.currency == "HUF")


def _has_statement(demo: Demo, day: object) -> bool:
    balances = demo.workbench.statements.balances()
    return bool(len(balances[(balances["kind"] == "CLBD") & (balances["date"] == day)]))


def _errors(demo: Demo) -> int:
    problems = demo.workbench.statements.problems()
    return len(problems[problems["severity"] == "error"])


def _told(figures: Figures) -> str:
    return ", ".join(f"{name} {_short(value)}" for name, value in figures.items() if value not in ([], ""))


def _short(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _say(line: str) -> None:
    print(line, file=sys.stdout, flush=True)  # noqa: T201 - the demonstration speaks to the terminal
