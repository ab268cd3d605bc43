"""What one small download (HTD: request, data, receipt) costs a client in CPU time: ours, painfree and npm's ebics-client.

All speak to the same bank process over http on loopback. Keys have 2048 bits in all of them, but what npm's client makes
itself; it speaks EBICS 2.5 and keeps its keys in a file that it opens for every request, which is part of its cost.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

from electra_kernel.channels.internet import InternetChannel
from electra_kernel.ebics.version import H004, H005
from tests.bench.figures import Figure
from tests.bench.user import User

ROUNDS = 40
_INTEROP = Path(__file__).parents[1] / "interop" / "npm"


def _own(said: dict[str, Any], protocol: str) -> float:
    user = User({**said, "https": said["http"]}, f"CLIENT{protocol}", {"H005": H005, "H004": H004}[protocol])

    def fetch() -> None:
        done = user.run(user.client.download(admin_type="HTD"))
        done.acknowledge(True)
        user.run(done)

    return _seconds(fetch)


def own_h005(said: dict[str, Any]) -> float:
    """CPU seconds of our client in EBICS 3.0."""
    return _own(said, "H005")


def own_h004(said: dict[str, Any]) -> float:
    """CPU seconds of our client in EBICS 2.5."""
    return _own(said, "H004")


def painfree(said: dict[str, Any]) -> float:
    """CPU seconds of painfree (EBICS 3.0)."""
    import painfree.ebics3 as peer

    context = peer.RequestContext(said["host"], said["partner"], "PAINFREE2", product=peer.Product("painfree"))
    subject = peer.subject_name("p", "p", "HU")
    keys = [peer.EbicsKey.generate(version, subject=subject) for version in ("A006", "X002", "E002")]
    with closing(InternetChannel(said["http"])) as channel:

        def post(root: Any) -> bytes:
            return channel.exchange(peer.serialize_request(root))

        start = peer.Initialisation(context, *keys)
        while (request := start.next_request()) is not None:
            start.feed(post(request))
        bank = start.bank_keys

        def fetch() -> None:
            download = peer.DownloadTransaction(context, keys[1], encryption_key=keys[2])
            download.bank_authentication_key = bank.authentication
            request = download.admin_initialisation_request(
                "HTD", bank_authentication_key=bank.authentication, bank_encryption_key=bank.encryption
            )
            while request is not None:
                download.feed(post(request))
                request = download.next_request()

        return _seconds(fetch)


def _seconds(fetch: Callable[[], None]) -> float:
    fetch()
    start = process_time()
    for _ in range(ROUNDS):
        fetch()
    return (process_time() - start) / ROUNDS


def npm(said: dict[str, Any]) -> float | str:
    """CPU seconds of npm's ebics-client (EBICS 2.5); words where it cannot be had."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "node and npm are not installed"
    with TemporaryDirectory() as folder:
        for file in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(_INTEROP / file, folder)
        shutil.copy(Path(__file__).parent / "npm_client.js", folder)
        made = subprocess.run(["npm", "ci", "--silent"], cwd=folder, capture_output=True, text=True, timeout=120)
        if made.returncode:
            return "npm's registry cannot be reached"
        given = {name: said[at] for name, at in (("url", "http"), ("host", "host"), ("partner", "partner"))}
        ran = subprocess.run(
            ["node", "npm_client.js", json.dumps({**given, "user": "NODE2", "rounds": ROUNDS})],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        return float(json.loads(ran.stdout)["seconds"])


def rows(
    said: dict[str, Any], child: Callable[[Callable[[dict[str, Any]], Any], dict[str, Any]], Any]
) -> Iterator[Figure]:
    """The comparison; each client in a process of its own."""
    for version, ours, peer, theirs in (
        ("EBICS 3.0", own_h005, "painfree", painfree),
        ("EBICS 2.5", own_h004, "npm ebics-client", npm),
    ):
        mine, other = child(ours, said), child(theirs, said)
        name = f"a client's CPU for one small download, {version}"
        if isinstance(other, str):
            yield Figure(name, f"{mine * 1000:.1f} ms; not compared with {peer}: {other}")
        else:
            yield Figure(name, f"{mine * 1000:.1f} ms, {mine / other:.2f} × {peer} ({other * 1000:.1f} ms)")
