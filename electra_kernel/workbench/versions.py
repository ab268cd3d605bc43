"""Which version of EBICS is spoken with a bank: asked (HEV), chosen, and changed when the bank moves on.

The rule: the newest version both sides speak. HEV is optional in practice: a bank that answers it with anything but an
answer is taken to speak the version that was named, or EBICS 3.0. A bank that cannot be reached is asked at the next contact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from electra_kernel.channels.base import CertificateRejected, Channel, ChannelError, NotABank
from electra_kernel.ebics.client import Hev
from electra_kernel.ebics.errors import BankRefusal, EbicsError
from electra_kernel.ebics.keys import BankKeys, public_key_of
from electra_kernel.ebics.version import VERSIONS, EbicsVersion
from electra_kernel.store import ConnectionRecord, Store
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.workbench.lines import Line, NotReady, version_of

#: What the bank says when the host id itself is wrong: no other word of its counts then.
_NO_SUCH_HOST = "091011"


class VersionNotSpoken(EbicsError):
    """The bank does not speak this version of EBICS, or none that is spoken here."""


def spoken_here(version: str) -> EbicsVersion:
    """The version of this name.

    Raises:
        ElectraError: none that is spoken here.
    """
    known = {each.protocol: each for each in VERSIONS.values()}
    if version not in known:
        raise ElectraError(
            f"{version!r} is no version of EBICS spoken here.", repair=f"Use one of: {', '.join(known)}."
        )
    return known[version]


def ask(channel: Channel, host: str) -> Mapping[str, str] | None:
    """Which versions a bank speaks, such as ``{"H005": "03.00"}``; ``None`` where it does not answer the question.

    Raises:
        BankRefusal: the bank does not know the host id.
        ChannelError: it cannot be reached, or the line broke.
    """
    question = Hev(host)
    try:
        while (document := question.request()) is not None:
            question.answer(channel.exchange(document))
    except BankRefusal as refusal:
        if refusal.code == _NO_SUCH_HOST:
            raise
        return None
    except (EbicsError, NotABank):
        return None
    return question.result


def choose(spoken: Mapping[str, str] | None, wanted: str, place: str) -> str:
    """The version to speak with a bank.

    Args:
        spoken: what the bank says it speaks; ``None`` where it did not say.
        wanted: the version the user named; empty where the bank shall decide.
        place: the connection, for the words.

    Raises:
        VersionNotSpoken: the bank does not speak the one that is wanted, or none of ours.
    """
    ours = [each.protocol for each in VERSIONS.values()]  # the newest first
    if spoken is None:
        return wanted or ours[0]
    shared = [protocol for protocol in ours if protocol in spoken]
    if wanted and wanted not in spoken:
        raise VersionNotSpoken(
            f"The bank does not speak {_named(wanted)}.",
            where=place,
            cause=f"it speaks {_list(spoken)}.",
            repair=f"Leave the version out, or name {shared[0]}." if shared else "Ask the bank for EBICS 3.0 (H005).",
        )
    if not shared:
        raise VersionNotSpoken(
            "The bank speaks no version of EBICS that is spoken here.",
            where=place,
            cause=f"it speaks {_list(spoken)}; here {' and '.join(map(_named, ours))} are spoken.",
            repair="Ask the bank for EBICS 3.0 (H005).",
        )
    return wanted or shared[0]


@dataclass(frozen=True, slots=True)
class Found:
    """What asking a bank for its versions brought.

    Attributes:
        protocol: the version to speak; empty where the bank was not reached and none was named.
        spoken: what the bank says it speaks; ``None`` where it does not say.
        reached: whether the bank was reached.
    """

    protocol: str
    spoken: Mapping[str, str] | None = None
    reached: bool = True


def look(open_channel: Callable[[ConnectionRecord], Channel], record: ConnectionRecord, wanted: str) -> Found:
    """Ask the bank of a connection what it speaks, and choose; a bank that cannot be reached now is asked later.

    Raises:
        VersionNotSpoken, BankRefusal: as ``choose`` and ``ask`` do.
        CertificateRejected: the server is not proved to be the bank.
    """
    channel = open_channel(record)
    try:
        spoken = ask(channel, record.host)
    except CertificateRejected:
        raise
    except ChannelError:
        return Found(wanted, reached=False)
    finally:
        channel.close()
    return Found(choose(spoken, wanted, record.name), spoken)


def note(store: Store, name: str, found: Found) -> None:
    """Note which version was chosen, and why."""
    told = "does not say" if found.spoken is None else ", ".join(sorted(found.spoken))
    store.journal.append(f"connection:{name}", "version-chosen", {"version": found.protocol, "bank": told})


def settle(line: Line, *, again: bool = False) -> None:
    """Ask the bank what it speaks and keep what is chosen; nothing happens where that is settled.

    Args:
        again: for a new beginning: a version that the bank has left is exchanged for the newest one both speak.

    Raises:
        VersionNotSpoken: nothing was changed.
        ChannelError: the bank cannot be asked now.
    """
    now, record = line.standing, line.record
    settled = now.version_known or (
        record.protocol and now.steps & {"ini-sending", "h3k-sending", "bank-keys-confirmed"}
    )
    if settled and not again:
        return
    spoken = _asked(line)
    left = settled and spoken is not None and record.protocol not in spoken
    chosen = choose(spoken, "" if left else record.protocol, line.name)
    if not settled or chosen != record.protocol:
        _keep(line, Found(chosen, spoken))


def _asked(line: Line) -> Mapping[str, str] | None:
    channel = line.open_channel()
    try:
        return ask(channel, line.record.host)
    finally:
        channel.close()


def _keep(line: Line, found: Found) -> None:
    line.store.connections.update(line.name, protocol=found.protocol)
    note(line.store, line.name, found)


def check_still_spoken(line: Line, channel: Channel, error: ElectraError) -> None:
    """After an answer that makes no sense: say so where the bank has left our version of EBICS.

    Raises:
        VersionNotSpoken: it has; nothing was sent in the other version.
    """
    record = line.record
    try:
        spoken = ask(channel, record.host)
    except (ChannelError, EbicsError):
        return  # the first error is the one to tell
    if spoken is None or record.protocol in spoken:
        return
    ours = [each.protocol for each in VERSIONS.values() if each.protocol in spoken]
    raise VersionNotSpoken(
        f"The bank no longer speaks {_named(record.protocol)}.",
        where=line.name,
        cause=f"it speaks {_list(spoken)}.",
        repair=f'Go over to it: connection.use_version("{ours[0]}"). Your keys stay.'
        if ours
        else "Ask the bank for EBICS 3.0 (H005).",
    ) from error


def use(line: Line, version: str) -> None:
    """Speak another version with the bank from now on, with the same keys.

    The bank's keys are fetched again in the form of the new version; they must be the very keys trusted so far.

    Raises:
        VersionNotSpoken: the bank does not speak it.
        NotReady: the keys are on their way to the bank in the old version; finish that first.
        ElectraError: the bank sent other keys than those trusted. Nothing was changed.
    """
    wanted, now, record = spoken_here(version), line.standing, line.record
    if now.sent and not now.ready:
        raise NotReady(
            f"The keys were sent in {_named(record.protocol)}, and the bank has not activated them yet.",
            where=line.name,
            repair="Finish that first; or begin anew in the other version: connection.initialise(new_keys=True).",
        )
    spoken = _asked(line)
    choose(spoken, wanted.protocol, line.name)
    if now.ready:
        keys = _same_bank_keys(line, wanted)
        line.store.connections.update(line.name, protocol=wanted.protocol, bank_keys=keys)
        line.letter_file.unlink(missing_ok=True)  # it shows hashes in the form of the old version
    _keep(line, Found(wanted.protocol, spoken))


def _same_bank_keys(line: Line, version: EbicsVersion) -> BankKeys:
    with line.talk(version=version) as talk:
        keys = talk.run(talk.client.hpb())
    known = line.record.bank_keys
    assert known is not None
    pairs = ((known.authentication, keys.authentication), (known.encryption, keys.encryption))
    if any(public_key_of(before).public_numbers() != public_key_of(after).public_numbers() for before, after in pairs):
        raise ElectraError(
            f"The bank has other keys in {_named(version.protocol)} than those you trusted.",
            where=line.name,
            cause="some banks keep keys of their own for each version; or somebody stands between you and the bank.",
            repair="Take the bank's letter for that version and connect anew under another name.",
        )
    return keys


def _named(protocol: str) -> str:
    release = {each.protocol: each.release for each in VERSIONS.values()}.get(protocol, "")
    return f"EBICS {release.strip('0').ljust(3, '0')} ({protocol})" if release else protocol


def _list(spoken: Mapping[str, str]) -> str:
    return " and ".join(_named(each) for each in sorted(spoken, reverse=True)) or "none"


def named(protocol: str) -> str:
    """A version in words: ``EBICS 3.0 (H005)``; before it is chosen that it will be."""
    return _named(version_of(protocol).protocol) if protocol else "chosen when the bank is asked for the first time"
