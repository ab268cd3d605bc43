"""Every reader of order data with a true sample of what it reads."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, partial

from electra_kernel.bank import explain
from electra_kernel.ebics import eds, hac, info, notifications, orderdata
from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.desk import KeyUse
from electra_kernel.ebics.signature import read_signatures, write_signatures
from electra_kernel.ebics.version import VERSIONS, EbicsVersion
from electra_kernel.formats import pain001
from tests import bank_house
from tests import ebics_house as house

Reader = tuple[str, bytes, Callable[[bytes], object]]
_AT = datetime(2026, 3, 2, tzinfo=UTC)
_SERVICES = (Service("SCT", "pain.001"), Service("EOP", "camt.053", "DE", container="ZIP"))
_NEWS = notifications.NewData(partner_id="PARTNER1", user_id="ANNA", services=_SERVICES, admin_types=("HAC",))
_ACCESS = notifications.NotificationAccess(
    url="wss://bank.example/n", token="t" * 20, one_time=True, valid_until=_AT, partner_id="PARTNER1", user_id="ANNA"
)


def _waiting() -> eds.WaitingOrder:
    return eds.WaitingOrder(
        service=_SERVICES[0], order_id="A001", size=10, ready=True, required=2, done=1, originator=_signer(), signers=(_signer(),),
        note="note", digest=bytes(32), scheme="A006", count=1, total=Decimal("1.50"), currency="HUF", first_party="X",
        first_account="HU42117730161111101800000000",
    )  # fmt: skip


def _signer() -> eds.Signer:
    return eds.Signer(partner_id="PARTNER1", user_id="ANNA", at=_AT, name="Anna", level="A")


def _state() -> eds.OrderState:
    return eds.OrderState(digest=bytes(32), scheme="A006", display=b"words", size=10, signers=(_signer(),))


def _payment() -> eds.Payment:
    return eds.Payment(
        amount=Decimal("1.50"), currency="HUF", payer_account="HU42117730161111101800000000", payee_account="123", payee="X",
        execution_date=_AT.date(), message="pain.001", purpose="p",
    )  # fmt: skip


def _htd() -> info.SubscriberInfo:
    return info.SubscriberInfo(
        host_id="HOST",
        name="Minta Kft.",
        country="HU",
        accounts=(info.AccountInfo(id="1", iban="HU42117730161111101800000000", currency="HUF", holder="Minta Kft."),),
        orders=(
            info.OrderInfo(admin_type="BTU", description="Payments", service=_SERVICES[0], signatures=2),
            info.OrderInfo(admin_type="HAC", description="Protocol"),
        ),
        user=info.UserInfo(
            user_id="ANNA",
            name="Anna",
            permissions=(
                info.Permission(
                    admin_type="BTU", service=_SERVICES[0], level="A", limit=Decimal("10.50"), currency="HUF"
                ),
            ),
        ),
    )


def _event() -> hac.HacEvent:
    return hac.HacEvent(
        action="FILE_UPLOAD", at=_AT, order_id="A001", user_id="ANNA", partner_id="PARTNER1", service=_SERVICES[0],
        digest=bytes(32), reason="TS01", text="words",
    )  # fmt: skip


def _of_version(version: EbicsVersion) -> list[Reader]:
    der = house.certificate("fuzz", KeyUse.SIGNATURE)
    ini = orderdata.SignatureKey(der, "A006", "PARTNER1", "ANNA")
    hia = orderdata.TransportCertificates(der, der, "PARTNER1", "ANNA")
    samples: dict[str, tuple[bytes, Callable[..., object]]] = {
        "INI": (orderdata.write_ini(ini, version), orderdata.read_ini),
        "HIA": (orderdata.write_hia(hia, version), orderdata.read_hia),
        "HPB": (orderdata.write_hpb(orderdata.BankCertificates(der, der, "HOST"), version), orderdata.read_hpb),
        "HTD": (info.write_htd(_htd(), version), info.read_htd),
        "HKD": (info.write_hkd([_htd(), _htd()], version), info.read_hkd),
        "HAA": (info.write_haa(_SERVICES, version), info.read_haa),
        "ES": (write_signatures([house.signature(b"data")], version), read_signatures),
    }
    keys = orderdata.AllKeys(ini, hia)
    for name, write, read in (
        ("HCS", orderdata.write_hcs, orderdata.read_hcs),
        ("H3K", orderdata.write_h3k, orderdata.read_h3k),
    ):
        samples[name] = write(keys, version), read
    hpd = info.BankParameters(urls=("https://bank.example",), institute="Bank", host_id="HOST")
    samples["HPD"] = info.write_hpd(hpd, version), info.read_hpd
    waiting = eds.write_waiting([_waiting()], version, details=True)
    samples["HVZ"] = waiting, eds.read_waiting
    samples["HVD"] = eds.write_state(_state(), version), eds.read_state
    samples["HVT"] = eds.write_payments([_payment()], 1, version), eds.read_payments
    return [
        (f"{name} {version.protocol}", data, partial(_with_version, read, version))
        for name, (data, read) in samples.items()
    ]


def _with_version(read: Callable[..., object], version: EbicsVersion, data: bytes) -> object:
    return read(data, version)


@cache
def readers() -> tuple[Reader, ...]:
    """All of them; made once."""
    order = pain001.write(bank_house.order(bank_house.payment("1"), bank_house.payment("2.50")))
    access = notifications.write_access(_ACCESS)
    message = notifications.write_message(_NEWS, at=_AT).encode()
    versioned = [each for version in VERSIONS.values() for each in _of_version(version)]
    return (
        *versioned,
        ("HAC", hac.write_hac([_event()], bank_bic="GIBAHUHB", message_id="M", created=_AT), hac.read_hac),
        ("WSS access", access, notifications.read_access),
        ("WSS message", message, notifications.read_message),
        ("summary", order, explain.summary),
    )
