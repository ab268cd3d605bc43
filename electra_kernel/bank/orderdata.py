"""The bytes of orders in the bank's database: kept in pieces, so that a large one is never copied as a whole.

What may live here: writing, reading and measuring them. One value of the size of an order would be copied by the driver and
again by the database, and whoever looked at the rest of a row would be handed it too.
"""

from __future__ import annotations

from io import BytesIO

from sqlalchemy import ColumnElement, Connection, func, select

from electra_kernel.bank.database import order_pieces, orders

#: Bytes of one piece.
_PIECE = 2**18

#: All that is kept of an order beside its bytes. ``orders.data`` holds those of orders that an older version took.
COLUMNS = tuple(column for column in orders.c if column is not orders.c.data)

#: How many bytes an order has, in a query over ``orders``; they are counted where they are.
SIZE: ColumnElement[int] = (
    func.length(orders.c.data)
    + func.coalesce(
        select(func.sum(func.length(order_pieces.c.piece)))
        .where(order_pieces.c.order == orders.c.id)
        .correlate(orders)
        .scalar_subquery(),
        0,
    )
).label("size")


def keep(connection: Connection, key: int, data: bytes) -> None:
    """Write the bytes of the order with this key."""
    whole = memoryview(data)
    for number, start in enumerate(range(0, len(data), _PIECE)):
        piece = bytes(whole[start : start + _PIECE])
        connection.execute(order_pieces.insert().values(order=key, number=number, piece=piece))


def read(connection: Connection, key: int) -> bytes:
    """The bytes of the order with this key, as they came."""
    held = BytesIO()
    held.write(connection.scalar(select(orders.c.data).where(orders.c.id == key)) or b"")
    pieces = select(order_pieces.c.piece).where(order_pieces.c.order == key).order_by(order_pieces.c.number)
    # A few at a time, or all pieces would be held beside the whole.
    for piece in connection.scalars(pieces.execution_options(yield_per=4)):
        held.write(piece)
    return held.getvalue()
