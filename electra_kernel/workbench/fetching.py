"""Fetching: what the bank has for us is archived first, then worked on, and only then acknowledged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from electra_kernel.channels.base import ChannelError
from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.client import Download
from electra_kernel.ebics.errors import EbicsError
from electra_kernel.store import Store
from electra_kernel.vocabulary.errors import UnreadableFile
from electra_kernel.workbench import containers
from electra_kernel.workbench.containers import Budget
from electra_kernel.workbench.progress import shown

if TYPE_CHECKING:
    from electra_kernel.workbench.connections import Connection, Conversation


@dataclass(frozen=True, slots=True)
class Fetched:
    """One file from the bank, already in the archive under ``sha256``."""

    name: str
    data: bytes
    sha256: str


@contextmanager
def fetched(
    store: Store,
    connection: Connection,
    talk: Conversation,
    *,
    service: Service | None = None,
    admin_type: str = "",
    since: date | None = None,
    until: date | None = None,
) -> Iterator[list[Fetched]]:
    """Download, archive, hand over for work, and acknowledge when the work is done.

    Without dates the bank gives what is new. Where the work fails the bank gets a negative receipt and keeps the data
    as not fetched. Yields an empty list where the bank has nothing.
    """
    download = (
        talk.client.download(service=service, start=since, end=until)
        if service
        else talk.client.download(admin_type=admin_type, start=since, end=until)
    )
    what = str(service or admin_type)
    with shown(download, f"Fetching {what}"):
        talk.run(download)
    if download.data is None:
        yield []
        return
    name = f"{connection.name}-{what.replace(' ', '-')}"
    sha = store.archive.put(download.data, name=name)
    try:
        yield _unpacked(store, Fetched(name, download.data, sha), bool(service and service.container == "ZIP"))
    except BaseException:
        _refuse_quietly(talk, download)
        raise
    store.journal.append(f"connection:{connection.name}", "fetched", {"what": what, "sha256": sha})
    talk.acknowledge(download)


def _refuse_quietly(talk: Conversation, download: Download) -> None:
    """Tell the bank that the data are not safe; that it cannot be told is no second error."""
    try:
        talk.acknowledge(download, positive=False)
    except (ChannelError, EbicsError):
        return


def _unpacked(store: Store, whole: Fetched, is_container: bool) -> list[Fetched]:
    if not is_container:
        return [whole]
    try:
        with containers.opened(whole.data, whole.name, Budget(len(whole.data))) as members:
            return [_archived(store, member.file_name, member.read()) for member in members or ()] or [whole]
    except UnreadableFile as error:
        told = replace(
            error.problem,
            text=f"The container from the bank is damaged. {error.problem.text}",
            repair="Fetch again; if it stays so, tell the bank. The bytes are in the archive.",
        )
        raise UnreadableFile(told) from error


def _archived(store: Store, name: str, data: bytes) -> Fetched:
    return Fetched(name, data, store.archive.put(data, name=name))
