"""A connection's keys as files: exported, restored, and put under another password.

What may live here: moving keys between the workbench's folder and one file. Nothing is changed before the password has
opened every key; the password and the opened keys are nowhere but in memory.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from electra_kernel.ebics.desk import KeyUse
from electra_kernel.ebics.keys import BankKeys, fingerprint, public_key_of
from electra_kernel.signing.keyexport import KeyExport, read_export, write_export
from electra_kernel.signing.passwordkey import KeyFileError, open_key, protect_key
from electra_kernel.store import ConnectionRecord, Store
from electra_kernel.store.files import write_private_file
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.workbench.files import read_file
from electra_kernel.workbench.passwords import PasswordSource, ask_new_password
from electra_kernel.workbench.standing import certificates_of, of_this_life, standing

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from electra_kernel.store.journal import JournalEvent

#: Steps of the initialisation that hold for the same keys wherever they are.
_STEPS = (
    "keys-created",
    "version-chosen",
    "ini-sent",
    "hia-sent",
    "h3k-sent",
    "keys-changed",
    "letter-written",
    "bank-keys-confirmed",
)
_NOT_EXPORTED = frozenset({"name", "ca_file"})


class KeyDiffers(ElectraError):
    """A key file does not belong to the certificate that was sent to the bank."""


def export_keys(store: Store, name: str, path: Path, ask: PasswordSource) -> Path:
    """Write a connection's keys, certificates and particulars into one file under a password.

    Raises:
        WrongPassword: nothing was written; try again.
        WeakPassword: the new password is too short; nothing was written.
        ElectraError: there are no keys yet, there is a file already, or it cannot be written.
    """
    record = store.connections.get(name)
    _must_have_keys(record)
    if _changing(store, name) is not None:
        raise ElectraError(
            f"A change of the keys of {name!r} was cut off: a copy might hold keys the bank no longer knows.",
            repair="Finish it first: connection.finish_change().",
        )
    if path.exists():
        raise ElectraError("There is a file already.", where=str(path), repair="Choose another name for the export.")
    keys = _opened(store, record, ask(f"Password of {record.user} at {name}"))
    data = write_export(
        KeyExport(
            facts=_facts(store, record),
            keys=keys,
            certificates={use.value: der for use, der in record.certificates.items()},
        ),
        ask("New password for the exported file"),
    )
    try:
        write_private_file(path, data)
    except OSError as error:
        raise ElectraError(
            "The export cannot be written.",
            where=str(path),
            cause=f"{error.strerror or error}.",
            repair="Choose another folder.",
        ) from error
    _note(store, name, "keys-exported", record)
    return path


def _must_have_keys(record: ConnectionRecord) -> None:
    if not record.certificates:
        raise ElectraError(
            f"The connection {record.name!r} has no keys yet.", repair="Create them: connection.initialise()."
        )


def restore_keys(store: Store, path: Path, ask: PasswordSource, *, name: str | None, ca: Path | None) -> str:
    """Bring back what ``export_keys`` wrote, and give the connection's name.

    Raises:
        WrongPassword: nothing was changed; try again.
        KeyFileError: the file is no export, is damaged or was changed.
        ElectraError: the connection is here with other keys, or the file cannot be read.
    """
    export = read_export(read_file(path), ask(f"Password of the file {path.name}"))
    called, facts = name or str(export.facts.get("name", "")), _connection_facts(export)
    password = ask_new_password(ask, f"New password for the keys of {facts['user']} at {called}")
    certificates = {KeyUse(use): der for use, der in export.certificates.items()}
    locked = {key_name(called, use): protect_key(export.keys[use.value], password) for use in certificates}
    with store.lock(f"connection-{called}"):
        known = store.connections.find(called)
        if known is not None:
            _must_be_the_same(known, facts, certificates)
        _keep(store, locked)
        changes = {**facts, "certificates": certificates, "bank_keys": _bank_keys(export)}
        if ca is not None:
            changes["ca_file"] = str(ca.resolve())
        if known is None:
            store.connections.add(called, **changes)
        else:
            store.connections.update(called, **changes)
        done = {event.kind for event in of_this_life(store.journal.events(subject=f"connection:{called}"))}
        record = store.connections.get(called)
        _note(store, called, "keys-restored", record)
        moments = export.facts.get("steps", {})
        for step in (each for each in _STEPS if each in moments and each not in done):
            store.journal.append(f"connection:{called}", step, {"restored": True, "at": moments[step]})
    return called


def change_password(store: Store, name: str, ask: PasswordSource) -> None:
    """Put a connection's keys under another password: all of them, or after a crash none.

    Raises:
        WrongPassword: nothing was changed; try again.
        WeakPassword: the new password is too short; nothing was changed.
        ElectraError: there are no keys yet.
    """
    with store.lock(f"connection-{name}"):
        record = store.connections.get(name)
        _must_have_keys(record)
        old = ask(f"Password of {record.user} at {name}")
        keys = _opened(store, record, old)
        next_ones = _next_opened(store, name, old)
        password = ask_new_password(ask, f"New password for the keys of {record.user} at {name}")
        locked = {key_name(name, KeyUse(use)): protect_key(key, password) for use, key in keys.items()}
        _keep(store, {**locked, **{place: protect_key(key, password) for place, key in next_ones.items()}})
        _note(store, name, "password-changed", record)


def open_own(store: Store, name: str, use: KeyUse, certificate: bytes, password: str) -> RSAPrivateKey:
    """The private key of a certificate: in its place, or still waiting to take it after a change of keys.

    Raises:
        WrongPassword: nothing was done; try again.
        KeyDiffers: no key file belongs to the certificate.
    """
    wanted = public_key_of(certificate)
    places = [key_name(name, use), *(each for each in [next_name(name, use)] if store.keys.has(each))]
    for place in places:
        key = open_key(store.keys.get(place), password)
        if key.public_key() == wanted:
            return key
    raise KeyDiffers(
        f"The key {places[0]} is not the one the bank knows.",
        cause="another key file was put in its place.",
        repair="Put the right key file back from a backup.",
    )


def keep_own(store: Store, name: str, keys: Mapping[KeyUse, RSAPrivateKey], password: str) -> None:
    """Write the keys of a connection under the password: all of them, or after a crash none."""
    _keep(store, {key_name(name, use): protect_key(key, password) for use, key in keys.items()})


def keep_next(store: Store, name: str, keys: Mapping[KeyUse, RSAPrivateKey], password: str) -> None:
    """Write new keys beside the ones in use, under the password: all of them, or after a crash none."""
    _keep(store, {next_name(name, use): protect_key(key, password) for use, key in keys.items()})


def take_next(store: Store, name: str, uses: Iterable[KeyUse]) -> None:
    """Put the keys that waited into their places; what has moved already stays. After a crash it is simply done again."""
    waiting = [use for use in uses if store.keys.has(next_name(name, use))]
    if waiting:
        _keep(store, {key_name(name, use): store.keys.get(next_name(name, use)) for use in waiting})
    drop_next(store, name, waiting)


def drop_next(store: Store, name: str, uses: Iterable[KeyUse]) -> None:
    """Take keys away that waited and are needed no more."""
    for use in uses:
        store.keys.remove(next_name(name, use))


def _changing(store: Store, name: str) -> JournalEvent | None:
    return standing(store.journal.events(subject=f"connection:{name}")).changing


def _next_opened(store: Store, name: str, password: str) -> dict[str, RSAPrivateKey]:
    """The new keys of a change that was cut off, if there is one."""
    changing = _changing(store, name)
    uses = [] if changing is None else certificates_of(changing)
    places = [next_name(name, use) for use in uses if store.keys.has(next_name(name, use))]
    return {place: open_key(store.keys.get(place), password) for place in places}


def _opened(store: Store, record: ConnectionRecord, password: str) -> dict[str, RSAPrivateKey]:
    return {use.value: open_own(store, record.name, use, der, password) for use, der in record.certificates.items()}


def _keep(store: Store, locked: Mapping[str, bytes]) -> None:
    with store.lock("keys"):
        store.keys.put_all(locked)


def _facts(store: Store, record: ConnectionRecord) -> dict[str, Any]:
    texts = {each.name: getattr(record, each.name) for each in fields(record)}
    facts: dict[str, Any] = {
        name: value for name, value in texts.items() if isinstance(value, str | bool) and name not in _NOT_EXPORTED
    }
    facts["issuers"] = [base64.b64encode(der).decode() for der in record.issuers]
    bank = record.bank_keys
    events = of_this_life(store.journal.events(subject=f"connection:{record.name}"))
    done, now = {event.kind: event for event in events}, standing(events)
    # Steps of keys before these, and the trust of an access that was given up, do not travel.
    held = now.steps | {"version-chosen"} if now.ready else now.steps - {"bank-keys-confirmed"}
    moments = {
        step: done[step].data.get("at") or done[step].at.isoformat() for step in _STEPS if step in done and step in held
    }
    return {
        "name": record.name,
        "connection": facts,
        "bank_keys": [base64.b64encode(der).decode() for der in (bank.authentication, bank.encryption)] if bank else [],
        "steps": moments,
    }


def _connection_facts(export: KeyExport) -> dict[str, Any]:
    """The connection's attributes, only those that this release knows."""
    known = {each.name for each in fields(ConnectionRecord)} - _NOT_EXPORTED
    facts = {name: value for name, value in dict(export.facts.get("connection", {})).items() if name in known}
    facts["issuers"] = tuple(base64.b64decode(text) for text in facts.get("issuers", ()))
    missing = {"url", "host", "partner", "user"} - set(facts)
    if missing or set(export.certificates) != {use.value for use in KeyUse}:
        raise KeyFileError(
            "The key export does not say whose keys it holds.",
            cause=f"it lacks {', '.join(sorted(missing)) or 'a key'}.",
            repair="Take another copy.",
        )
    return facts


def _bank_keys(export: KeyExport) -> BankKeys | None:
    held = [base64.b64decode(text) for text in export.facts.get("bank_keys", ())]
    return BankKeys(*held) if len(held) == 2 else None


def _must_be_the_same(known: ConnectionRecord, facts: Mapping[str, Any], certificates: Mapping[KeyUse, bytes]) -> None:
    ids = ("host", "partner", "user")
    if any(getattr(known, each) != facts[each] for each in ids):
        raise ElectraError(
            f"The connection {known.name!r} is here for another user.", repair="Restore under another name: name=…."
        )
    if known.certificates and dict(known.certificates) != dict(certificates):
        raise ElectraError(
            f"The connection {known.name!r} has other keys than the file.",
            cause="they were changed after the export, or were created anew.",
            repair="Keep the keys that are here; the bank knows the newest ones. To look at the old ones: name=….",
        )


def key_name(name: str, use: KeyUse) -> str:
    """Under which name the private key of a connection is kept."""
    return f"{name}-{use.value}"


def next_name(name: str, use: KeyUse) -> str:
    """Under which name a new private key waits until the bank has it."""
    return f"{name}-{use.value}-next"


def _note(store: Store, name: str, kind: str, record: ConnectionRecord) -> None:
    hashes = {use.value: fingerprint(der) for use, der in record.certificates.items()}
    store.journal.append(f"connection:{name}", kind, hashes)
