"""Bank-to-customer statement, camt.053: read in every version, exactly and the fast way, and written.

What the three messages have in common is in ``camt`` (reading), ``camt_tables`` (the fast way) and ``camt_write``.
"""

from __future__ import annotations

from functools import partial

from electra_kernel.formats import camt, camt_tables, camt_write
from electra_kernel.formats.camt_messages import STATEMENTS

#: Versions that are written.
VERSIONS = camt_write.versions(STATEMENTS)

detect = partial(camt.detect, STATEMENTS)
read = partial(camt.read, STATEMENTS)
read_tables = partial(camt_tables.read_tables, STATEMENTS)
read_batches = partial(camt_tables.read_batches, STATEMENTS)
write = partial(camt_write.write, STATEMENTS)
