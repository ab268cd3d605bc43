"""Where passwords come from: asked for, masked, and never kept. No password is ever an argument in a cell or a shell."""

from __future__ import annotations

import getpass
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from electra_kernel.signing.passwordkey import check_new_password
from electra_kernel.vocabulary.errors import ElectraError, cause_of

#: Given a prompt, returns the password.
PasswordSource: TypeAlias = Callable[[str], str]

#: Names a file whose first line is the password, for work without a person: schedulers, headless notebooks.
PASSWORD_FILE_VARIABLE = "ELECTRA_PASSWORD_FILE"  # noqa: S105 - the name of a variable, not a password


class NoPassword(ElectraError):
    """Nobody is there to type a password."""


class PasswordsDiffer(ElectraError):
    """A new password was typed in two ways."""


def ask_password(prompt: str) -> str:
    """Ask the person: a masked box below the cell in a notebook, a masked line in a terminal.

    A file named by ``ELECTRA_PASSWORD_FILE`` answers instead of a person.

    Raises:
        NoPassword: no person can be asked and no file is named, or the file cannot be read.
    """
    if file := os.environ.get(PASSWORD_FILE_VARIABLE):
        return _first_line(Path(file))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)  # what would be typed visibly is not asked for
            return getpass.getpass(f"{prompt}: ")
    except (
        EOFError,
        OSError,
        RuntimeError,
        getpass.GetPassWarning,
    ) as error:  # ipykernel's "no stdin" error is a RuntimeError
        raise NoPassword(
            "A password is needed, and nobody can be asked for it here.",
            cause="there is no terminal and no notebook front end.",
            repair=f"Sign with the signing form, or name a file with the password in {PASSWORD_FILE_VARIABLE}.",
        ) from error


def ask_new_password(ask: PasswordSource, prompt: str) -> str:
    """A new password: good enough, and typed twice where a person types it unseen.

    Raises:
        WeakPassword: it is too easy to guess.
        PasswordsDiffer: the two are not the same; nothing was done.
    """
    password = ask(prompt)
    check_new_password(password)
    if ask is ask_password and ask("The same password again") != password:
        raise PasswordsDiffer("The two passwords are not the same.", repair="Begin again; nothing was done.")
    return password


def _first_line(file: Path) -> str:
    try:
        return file.read_text("utf-8").splitlines()[0]
    except (OSError, IndexError, UnicodeDecodeError) as error:
        raise NoPassword(
            f"The password file {file} cannot be read.",
            cause="it is empty." if isinstance(error, IndexError) else cause_of(error),
            repair=f"Correct {PASSWORD_FILE_VARIABLE}, or unset it to be asked.",
        ) from error
