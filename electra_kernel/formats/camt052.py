"""Bank-to-customer account report (intraday), camt.052: read in every version, exactly and the fast way, and written.

What the three messages have in common is in ``camt`` (reading), ``camt_tables`` (the fast way) and ``camt_write``.
"""

from __future__ import annotations

from functools import partial

from electra_kernel.formats import camt, camt_tables, camt_write
from electra_kernel.formats.camt_messages import REPORTS

#: Versions that are written.
VERSIONS = camt_write.versions(REPORTS)

detect = partial(camt.detect, REPORTS)
read = partial(camt.read, REPORTS)
read_tables = partial(camt_tables.read_tables, REPORTS)
read_batches = partial(camt_tables.read_batches, REPORTS)
write = partial(camt_write.write, REPORTS)
