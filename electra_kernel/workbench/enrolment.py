"""Enrolment: from no keys to a bank that speaks with us, step by step; and the same again with new keys.

What may live here: creating keys, INI, HIA and H3K, the letter, the bank's keys. Each step is noted before and after, so
that whoever comes next goes on where it stopped.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from pathlib import Path

from electra_kernel.ebics.client import Client, Exchange
from electra_kernel.ebics.desk import KeyUse
from electra_kernel.ebics.errors import BankRefusal
from electra_kernel.ebics.keys import BankKeys
from electra_kernel.ebics.signature import OrderSignature, order_digest
from electra_kernel.printing import check_language
from electra_kernel.signing.passwordkey import PasswordKey
from electra_kernel.store.files import write_private_file
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.workbench import keyfiles, versions
from electra_kernel.workbench.broughtkeys import NewKeys, bring_keys, issued_by_authority, make_keys
from electra_kernel.workbench.letters import letter_of
from electra_kernel.workbench.lines import STATE_REFUSALS, Line
from electra_kernel.workbench.passwords import PasswordSource, ask_new_password
from electra_kernel.workbench.standing import KEPT, certificates_of

#: How a bank says that it does not take all keys at once (H3K).
_NO_H3K = frozenset({"091005", "091006", "061002", "091010", "091214", "091219"})


class BankKeysDiffer(ElectraError):
    """The keys the bank sent are not those of its letter."""


def go_on(
    line: Line,
    bank_hashes: Mapping[str, str] | None,
    *,
    language: str,
    new_keys: bool,
    files: Mapping[str, str | Path] | None,
) -> None:
    """Go as far as possible; see ``Connection.initialise``. The caller holds the connection's lock.

    Raises:
        ElectraError: it says which step stopped, and why; what was done before stays.
    """
    check_language(language)  # and not when the letter is written: the keys have gone by then
    versions.settle(line, again=new_keys)
    now, record = line.standing, line.record
    if now.changing is not None and now.changing.data["kind"] == "INI":
        _send_anew(line)
    elif new_keys and record.certificates and now.suspended is None:
        _begin_anew(line, files)
    elif not record.certificates or now.suspended is not None:
        _create_keys(line, files)
    elif files:
        raise ElectraError(
            f"The connection {line.name!r} has keys already.",
            repair="Change them with connection.change_keys(keys=…), or begin anew with new_keys=True.",
        )
    _send_all(line)
    write_letter(line, language)
    if bank_hashes is not None and not _trusts(line, bank_hashes):
        _fetch_bank_keys(line, bank_hashes)
    elif bank_hashes is None and not line.standing.ready and line.record.bank_keys is not None:
        _fetch_bank_keys(line, hashes_of(line.record.bank_keys))  # trusted before: only their activation is awaited


# -- keys --------------------------------------------------------------------------------------------------------------


def new_keys_for(
    line: Line, uses: tuple[KeyUse, ...], files: Mapping[str, str | Path] | None, ask: PasswordSource | None = None
) -> NewKeys:
    """Keys made here, or those in files."""
    if files:
        return bring_keys(files, uses, ask or line.passwords, line.clock)
    return make_keys(line.record, uses, line.clock)


def _create_keys(line: Line, files: Mapping[str, str | Path] | None) -> None:
    record = line.record
    brought = new_keys_for(line, tuple(KeyUse), files) if files else None
    password = ask_new_password(line.passwords, f"New password for the keys of {record.user} at {line.name}")
    new = brought or new_keys_for(line, tuple(KeyUse), None)
    # Keys whose certificates were never noted were never sent, and those of an access that was given up are void.
    keyfiles.keep_own(line.store, line.name, new.keys, password)
    _note_keys(line, new.certificates, new.issuers)


def _note_keys(line: Line, certificates: Mapping[KeyUse, bytes], issuers: tuple[bytes, ...], **more: object) -> None:
    # Certificates of an authority are worth nothing where only numbers travel.
    certified = line.record.certified or issued_by_authority(certificates)
    line.store.connections.update(line.name, certificates=dict(certificates), issuers=issuers, certified=certified)
    line.letter_file.unlink(missing_ok=True)
    line.note("keys-created", **line.hashes(), **more)


def _begin_anew(line: Line, files: Mapping[str, str | Path] | None) -> None:
    """New keys for a user whom the bank has reset. The old ones stay until the bank has taken the first of the new."""
    record = line.record
    new = new_keys_for(line, tuple(KeyUse), files)
    password = ask_new_password(line.passwords, f"New password for the new keys of {record.user} at {line.name}")
    keyfiles.keep_next(line.store, line.name, new.keys, password)
    line.changing(
        kind="INI",
        certificates={use.value: base64.b64encode(der).decode() for use, der in new.certificates.items()},
        issuers=[base64.b64encode(der).decode() for der in new.issuers],
    )
    _send_anew(line)


def _send_anew(line: Line) -> None:
    changing = line.standing.changing
    assert changing is not None
    after = certificates_of(changing)
    events = line.events("ini-sending")
    again = any(event.number > changing.number for event in events)
    line.note("ini-sending")
    try:
        with line.talk(after, alone=True) as talk:
            talk.run(talk.client.ini(after[KeyUse.SIGNATURE], line.record.signature_version))
    except BankRefusal as refusal:
        if refusal.code not in STATE_REFUSALS or not again:
            keyfiles.drop_next(line.store, line.name, after)
            line.note(KEPT, kind="INI", reason=str(refusal))
            raise ElectraError(
                f"The bank does not take new keys of {line.record.user}; the old ones stay.",
                where=line.name,
                cause=str(refusal),
                repair="Ask the bank to reset the user first. Where the old keys still work: connection.change_keys().",
            ) from refusal
    keyfiles.take_next(line.store, line.name, after)
    issuers = tuple(base64.b64decode(text) for text in changing.data.get("issuers", ()))
    _note_keys(line, after, issuers, ini_sent=1)


# -- sending -----------------------------------------------------------------------------------------------------------


def _send_all(line: Line) -> None:
    record, now = line.record, line.standing
    if issued_by_authority(record.certificates) and not now.steps & {"h3k-refused", "ini-sent", "hia-sent"}:
        _send_h3k(line)
    if "h3k-sent" in line.standing.steps:
        return
    signature = record.certificates[KeyUse.SIGNATURE]
    _send(line, "ini", lambda client: client.ini(signature, record.signature_version))
    _send(line, "hia", lambda client: client.hia())


def _send_h3k(line: Line) -> None:
    """All three certificates at once, signed with the new key: proved by the authority that issued them."""
    try:
        _send(line, "h3k", lambda client: client.h3k(*_signed_h3k(line, client)))
    except BankRefusal as refusal:
        if refusal.code not in _NO_H3K:
            raise
        line.note("h3k-refused", code=refusal.code)  # the letter proves them then, as it does everybody's


def _signed_h3k(line: Line, client: Client) -> tuple[bytes, OrderSignature]:
    record, scheme = line.record, line.record.signature_version
    data = client.h3k_data(record.certificates[KeyUse.SIGNATURE], scheme)
    signer = PasswordKey(line.open_key(KeyUse.SIGNATURE, line.password()))
    return data, OrderSignature(scheme, signer.sign(order_digest(data), scheme), record.partner, record.user)


def _send(line: Line, name: str, exchange: Callable[[Client], Exchange[str]]) -> None:
    if f"{name}-sent" in line.standing.steps:
        return
    in_doubt = _in_doubt(line, name)
    line.note(f"{name}-sending")
    try:
        with line.talk() as talk:
            order_id = talk.run(exchange(talk.client))
    except BankRefusal as refusal:
        if refusal.code not in STATE_REFUSALS or not in_doubt:
            line.note(f"{name}-not-taken", code=refusal.code)
            raise
        order_id = ""  # an earlier attempt, cut off before its answer, did arrive
    line.note(f"{name}-sent", order_id=order_id)


def _in_doubt(line: Line, name: str) -> bool:
    """Whether the latest attempt had no answer; one that the bank refused did certainly not arrive."""
    ends = {f"{name}-sending", f"{name}-not-taken", "keys-created"}
    told = [event.kind for event in line.events() if event.kind in ends]
    return bool(told) and told[-1] == f"{name}-sending"


def write_letter(line: Line, language: str) -> None:
    """Write the letter where there is none for these keys."""
    if line.letter_file.exists():
        return
    write_private_file(line.letter_file, letter(line, language, "pdf"))
    line.note("letter-written", file=line.letter_file.name)


def letter(line: Line, language: str, form: str) -> bytes:
    """The letter for the keys of the connection; see ``letters.letter_of``."""
    sent = line.standing.keys_at or line.clock()
    return letter_of(line.record, line.version, by_numbers=line.by_numbers, sent=sent, language=language, form=form)


# -- the bank's keys ---------------------------------------------------------------------------------------------------


def hashes_of(keys: BankKeys) -> dict[str, str]:
    """The hashes of a bank's keys by the names under which ``initialise`` takes them."""
    authentication, encryption = keys.fingerprints()
    return {"authentication": authentication, "encryption": encryption}


def _fetch_bank_keys(line: Line, expected: Mapping[str, str]) -> None:
    try:
        with line.talk() as talk:
            keys = talk.run(talk.client.hpb())
    except BankRefusal as refusal:
        if refusal.code in STATE_REFUSALS and not line.standing.ready:
            return  # not activated yet: the next step says so
        raise
    _compare(line, keys, expected)
    line.store.connections.update(line.name, bank_keys=keys)
    line.note("bank-keys-confirmed", **hashes_of(keys))


def _trusts(line: Line, expected: Mapping[str, str]) -> bool:
    """Whether the bank's keys with these hashes are the ones that are trusted already."""
    keys = line.record.bank_keys
    if keys is None or not line.standing.ready:
        return False
    return all(_digits(expected.get(use, "")) == _digits(known) for use, known in hashes_of(keys).items())


def _compare(line: Line, keys: BankKeys, expected: Mapping[str, str]) -> None:
    for use, received in hashes_of(keys).items():
        if _digits(expected.get(use, "")) != _digits(received):
            raise BankKeysDiffer(
                f"The bank's {use} key is not the one of its letter.",
                where=line.name,
                cause=f"the bank sent {received}, the letter says {expected.get(use) or 'nothing'}.",
                repair="Do not use this connection. Compare the letter once more, then call the bank.",
            )


def _digits(hash_text: str) -> str:
    return "".join(character for character in hash_text.upper() if character.isalnum())
