"""Exchanges explained: what was asked, what was checked, what failed and why, what came of it, in words.

``record_of`` turns what the engine saw into plain values (bounded in size, without any key), ``explain`` turns these into
lines for people. Both are pure; where records are kept is the business of ``exchanges``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from io import BytesIO
from typing import Any
from zipfile import BadZipFile, ZipFile, is_zipfile

from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree

from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.codes import OK, lookup
from electra_kernel.ebics.documents import Answer, OrderDetails, Request
from electra_kernel.ebics.errors import EbicsError
from electra_kernel.ebics.keys import bare, fingerprint, key_value
from electra_kernel.ebics.tree import binary, local
from electra_kernel.ebics.version import DSIG
from electra_kernel.ebics.witness import Check, Sight
from electra_kernel.formats import pain001
from electra_kernel.vocabulary.errors import ElectraError
from electra_kernel.vocabulary.money import format_amount
from electra_kernel.vocabulary.xml import HostileXml, parse_xml

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of an exchange is kept.

    Attributes:
        lines, line: first lines of order data, and characters of each.
        text: characters of one text in a document that is kept, and of one remark.
        document: characters of a whole document.
        parsed: largest order data that are read to the end, in bytes; of larger ones the beginning is told.
        members: files of a ZIP that are named.
    """

    lines: int = 8
    line: int = 160
    text: int = 120
    document: int = 8_000
    parsed: int = 2**20
    members: int = 20


BOUNDS = Bounds()

#: What is proved at each step, said so that it is true once the step is passed.
CHECKS: Mapping[str, str] = {
    Check.FORM: "the document is a well-formed EBICS request of a version the bank speaks",
    Check.HOST: "the host id is this bank's",
    Check.TIME: "nonce and timestamp are there, and the time is now",
    Check.AUTHENTICATION: "the authentication key (X002) of the user signed the whole document",
    Check.NONCE: "the request was not seen before",
    Check.STATE: "the user is in the state this needs",
    Check.BANK_KEYS: "the client knows the bank's keys",
    Check.RIGHT: "the bank offers this order type, and the user has a right to it",
    Check.PARAMETERS: "the parameters make sense",
    Check.ANNOUNCEMENT: "the upload is announced with key, hash and number of segments",
    Check.TRANSACTION: "the transaction is open",
    Check.SEGMENT: "the segment has a number and a size that fit",
    Check.ENVELOPE: "the data open (base64, decryption, decompression) and can be read",
    Check.DIGEST: "the data are those that were announced (DataDigest)",
    Check.SIGNATURES: "every electronic signature fits the order and its signer may sign",
    Check.DOUBLE: "these data did not arrive before",
    Check.KEYS: "the keys have the length, version and use they must have",
    Check.DESK: "the bank carries it out",
}

#: What the administrative order types ask, in words.
ORDER_TYPES: Mapping[str, str] = {
    "HEV": "which versions of EBICS does the bank speak?",
    "INI": "send the signature key",
    "HIA": "send the authentication and encryption keys",
    "H3K": "send all three keys, as certificates of an authority",
    "HPB": "fetch the bank's keys",
    "PUB": "change the signature key",
    "HCA": "change the authentication and encryption keys",
    "HCS": "change all three keys",
    "SPR": "lock the access",
    "BTU": "hand in an order",
    "BTD": "fetch data",
    "FUL": "hand in a file",
    "FDL": "fetch a file",
    "HAC": "fetch the customer protocol",
    "PTK": "fetch the customer protocol as text",
    "HPD": "fetch the bank's parameters",
    "HAA": "fetch which data wait to be fetched",
    "HTD": "fetch the data of this user",
    "HKD": "fetch the data of this customer and its users",
    "HVU": "fetch the orders that wait for signatures",
    "HVZ": "fetch the orders that wait for signatures, with details",
    "HVD": "fetch the state of an order that waits",
    "HVT": "fetch the content of an order that waits",
    "HVE": "sign an order that waits",
    "HVS": "cancel an order that waits",
}
#: Service names of BTF in words (spec 3.0.2, Annex BTF).
SERVICES: Mapping[str, str] = {
    "SCT": "SEPA credit transfers",
    "SCI": "instant credit transfers",
    "SDD": "SEPA direct debits",
    "DCT": "domestic credit transfers",
    "MCT": "credit transfers in any currency",
    "XCT": "cross-border credit transfers",
    "EOP": "statements at the end of the period",
    "STM": "reports during the day",
    "PSR": "status reports on payments",
    "REP": "reports",
    "OTH": "other",
}


# ------------------------------------------------------------------------------------------------- what was seen
def record_of(sight: Sight, at: datetime, bounds: Bounds = BOUNDS) -> dict[str, Any]:
    """What was seen as plain JSON values, bounded in size. Documents are kept without their long texts."""
    refusal = sight.refusal
    return {
        "at": at.isoformat(timespec="milliseconds"),
        **_asked(sight),
        "steps": [
            {"check": each.check.value, "words": [_cut(w, bounds.text) for w in each.words]} for each in sight.steps
        ],
        "refusal": refusal and {"code": refusal.code, "text": _cut(refusal.text, 2 * bounds.text)},
        "data": None if sight.order_data is None else summary(sight.order_data, bounds),
        "signatures": [
            {"partner": s.partner_id, "user": s.user_id, "version": s.version, "fits": s.fits} for s in sight.signatures
        ],
        "answer": _answered(sight.answer),
        "request_bytes": len(sight.document),
        "answer_bytes": len(sight.answer_document),
        "request_xml": elided(sight.document, bounds),
        "answer_xml": elided(sight.answer_document, bounds),
    }


def _asked(sight: Sight) -> dict[str, Any]:
    request = sight.request
    if request is None:
        return {"kind": "", "order": ""}
    transaction = sight.transaction
    whose = request if request.partner_id or transaction is None else transaction
    return {
        "kind": request.kind.value,
        "version": request.version.protocol,
        "host": request.host_id,
        "partner": whose.partner_id,
        "user": whose.user_id,
        "client": request.product,
        "phase": request.phase.value if request.phase else "",
        "segment": request.segment_number,
        "last": request.last_segment,
        "segments": request.segments or (transaction.segments if transaction else None),
        "transaction": transaction.transaction_id.hex() if transaction else request.transaction_id.hex(),
        "direction": transaction.direction.value if transaction else "",
        "receipt": request.receipt,
        **_order(request),
    }


def _order(request: Request) -> dict[str, Any]:
    details: OrderDetails | None = request.details
    if details is None:
        return {"order": "HEV" if request.kind.name == "HEV" else "", "service": None}
    service: Service | None = details.service
    return {
        "order": details.admin_type,
        "service": None if service is None else {name: getattr(service, name) for name in Service.__slots__},
        "period": [day.isoformat() if day else "" for day in (details.start, details.end)],
        "file_name": details.file_name,
        "parameters": dict(details.parameters),
        "signature_flag": details.signature_flag,
        "request_eds": details.request_eds,
        "about": None if details.eds is None else {"partner": details.eds.partner_id, "order": details.eds.order_id},
        "filters": [] if details.eds is None else [str(each) for each in details.eds.filters],
    }


def _answered(answer: Answer | None) -> dict[str, Any]:
    if answer is None:
        return {}
    return {
        "technical": answer.technical,
        "business": answer.business,
        "report": answer.report,
        "order_id": answer.order_id,
        "segments": answer.segments,
        "segment": answer.segment_number,
        "last": answer.last_segment,
    }


def elided(document: bytes, bounds: Bounds = BOUNDS) -> str:
    """A document with its long texts cut, whatever its form."""
    long = re.compile(rb">([^<]{%d})[^<]{20,}<" % (bounds.text // 2))
    short = long.sub(rb">\1...<", document[: 2**23])
    return _cut(short.decode("utf-8", "replace"), bounds.document)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}…"


# -------------------------------------------------------------------------------------------------- order data
def summary(data: bytes, bounds: Bounds = BOUNDS) -> dict[str, Any]:
    """What order data are: kind, size, hash, first lines, and what can be said of their content."""
    told: dict[str, Any] = {"size": len(data), "sha256": sha256(data).hexdigest(), "lines": [], "facts": []}
    if is_zipfile(BytesIO(data)):
        return {**told, "kind": "ZIP", "facts": list(_members(data, bounds))}
    told["lines"] = _first_lines(data, bounds)
    if len(data) > bounds.parsed:
        return {**told, "kind": "XML" if data.lstrip()[:1] == b"<" else "data", "facts": _claims(data)}
    try:
        root = parse_xml(data)
    except HostileXml:
        return {**told, "kind": "text or binary data"}
    space = etree.QName(root).namespace or ""
    name = space.rpartition(":")[2] if space.startswith("urn:iso:") else local(root)
    return {**told, "kind": name, "facts": [*_payments(data, name), *_keys(root)]}


def _first_lines(data: bytes, bounds: Bounds) -> list[str]:
    text = data[: bounds.lines * bounds.line * 4].decode("utf-8", "replace")
    return [_cut(line, bounds.line) for line in text.splitlines()[: bounds.lines]]


def _members(data: bytes, bounds: Bounds) -> Iterator[str]:
    try:
        with ZipFile(BytesIO(data)) as archive:
            names = archive.infolist()
    except (BadZipFile, ValueError, NotImplementedError) as error:
        yield f"the archive is damaged: {error}"
        return
    for each in names[: bounds.members]:
        yield f"{each.filename}, {each.file_size:,} bytes"
    if len(names) > bounds.members:
        yield f"and {len(names) - bounds.members} more files"


def _payments(data: bytes, name: str) -> list[str]:
    if not name.startswith("pain.001"):
        return []
    try:
        reading = pain001.read(data, "order")
    except ElectraError as error:
        return [error.what]
    totals: Counter[str] = Counter()
    sums: dict[str, Decimal] = {}
    for order in reading.orders:
        for each in order.transactions:
            totals[each.amount.currency] += 1
            sums[each.amount.currency] = sums.get(each.amount.currency, Decimal(0)) + each.amount.amount
    facts = [
        f"{_count(count, 'payment')}, {format_amount(sums[currency], currency)} {currency}"
        for currency, count in totals.items()
    ]
    return facts + [problem.text for problem in reading.problems][:5]


def _claims(data: bytes) -> list[str]:
    # Too large to be read to the end only for a log: what the group header says of itself.
    head = data[:65_536]
    facts = []
    for tag, words in (("NbOfTxs", "payments, as its header says"), ("CtrlSum", "in all, as its header says")):
        found = re.search(rb"<(?:\w+:)?%s>([0-9.]{1,20})<" % tag.encode(), head)
        facts += [f"{found[1].decode()} {words}"] if found else []
    return facts


#: Characters of base64 in the longest modulus that is looked at (16384 bits).
_KEY_TEXT = 4096


def _keys(root: etree._Element) -> Iterator[str]:
    """The hashes by which the keys of INI, HIA and the like are compared, as the letters of both versions print them."""
    for info in (node for node in root.iter() if local(node).endswith("PubKeyInfo")):
        title = local(info).removesuffix("PubKeyInfo")
        certificate = info.findtext(f".//{{{DSIG}}}X509Certificate", "")
        numbers = [info.findtext(f".//{{{DSIG}}}{name}", "") for name in ("Exponent", "Modulus")]
        try:
            if certificate:
                der = binary(certificate)
                yield f"{title} key, certificate {fingerprint(der)}"
                yield f"{title} key, exponent and modulus {fingerprint(bare(der))}"
            elif all(0 < len(each) <= _KEY_TEXT for each in numbers):
                public = rsa.RSAPublicNumbers(*(int.from_bytes(binary(each)) for each in numbers)).public_key()
                yield f"{title} key, exponent and modulus {fingerprint(key_value(public))}"
        except (ValueError, EbicsError):
            yield f"{title} key: it cannot be read"


# ------------------------------------------------------------------------------------------------ what it means
@dataclass(frozen=True, slots=True)
class Line:
    """One line: what it is about, the words, and a mood: ``good``, ``bad``, ``plain`` or ``faint``."""

    label: str
    words: str
    mood: str = "plain"


@dataclass(frozen=True, slots=True)
class Explanation:
    """An exchange in words: a title, and lines in the order in which things happened."""

    title: str
    good: bool
    lines: tuple[Line, ...]

    def __str__(self) -> str:
        rows, before = [self.title], ""
        for line in self.lines:
            rows.append(f"  {line.label if line.label != before else '':<9} {line.words}")
            before = line.label
        return "\n".join(rows)


def explain(record: Record) -> Explanation:
    """Tell an exchange in words. Texts from outside are made printable; none of them is markup."""
    refusal = record.get("refusal")
    lines = [*_request_lines(record), *_check_lines(record)]
    lines += _data_lines(record.get("data"), "sent" if _is_download(record) else "data")
    lines += [_signature_line(each) for each in record.get("signatures") or ()]
    lines += _answer_lines(record)
    return Explanation(_printable(_title(record)), not refusal, tuple(_clean(lines)))


def _clean(lines: Iterable[Line]) -> Iterator[Line]:
    return (Line(each.label, _printable(each.words), each.mood) for each in lines)


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else "·" for each in text)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _is_download(record: Record) -> bool:
    return record.get("direction") == "download" or record.get("order") == "HPB"


def _title(record: Record) -> str:
    if not record.get("kind"):
        return f"{record['at']}  a document that is no request"
    what = " ".join(part for part in (record.get("order") or record["kind"], record.get("phase")) if part)
    who = f"{record['user']} of {record['partner']} at {record['host']}" if record.get("user") else record["host"]
    client = f", client {record['client']}" if record.get("client") else ""
    return f"{record['at']}  {what}: {who} ({record['version']}{client})"


def _request_lines(record: Record) -> Iterator[Line]:
    if not record.get("kind"):
        yield Line("document", _cut(record.get("request_xml", ""), 200))
        return
    order, service = record.get("order", ""), record.get("service")
    words = ORDER_TYPES.get(order, "")
    if service:
        words = f"{words}: {Service(**service)} ({SERVICES.get(service['name'], 'a service without a name here')})"
    if words:
        yield Line("asks", words)
    yield from (Line("with", words) for words in _particulars(record))


def _particulars(record: Record) -> Iterator[str]:
    segments, number = record.get("segments"), record.get("segment")
    if number is not None:
        yield f"segment {number} of {segments or 'an unknown number'}{', the last' if record.get('last') else ''}"
    elif segments and record.get("direction") == "upload":
        yield f"{_count(segments, 'segment')} announced"
    about = record.get("about") or {}
    if about.get("order"):
        yield f"the order {about['order']} of {about['partner']}"
    yield from (f"only orders like {each}" for each in record.get("filters") or ())
    if any(record.get("period") or ()):
        yield "period {} to {}".format(*record["period"])
    if record.get("file_name"):
        yield f"file name {record['file_name']}"
    yield from (f"parameter {name} = {value}" for name, value in (record.get("parameters") or {}).items())
    if record.get("segments") and "signature_flag" in record and record.get("direction") == "upload":
        flag = "the signatures authorise the order" if record["signature_flag"] else "authorised outside EBICS"
        yield flag + (", missing ones may be added later" if record.get("request_eds") else "")
    if record.get("receipt") is not None:
        yield "receipt: the data are safe" if record["receipt"] == 0 else "receipt: the data are not safe, keep them"
    if record.get("transaction"):
        yield f"transaction {record['transaction'].upper()}"


def _check_lines(record: Record) -> Iterator[Line]:
    steps, refusal = record.get("steps") or (), record.get("refusal")
    for place, step in enumerate(steps):
        failed = bool(refusal) and place == len(steps) - 1
        found = "; ".join(step["words"])
        words = CHECKS.get(step["check"], step["check"]) + (f" ({found})" if found else "")
        yield Line("checks", f"{'✗ NOT: ' if failed else '✓ '}{words}", "bad" if failed else "good")
    if refusal:
        yield from _refusal_lines(refusal)
        yield from (Line("clerk", words) for words in _for_the_clerk(record))


#: What the clerk of the bank may do about a user's state; the client is not told.
_STATE_WORDS = {
    "initialised": "All keys are here. Compare the letter, then: electra bank activate --user {user}",
    "locked": "You locked {user}. To let it begin anew: electra bank reset --user {user}",
    "suspended": "{user} gave its access up (SPR), and may send INI and HIA again.",
    "ready": "{user} is ready. Were its keys lost: electra bank reset --user {user}",
    "new": "{user} has sent no keys yet: INI and HIA come first.",
    "ini-received": "HIA is still to come.",
    "hia-received": "INI is still to come.",
}

_UNKNOWN_USER = "Nobody is called {user} here. To write the user down: electra bank user --user {user}"


def _for_the_clerk(record: Record) -> Iterator[str]:
    words = " ".join(word for step in (record.get("steps") or ())[-1:] for word in step["words"])
    if re.search(r" is unknown$", words):
        yield _UNKNOWN_USER.format(user=_printable(record.get("user", "")))
    found = re.search(r" in the state ([a-z-]{3,20})", words)
    if found and found[1] in _STATE_WORDS:
        yield _STATE_WORDS[found[1]].format(user=_printable(record.get("user", "")))


def _refusal_lines(refusal: Record) -> Iterator[Line]:
    known = lookup(refusal["code"])
    yield Line("refused", f"{known.code} {known.name} ({known.level}): {known.meaning}", "bad")
    if refusal["text"]:
        yield Line("because", refusal["text"], "bad")
    if known.cause:
        yield Line("means", known.cause)
    if known.repair:
        yield Line("do", known.repair)


def _data_lines(data: Record | None, label: str) -> Iterator[Line]:
    if data is None:
        return
    yield Line(label, f"{data['kind']}, {data['size']:,} bytes, SHA-256 {data['sha256']}")
    yield from (Line(label, fact) for fact in data["facts"])
    yield from (Line(label, f"| {line}", "faint") for line in data["lines"])


def _signature_line(seen: Record) -> Line:
    words = {
        "stripped": "valid, over the order without CR, LF and Ctrl-Z, as the specification says",
        "raw": "valid, over all bytes of the order (the specification leaves out CR, LF and Ctrl-Z)",
    }.get(seen["fits"], "fits neither the order without CR, LF and Ctrl-Z nor all its bytes")
    mood = "bad" if seen["fits"] == "none" else "good"
    return Line("signed", f"{seen['user']} of {seen['partner']} with {seen['version']}: {words}", mood)


def _answer_lines(record: Record) -> Iterator[Line]:
    answer = record.get("answer") or {}
    if not answer:
        return
    codes = [answer["technical"], answer["business"]]
    mood = "bad" if record.get("refusal") else "good"
    names = " and ".join(
        f"{level} {code} {lookup(code).name}" for level, code in zip(("technical", "business"), codes, strict=True)
    )
    yield Line("answer", names, mood)
    if answer["order_id"]:
        yield Line("answer", f"order id {answer['order_id']}")
    if answer["technical"] not in {OK, (record.get("refusal") or {}).get("code")}:
        yield Line("answer", lookup(answer["technical"]).meaning)
    if answer["segment"] and _is_download(record):
        count = answer["segments"] or record.get("segments")
        yield Line("answer", f"carries segment {answer['segment']} of {count}{', the last' if answer['last'] else ''}")
