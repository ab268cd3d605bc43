"""The payments of a block as columns, and as objects only once somebody asks for them.

What may live here: when a block is plain enough for whole columns, the rules of ``initiation_records`` over columns, and
the sequence of transactions that such columns are. A block in which anything is wrong (an odd amount, an account that is
no IBAN, a name that is missing …) is read payment by payment instead, so what is told of it is decided in one place. What
is merely not carried over is told here in the same words. Both ways give the same orders and the same problems.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import repeat
from typing import Any, cast, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from electra_kernel.formats import iso
from electra_kernel.formats.base import without_collector
from electra_kernel.formats.initiation_records import (
    ADDRESS,
    SHARED,
    Binding,
    Defaults,
    Tally,
    Told,
    is_implied,
    mandate_of,
)
from electra_kernel.formats.mt_columns import Column, Mask, mask
from electra_kernel.formats.skeleton_columns import Run
from electra_kernel.formats.skeletons import Places, Shape
from electra_kernel.orders.model import NOT_PROVIDED, Mandate, Transaction
from electra_kernel.vocabulary.account_columns import are_ibans
from electra_kernel.vocabulary.money import Money
from electra_kernel.vocabulary.parties import Address, Party

_PLAIN_AMOUNT = r"^[0-9]{1,13}(\.[0-9]{1,2})?$"
_PLAIN = pa.decimal128(18, 2)
_PARTY = ("name", "account", "bic", "identification", *ADDRESS.values())
_OBJECTS_AT_A_TIME = 16_384
_MOST_PARTIES = 50_000
_FEW = 256
_NO_ADDRESS = Address()


class Payments(Sequence[Transaction]):
    """The transactions of an order as columns; as objects, all of them and once only, when the first is asked for.

    Equal to the tuple of its transactions.

    Attributes:
        columns: what they say.
        places: the byte offset of each in its file; ``None`` where it is not known.
    """

    def __init__(self, columns: Columns, places: Sequence[int | None] | Places) -> None:
        self.columns, self.places = columns, places
        self._made: tuple[Transaction, ...] | None = None

    def __len__(self) -> int:
        return len(self.columns.amount)

    @overload
    def __getitem__(self, place: int) -> Transaction: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Transaction, ...]: ...
    def __getitem__(self, place: int | slice) -> Transaction | tuple[Transaction, ...]:
        return self._all()[place]

    def __iter__(self) -> Iterator[Transaction]:
        return iter(self._all())

    def __eq__(self, other: object) -> bool:
        return self._all() == tuple(other) if isinstance(other, (tuple, Payments)) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._all())

    def __repr__(self) -> str:
        return f"<{len(self)} payments>"

    def __reduce__(self) -> tuple[Any, ...]:
        return tuple, (self._all(),)

    @property
    def currency(self) -> str:
        """The currency of the first."""
        return str(self.columns.currency[0].as_py())

    @property
    def made(self) -> bool:
        """Whether there are objects already."""
        return self._made is not None

    def _all(self) -> tuple[Transaction, ...]:
        if self._made is None:
            with without_collector():
                self._made = tuple(_objects(self.columns, self.places))
        return self._made


@dataclass(slots=True, kw_only=True)
class Columns:
    """What the payments of a block say, column by column.

    Attributes:
        amount, currency: of each.
        texts: by the names of ``Transaction``; what none of them says is left out.
        party: the counterparties by the names of ``Party`` and ``Address``, and ``iban``; likewise.
        lines: the free lines of the counterparties' addresses.
        mandate: by the names that ``mandate_of`` knows; ``None`` where none of them can have one.
        amended: which of them tell what changed about a mandate; ``None`` where none does.
        defaults: what holds where they say nothing.
    """

    amount: Column
    currency: Column
    texts: Mapping[str, Column]
    party: Mapping[str, Column]
    lines: Sequence[Column]
    mandate: Mapping[str, Column | None] | None
    amended: Mask | None
    defaults: Defaults


def payments_of(
    run: Run,
    places: Sequence[int | None] | Places,
    defaults: Defaults,
    block: Sequence[str],
    tally: Tally,
    reader: Told,
    binding_of: Callable[[Shape], Binding],
) -> tuple[Payments, tuple[str, ...]] | None:
    """The payments of a block, and what its first one says of ``SHARED``; ``None`` where they are to be read one by one.

    Args:
        run: the records of the block.
        places: the byte offset of each.
        defaults: what a record says where it says nothing itself.
        block: what the block says of ``SHARED``.
        tally: takes the count and the sum.
        reader: is told what is not carried over.
        binding_of: where the values of records of a shape go.

    Raises:
        NotPlain: a text is not what the quick way can be sure of.
    """
    bindings = [binding_of(layout.shape) for layout in run.layouts]
    values = _Values(run, bindings)
    if any(each.decimals != 2 or each.amount < 0 or each.paid_in >= 0 or each.twice for each in bindings):
        return None
    if any(each.places["member"] >= 0 or each.places["system"] >= 0 for each in bindings):
        return None
    columns = _columns(values, defaults)
    total = _total(columns.amount)
    if total is None or not _sound(columns):
        return None
    first, told = _shared(values, block)
    told += _uncarried(values, columns)
    for number, _, path in sorted(told):
        reader.not_carried(f"PmtInf/{reader.message.record}/{path}", _place(places, number))
    tally.count += run.count
    tally.total += total
    return Payments(columns, places), first


def _place(places: Sequence[int | None] | Places, number: int) -> int | None:
    place = places[number]
    return None if place is None else int(place)


class _Values:
    """The columns of a run by what its layouts' bindings call them."""

    def __init__(self, run: Run, bindings: Sequence[Binding]) -> None:
        self.run, self.bindings = run, bindings

    def column(self, place: Callable[[Binding], int]) -> Column | None:
        """The texts of a place of each binding."""
        return self.run.column([place(binding) for binding in self.bindings])

    def first_of(self, *names: str) -> Column | None:
        """The first of several texts that is not empty, record by record."""
        found = [self.column(lambda each, name=name: each.places[name]) for name in names]  # type: ignore[misc]
        present = [column for column in found if column is not None]
        if len(present) < 2:
            return present[0] if present else None
        return pc.if_else(pc.equal(present[0], ""), present[1], present[0])

    def several(self, places: Callable[[Binding], Sequence[int]]) -> list[Column]:
        """The columns of what a record may hold several of."""
        most = max(len(places(binding)) for binding in self.bindings)
        found = (
            self.column(lambda each, n=number: places(each)[n] if n < len(places(each)) else -1)  # type: ignore[misc]
            for number in range(most)
        )
        return [column for column in found if column is not None]


def _columns(values: _Values, defaults: Defaults) -> Columns:
    names = (
        "structured_reference",
        "end_to_end_id",
        "instruction_id",
        "purpose",
        "ultimate_debtor",
        "ultimate_creditor",
    )
    texts = {name: values.first_of(name) for name in names}
    texts["remittance"] = side_by_side(values.several(lambda each: each.free), " ")
    party = {
        "name": values.first_of("name"),
        "account": values.first_of("iban", "account"),
        "iban": values.first_of("iban"),
        "bic": values.first_of("bicfi", "bic"),
        "identification": values.first_of("identification_of_party"),
        **{name: values.column(lambda each, name=name: each.address.get(name, -1)) for name in ADDRESS.values()},  # type: ignore[misc]
    }
    mandate = None
    if any(binding.mandate for binding in values.bindings):
        mandate = {
            name: values.column(lambda each, name=name: each.mandate.get(name, -1))  # type: ignore[misc]
            for name in values.bindings[0].mandate
        }
    amended = None
    if any(binding.amended for binding in values.bindings):
        amended = np.zeros(values.run.count, np.bool_)
        for layout, binding in zip(values.run.layouts, values.bindings, strict=True):
            amended[layout.rows] = binding.amended
    amount = values.column(lambda each: each.amount)
    return Columns(
        amount=cast(Column, amount),
        currency=_currency(values),
        texts=_filled(texts),
        party=_filled(party),
        lines=values.several(lambda each: each.address_lines),
        mandate=mandate,
        amended=amended,
        defaults=defaults,
    )


def _filled(columns: Mapping[str, Column | None]) -> dict[str, Column]:
    return {name: column for name, column in columns.items() if column is not None}


def _currency(values: _Values) -> Column:
    kinds = list(dict.fromkeys(binding.currency for binding in values.bindings))
    codes = np.zeros(values.run.count, np.int32)
    for layout, binding in zip(values.run.layouts, values.bindings, strict=True):
        codes[layout.rows] = kinds.index(binding.currency)
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(kinds, pa.string()))


def side_by_side(columns: Iterable[Column | None], separator: str) -> Column | None:
    """Several texts of a record, with a separator between those that are not empty."""
    present = [column for column in columns if column is not None]
    if not present:
        return None
    whole = present[0]
    for column in present[1:]:
        both = pc.and_(pc.not_equal(whole, ""), pc.not_equal(column, ""))
        whole = pc.binary_join_element_wise(whole, column, pc.if_else(both, separator, ""))
    return whole


# ------------------------------------------------------------------------------------------------------- rules
def _total(amounts: Column) -> Decimal | None:
    """The sum of amounts, with as many decimals as the longest has; ``None`` where one is not plain or nothing."""
    if not pc.all(pc.match_substring_regex(amounts, _PLAIN_AMOUNT)).as_py():
        return None
    figures = amounts.cast(_PLAIN)
    if pc.any(pc.equal(figures, Decimal(0))).as_py():
        return None
    points = pc.find_substring(amounts, ".")
    decimals = pc.if_else(pc.less(points, 0), 0, pc.subtract(pc.subtract(pc.binary_length(amounts), points), 1))
    total: Decimal = pc.sum(figures.cast(pa.decimal128(36, 2))).as_py()
    return total.quantize(Decimal(1).scaleb(-pc.max(decimals).as_py()))


def _sound(columns: Columns) -> bool:
    """Whether every payment names who, on an account that is one, on a mandate signed on a day that is one."""
    name, iban = columns.party.get("name"), columns.party.get("iban")
    if name is None or pc.any(pc.equal(name, "")).as_py():
        return False
    if iban is not None and not are_ibans(iban):
        return False
    signed = (columns.mandate or {}).get("signed")
    return signed is None or all(
        not text or iso.date_or_none(text) is not None for text in pc.unique(signed).to_pylist()
    )


# ----------------------------------------------------------------------------------------- what is not carried
def _shared(values: _Values, block: Sequence[str]) -> tuple[tuple[str, ...], list[tuple[int, int, str]]]:
    """What the first record says of ``SHARED``, and the first record that says otherwise of each."""
    first, told = list[str](), list[tuple[int, int, str]]()
    for number, (path, said) in enumerate(zip(SHARED, block, strict=True)):
        column = values.column(lambda each, number=number: each.shared[number])  # type: ignore[misc]
        own = "" if column is None else str(column[0].as_py())
        first.append(own)
        if column is None:
            continue
        fits = pc.is_in(column, value_set=pa.array(("", said) if said else (own,)))
        if not pc.all(fits).as_py():
            told.append((int(np.flatnonzero(~mask(fits))[0]), 10_000 + number, path))
    return tuple(first), told


def _uncarried(values: _Values, columns: Columns) -> list[tuple[int, int, str]]:
    """The first record in which an element that is not carried says something, its place there, and its path."""
    told: dict[str, tuple[int, int, str]] = {}
    for number, (layout, binding) in enumerate(zip(values.run.layouts, values.bindings, strict=True)):
        for path, place, marked in binding.uncarried:
            # Nearly always one of the first says something, or none ever does.
            for part in (slice(0, _FEW), slice(_FEW, None)):
                texts = values.run.of_layout(number, place, part)
                row = _first_told(path, texts, layout.rows[part], columns, marked=marked)
                if row is not None:
                    told[path] = min(told.get(path, (row, place, path)), (row, place, path))
                    break
    return list(told.values())


def _first_told(path: str, texts: Column, rows: Places, columns: Columns, *, marked: bool) -> int | None:
    few = pa.array(rows)
    others = [columns.texts.get("structured_reference"), columns.party.get("account")]
    references, accounts = (repeat("") if each is None else each.take(few).to_pylist() for each in others)
    seen = set[tuple[str, str]]()
    for row, text, reference, account in zip(rows.tolist(), texts.to_pylist(), references, accounts, strict=False):
        key = text, reference[:2]
        if key in seen or not (text or marked):
            continue
        if not is_implied(path, text, reference, account):
            return int(row)
        if text != "QRR":  # that hangs on each account
            seen.add(key)
    return None


# ----------------------------------------------------------------------------------------------------- objects
def _objects(columns: Columns, places: Sequence[int | None] | Places) -> Iterator[Transaction]:
    """The transactions, with one object for parties that are the same."""
    parties: dict[tuple[str, ...], Party] = {}
    for start in range(0, len(columns.amount), _OBJECTS_AT_A_TIME):
        part = slice(start, start + _OBJECTS_AT_A_TIME)
        yield from _some(columns, part, places[part], parties)


def _some(
    columns: Columns, part: slice, places: Sequence[int | None] | Places, parties: dict[tuple[str, ...], Party]
) -> Iterator[Transaction]:
    def texts(name: str, default: str = "") -> Iterable[str]:
        return _listed(columns.texts.get(name), part, default)

    rows = zip(
        columns.amount[part].to_pylist(),
        _listed(columns.currency, part),
        _parties(columns, part, parties),
        texts("remittance"),
        texts("structured_reference"),
        texts("end_to_end_id", NOT_PROVIDED),
        texts("instruction_id"),
        texts("purpose"),
        texts("ultimate_debtor", columns.defaults.payer),
        texts("ultimate_creditor", columns.defaults.payee),
        places.tolist() if isinstance(places, np.ndarray) else places,
        _mandates(columns, part),
        strict=False,  # what is said by none has no end
    )
    return (
        Transaction(
            amount=Money(Decimal(amount), currency),
            counterparty=party,
            remittance=remittance,
            structured_reference=reference,
            end_to_end_id=end_to_end,
            instruction_id=instruction,
            purpose=purpose,
            ultimate_debtor=payer,
            ultimate_creditor=payee,
            position=place,
            mandate=mandate,
        )
        for (
            amount,
            currency,
            party,
            remittance,
            reference,
            end_to_end,
            instruction,
            purpose,
            payer,
            payee,
            place,
            mandate,
        ) in rows
    )


def _listed(column: Column | None, part: slice, default: str = "") -> Iterable[str]:
    """The texts of a part of a column, ``default`` where they are empty."""
    if column is None:
        return repeat(default)
    column = column[part]
    if default:
        column = pc.if_else(pc.equal(column, ""), default, column)
    if isinstance(column, pa.DictionaryArray) or len(column[:1024].dictionary_encode().dictionary) < _FEW:
        # The same text again and again is one object.
        coded = column if isinstance(column, pa.DictionaryArray) else column.dictionary_encode()
        texts: list[str] = coded.dictionary.to_pylist()
        return [texts[code] for code in coded.indices.to_numpy().tolist()]
    return cast("list[str]", column.to_pylist())


def _parties(columns: Columns, part: slice, known: dict[tuple[str, ...], Party]) -> Iterator[Party]:
    fields = [_listed(columns.party.get(name), part) for name in _PARTY]
    lines = [_listed(column, part) for column in columns.lines]
    for key in zip(*fields, *lines, strict=False):  # what is said by none has no end
        party = known.get(key)
        if party is None:
            party = _party(key)
            if len(known) < _MOST_PARTIES:
                known[key] = party
        yield party


def _party(key: tuple[str, ...]) -> Party:
    name, account, bic, identification, street, building, post_code, town, country, *lines = key
    address = _NO_ADDRESS
    if street or building or post_code or town or country or lines:
        address = Address(
            street=street,
            building=building,
            post_code=post_code,
            town=town,
            country=country,
            lines=tuple([line for line in lines if line]) if lines else (),
        )
    return Party(name=name, account=account, bic=bic, address=address, identification=identification)


def _mandates(columns: Columns, part: slice) -> Iterable[Mandate | None]:
    if columns.mandate is None:
        return repeat(None)
    at = {name: number for number, name in enumerate(columns.mandate)}
    changed = repeat(False) if columns.amended is None else columns.amended[part].tolist()
    rows = zip(*(_listed(column, part) for column in columns.mandate.values()), strict=False)
    endless = all(column is None for column in columns.mandate.values())
    return (
        mandate_of(at, row, columns.defaults, amended=amended)
        for row, amended in zip(repeat(("",) * len(at)) if endless else rows, changed, strict=False)
    )
