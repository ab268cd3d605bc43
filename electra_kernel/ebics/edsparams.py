"""What an order of the distributed electronic signature (EDS) is about: one plain value, read and written by ``documents``.

Nothing else may live here: requests and the desk both carry it, so it stands below both.
"""

from __future__ import annotations

from dataclasses import dataclass

from electra_kernel.ebics.btf import Service

#: Order types of the EDS (spec 3.0.2, chapter 8): lists, one order, its transactions, one more signature, the end of it.
LISTS = frozenset({"HVU", "HVZ"})
LOOKS = frozenset({"HVD", "HVT"})
DECISIONS = frozenset({"HVE", "HVS"})
EDS_TYPES = LISTS | LOOKS | DECISIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class EdsParams:
    """Parameters of an EDS order type.

    Attributes:
        filters: HVU and HVZ list what fits one of these, or everything where there are none. What a filter leaves empty fits all.
        partner_id: whose order it is: the customer that sent it.
        order_id: the bank's id of the order.
        complete: HVT gives the original order data instead of single payments.
        limit: how many payments HVT gives at most; 0 for all.
        offset: how many payments HVT leaves out first.
    """

    filters: tuple[Service, ...] = ()
    partner_id: str = ""
    order_id: str = ""
    complete: bool = False
    limit: int = 0
    offset: int = 0
