"""Which service of the bank is used for what: chosen among those the bank permits this user (HTD), never guessed.

Banks compare a service strictly with the user's rights, so it is sent exactly as the bank lists it.
"""

from __future__ import annotations

from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.info import SubscriberInfo
from electra_kernel.orders.kinds import KINDS
from electra_kernel.vocabulary.errors import ElectraError

#: Service names (EBICS BTF external code list) that carry a kind of order, the best first.
_ORDER_SERVICES = {"domestic": ("DCT", "SCT"), "sepa": ("SCT",), "cross-border": ("XCT", "MCT")}
_STATEMENT_SERVICES = ("EOP",)
_STATUS_SERVICES = ("PSR", "REP")
#: Services whose orders may have their names checked, by kind of order, and the options that say so.
_CHECKED_SERVICES = {"domestic": ("SCT",), "sepa": ("SCT",)}
_CHECKED, _RESULT = "VOI", "VOP"


class NotPermitted(ElectraError):
    """The bank has not given this user the right that is needed."""


def order_service(kind: str, info: SubscriberInfo, *, check_names: bool = False) -> Service:
    """The upload service for a kind of order.

    Args:
        check_names: the one that has the names of payees checked before the order is released.

    Raises:
        NotPermitted: the user may not send this kind of order, or not have its names checked.
    """
    if check_names:
        return _checked_service(kind, info)
    found = _best(info, "BTU", "pain.001", _ORDER_SERVICES.get(kind, ()))
    if found is None:
        raise NotPermitted(
            f"The bank does not let {info.user.user_id} send this order: {KINDS[kind].title}.",
            repair="Ask the bank for the right, or let another user send it.",
        )
    return found


def _checked_service(kind: str, info: SubscriberInfo) -> Service:
    found = _best(info, "BTU", "pain.001", _CHECKED_SERVICES.get(kind, ()), option=_CHECKED)
    if found is None:
        raise NotPermitted(
            f"The bank does not check names of payees for {info.user.user_id} in this order: {KINDS[kind].title}.",
            repair="Send it without: order.send(check_names=False). If the bank has given the right since, run "
            "connection.info(refresh=True) first.",
        )
    return found


def signatures_required(service: Service, info: SubscriberInfo) -> int:
    """How many signatures the bank wants for orders of a service (HTD, NumSigRequired); at least one."""
    return max([1, *(order.signatures for order in info.orders if order.service == service)])


def others_must_sign(service: Service, info: SubscriberInfo, signatures: int) -> bool:
    """Whether an order with so many signatures shall wait at the bank for those of others.

    So it is where the bank wants more, and where this user's own signature never is enough alone (class A, B or T).
    """
    levels = {permission.level for permission in info.user.permissions if permission.service == service}
    return signatures < signatures_required(service, info) or not levels <= {"", "E"}


def statement_services(info: SubscriberInfo) -> list[Service]:
    """The download services for end-of-day statements; empty where the user may fetch none."""
    return _one(_best(info, "BTD", "camt.053", _STATEMENT_SERVICES))


def status_services(info: SubscriberInfo) -> list[Service]:
    """The download services for the bank's answers to orders; empty where the user may fetch none."""
    return _one(_best(info, "BTD", "pain.002", _STATUS_SERVICES))


def name_check_services(info: SubscriberInfo) -> list[Service]:
    """The download services for results of checked names; empty where the user may fetch none."""
    return _one(_best(info, "BTD", "pain.002", _STATUS_SERVICES, option=_RESULT))


def _best(
    info: SubscriberInfo, admin_type: str, message: str, names: tuple[str, ...], *, option: str = ""
) -> Service | None:
    permitted = [
        permission.service
        for permission in info.user.permissions
        if permission.admin_type == admin_type and permission.service and permission.service.message == message
    ]
    usable = [service for service in permitted if service.name in names and service.option == option]
    # The best name first; then the customer's own country before others, and containers before single files.
    return min(
        usable,
        key=lambda service: (names.index(service.name), service.scope != info.country, service.container != "ZIP"),
        default=None,
    )


def _one(service: Service | None) -> list[Service]:
    return [] if service is None else [service]
