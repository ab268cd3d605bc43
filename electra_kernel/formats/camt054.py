"""Bank-to-customer debit and credit notification, camt.054: read in every version, exactly and the fast way, and written.

What the three messages have in common is in ``camt`` (reading), ``camt_tables`` (the fast way) and ``camt_write``.
"""

from __future__ import annotations

from functools import partial

from electra_kernel.formats import camt, camt_tables, camt_write
from electra_kernel.formats.camt_messages import NOTIFICATIONS

#: Versions that are written.
VERSIONS = camt_write.versions(NOTIFICATIONS)

detect = partial(camt.detect, NOTIFICATIONS)
read = partial(camt.read, NOTIFICATIONS)
read_tables = partial(camt_tables.read_tables, NOTIFICATIONS)
read_batches = partial(camt_tables.read_batches, NOTIFICATIONS)
write = partial(camt_write.write, NOTIFICATIONS)
