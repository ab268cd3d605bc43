"""EBICS over the sandbox's https: 100 MB there and back against the bare cryptography and painfree; requests per second."""

from __future__ import annotations

import multiprocessing
import random
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from hashlib import sha256
from http.client import HTTPSConnection
from pathlib import Path
from ssl import SSLContext, create_default_context
from tempfile import TemporaryDirectory, TemporaryFile
from threading import local
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from electra_kernel.bank.clock import business_date
from electra_kernel.bank.database import Database, documents, insert_row
from electra_kernel.bank.house import Bank
from electra_kernel.bank.seed import PARTNER
from electra_kernel.channels.internet import InternetChannel
from electra_kernel.ebics import envelope
from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.keys import generate_key
from electra_kernel.formats import pain001
from electra_kernel.vocabulary.dates import system_clock
from tests.bank_house import order, payment
from tests.bank_process import BankProcess, running
from tests.bench import ebics_clients
from tests.bench.figures import Figure
from tests.bench.measure import Result
from tests.bench.user import User

SIZE = 100_000_000
REQUESTS = 300
CLIENTS = (1, 8, 64)
_PAYMENTS, _REPORTS = Service("SCT", "pain.001"), Service("PSR", "pain.002")


# ------------------------------------------------------------------------------------------------------------ data
def large_order(size: int = SIZE) -> bytes:
    """A valid order of one payment, made long by comments that compress as badly as base64 can."""
    chance, made = random.Random(1), pain001.write(order(payment("1")))
    part = 3 * 2**18
    comments = b"".join(b"<!--%s-->" % b64encode(chance.randbytes(part)) for _ in range(size // (part * 4 // 3)))
    return made.replace(b"</Document>", comments + b"</Document>")


def _many_payments(count: int = 350_000) -> bytes:
    """An order about as long, of payments alone, which the bank has to hold, to book and to report one by one."""
    return pain001.write(order(*(payment(str(number)) for number in range(1, count + 1))))


def _noise(size: int = SIZE) -> bytes:
    return random.Random(2).randbytes(size)


# ---------------------------------------------------------------------------------------------------------- client
def _upload(said: dict[str, Any], make: Callable[[], bytes] = large_order) -> tuple[float, int]:
    user, data = User(said, "UPLOADER" if make is large_order else "PAYER"), make()
    with TemporaryFile() as file, _memory() as peak:
        start = perf_counter()
        done = user.run(user.client.upload(_PAYMENTS, data, [user.sign(data)], file=file))
        seconds, used = perf_counter() - start, peak()
    assert done.result
    return seconds, used


def _download(said: dict[str, Any]) -> tuple[float, int]:
    user = User(said, "DOWNLOADER")
    with _memory() as peak:
        start = perf_counter()
        fetched = user.run(user.client.download(service=_REPORTS))
        fetched.acknowledge(True)
        user.run(fetched)
        seconds, used = perf_counter() - start, peak()
    assert fetched.data == _noise()
    return seconds, used


def _painfree(said: dict[str, Any]) -> tuple[float, int]:
    import painfree.ebics3 as peer

    context = peer.RequestContext(said["host"], said["partner"], "PAINFREE", product=peer.Product("painfree"))
    subject = peer.subject_name("p", "p", "HU")
    keys = [peer.EbicsKey.generate(version, subject=subject) for version in ("A006", "X002", "E002")]
    with closing(InternetChannel(said["https"], ca=Path(said["ca"]))) as channel:

        def post(root: Any) -> bytes:
            return channel.exchange(peer.serialize_request(root))

        start = peer.Initialisation(context, *keys)
        while (request := start.next_request()) is not None:
            start.feed(post(request))
        bank = {
            "bank_authentication_key": start.bank_keys.authentication,
            "bank_encryption_key": start.bank_keys.encryption,
        }
        # Another order than ours: the bank takes the same one only once.
        data = large_order() + b"\n"
        data = data.replace(b"MSG-", b"PEER-")
        with _memory() as peak:
            begun = perf_counter()
            secured = peer.secure_order_data(
                data,
                signature_key=keys[0],
                bank_encryption_key=start.bank_keys.encryption,
                partner_id=said["partner"],
                user_id="PAINFREE",
            )
            upload = peer.UploadTransaction.prepare(data, secured, context, authentication_key=keys[1])
            upload.bank_authentication_key = start.bank_keys.authentication
            service = peer.Service("SCT", msg_name="pain.001")
            upload.feed(post(upload.initialisation_request(service, **bank)))
            while (request := upload.next_request()) is not None:
                upload.feed(post(request))
            seconds = perf_counter() - begun
    return seconds, peak()


@contextmanager
def _memory() -> Iterator[Callable[[], int]]:
    """The most memory this process holds inside the block beyond what it holds at its start, in bytes."""
    _forget_peak("self")
    before = _status("self", "VmRSS")
    yield lambda: _status("self", "VmHWM") - before


def _forget_peak(process: object) -> None:
    Path(f"/proc/{process}/clear_refs").write_text("5")


def _status(process: object, name: str) -> int:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(name)


# -------------------------------------------------------------------------------------------------------- baseline
def _bare(data: bytes) -> float:
    """What both sides together cannot do without: hash, sign, deflate, encrypt, base64, and all of it backwards."""
    signer, receiver, key = generate_key(), generate_key(), envelope.new_key()
    start = perf_counter()
    digest = sha256(data).digest()
    signature = signer.sign(digest, padding.PSS(padding.MGF1(SHA256()), 32), SHA256())
    sealed = envelope.seal(data, key)
    opened = envelope.unseal(sealed, envelope.unwrap_key(envelope.wrap_key(key, receiver.public_key()), receiver))
    signer.public_key().verify(signature, sha256(opened).digest(), padding.PSS(padding.MGF1(SHA256()), 32), SHA256())
    return perf_counter() - start


def _bare_request(signer: rsa.RSAPrivateKey, rounds: int) -> float:
    """The cryptography of one signed request at the bank: prove it, sign the answer."""
    value, public = signer.sign(b"x", padding.PKCS1v15(), SHA256()), signer.public_key()
    start = perf_counter()
    for _ in range(rounds):
        public.verify(value, b"x", padding.PKCS1v15(), SHA256())
        signer.sign(b"x", padding.PKCS1v15(), SHA256())
    return perf_counter() - start


# --------------------------------------------------------------------------------------------------------- the runs
def _child(work: Callable[[dict[str, Any]], Any], said: dict[str, Any]) -> Any:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, (said,))


def _transfer(bank: BankProcess, name: str, work: Callable[[dict[str, Any]], Any], bare: float) -> Iterator[Any]:
    process = bank.process.pid
    _forget_peak(process)
    before = _status(process, "VmRSS")
    seconds, client = _child(work, bank.said)
    used = _status(process, "VmHWM") - before
    yield Result(f"{name}, {SIZE // 10**6} MB", seconds, "the bare cryptography", bare, "the lower the better")
    yield Figure(f"{name}, memory", f"client {client / SIZE:.1f} ×, bank {used / SIZE:.1f} × the data")


def _plant(folder: Path) -> None:
    """A bank with a large file to fetch."""
    Bank(folder, system_clock).close()
    with closing(Database(folder)) as database, database.write() as connection:
        insert_row(
            connection,
            documents,
            partner_id=PARTNER,
            message="pain.002",
            day=business_date(connection),
            created=system_clock(),
            name="large",
            data=_noise(),
        )


def _requests(said: dict[str, Any]) -> dict[str, list[bytes]]:
    user = User(said, "LOADER")
    hev = user.client.hev().request()
    assert hev is not None
    signed = [user.client.download(admin_type="HAC").request() or b"" for _ in range(REQUESTS * len(CLIENTS))]
    return {"HEV": [hev] * REQUESTS * len(CLIENTS), "HAC": signed}


def _load(said: dict[str, Any]) -> list[tuple[str, int, float]]:
    """Requests per second by kind and number of clients, each with a line of its own that stays open."""
    rates, context = [], create_default_context(cafile=said["ca"])
    for kind, prepared in _requests(said).items():
        for place, clients in enumerate(CLIENTS):
            batch = prepared[place * REQUESTS : (place + 1) * REQUESTS]
            post = partial(_post, local(), said, context)
            with ThreadPoolExecutor(clients) as pool:
                list(pool.map(post, batch[:clients]))
                start = perf_counter()
                list(pool.map(post, batch[clients:]))
                rates.append((kind, clients, (len(batch) - clients) / (perf_counter() - start)))
    return rates


def _post(lines: local, said: dict[str, Any], context: SSLContext, document: bytes) -> None:
    if not hasattr(lines, "open"):
        lines.open = HTTPSConnection("127.0.0.1", urlsplit(said["https"]).port, timeout=60, context=context)
    lines.open.request("POST", "/", document, {"Content-Type": "text/xml"})
    answer = lines.open.getresponse()
    assert answer.status == 200
    answer.read()


def run() -> Iterator[Any]:
    """All comparisons of this file."""
    with TemporaryDirectory() as folder:
        place = Path(folder) / "bank"
        _plant(place)
        with running(place, "--admit") as bank:
            bare = _bare(large_order())
            yield from _transfer(bank, "EBICS upload over https", _upload, bare)
            yield from _transfer(bank, "the same upload by painfree", _painfree, bare)
            many = partial(_upload, make=_many_payments)
            yield from _transfer(bank, "350,000 payments, to executed", many, _bare(_many_payments()))
            yield from _transfer(bank, "EBICS download over https", _download, _bare(_noise()))
            signer = generate_key()
            bare_rate = REQUESTS / _bare_request(signer, REQUESTS)
            for kind, clients, rate in _child(_load, bank.said):
                words = f"{rate:8.0f} requests/s, {rate / bare_rate:.2f} × the bare signatures ({bare_rate:.0f}/s)"
                yield Figure(f"bank answers {kind} to {clients} clients", words)
            yield from ebics_clients.rows(bank.said, _child)


if __name__ == "__main__":
    for result in run():
        print(result, flush=True)
