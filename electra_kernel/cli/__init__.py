"""The command ``electra``: one front door. Each command only reads its arguments, calls a public function and shows."""

from __future__ import annotations

import contextlib
import os
import re
import sys

from electra_kernel.vocabulary.errors import ElectraError, cause_of
from electra_kernel.vocabulary.faults import explain

#: What a person types in a notebook, and what in the shell, beside the steps of a connection.
_SAID = {
    "See connection.next_step: it says": "Run electra connections: it says",
    "wb.connect_sandbox(), or wb.connect(url, host=…, partner=…, user=…)": "electra connect URL --host … --partner … --user …",
    "wb.statements.fetch()": "electra statements --fetch",
    "Run order.follow()": "Run electra names with its id",
    "order.send(check_names=True)": "electra send --check-names",
    "Name one of:": "Add --connection with one of:",
    "connection.change_keys(keys=…), or begin anew with new_keys=True": "electra keys change, or begin anew with electra keys renew",
    "connection.change_keys()": "electra keys change",
    "connection.info(refresh=True)": "electra connections --fetch",
    "connection.info()": "electra connections --info",
    "(wb.orders.send_outbox())": "(electra send ID)",
    "(order.cancel())": "(electra cancel ID)",
    "order.events()": "electra order ID",
    "order.sign()": "electra send ID, which asks for your password",
    "order.send(check_names=False)": "electra send ID --no-check-names",
    "the next send() asks": "the next electra send asks",
    "See order.check(); correct the file, or leave the lines out with order.leave_out_problems()": (
        "See electra check FILE, and correct the file"
    ),
    "Restore under another name: name=…": "Restore under another name: --name NAME",
    "To look at the old ones: name=…": "To look at the old ones: --name NAME",
    "Choose another name: name=…": "Choose another name: --name NAME",
}
_VERSION = re.compile(r'connection\.use_version\("(\w+)"\)')


def in_the_shell(words: str) -> str:
    """An error's words with the commands of the shell instead of those of a notebook."""
    from dataclasses import asdict

    from electra_kernel.workbench.standing import PYTHON, SHELL

    steps, typed = asdict(PYTHON), asdict(SHELL)
    said = _SAID | {steps[name]: typed[name] for name in steps}
    # The longest first: some begin like others.
    for python in sorted(said, key=len, reverse=True):
        words = words.replace(python, said[python])
    return _VERSION.sub(r"electra keys version \1", words)


def main() -> None:
    """Run the command line; an error of ours, of a disk or of what was typed is one plain message and a status beside 0."""
    import typer

    from electra_kernel.cli.app import app
    from electra_kernel.cli.usage import WrongUsage, words_of

    try:
        status = app(prog_name="electra", standalone_mode=False)
        sys.exit(status if isinstance(status, int) else 0)
    except WrongUsage as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            print(error, file=sys.stderr)  # noqa: T201 - the command line's own voice
        else:
            print(f"Error: {words_of(error)}", file=sys.stderr)  # noqa: T201 - the command line's own voice
        sys.exit(2)
    except typer.Abort:
        print("\nNothing was done: nobody answered.", file=sys.stderr)  # noqa: T201 - the command line's own voice
        sys.exit(1)
    except ElectraError as error:
        print(f"Error: {in_the_shell(explain(error).line())}", file=sys.stderr)  # noqa: T201 - the command line's own voice
        sys.exit(1)
    except OSError as error:
        # What could not be written may still wait in the stream, and would fail once more at the end of the program.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        place = f"{error.filename}: " if error.filename else ""
        cause = cause_of(error).rstrip(".")
        if isinstance(error, FileExistsError | NotADirectoryError):
            cause = "A file stands where a folder is needed"
        print(  # noqa: T201 - the command line's own voice
            f"Error: {place}{cause}. Repair: Check the place, the free space on its disk and your rights to it.",
            file=sys.stderr,
        )
        sys.exit(1)
