"""The client: opens exchanges, which give the next document to send and take the bank's answer. No I/O, no state kept.

Every exchange works the same way, whatever carries its documents:

    while (document := exchange.request()) is not None:
        exchange.answer(post(document))

``request`` gives the same bytes until ``answer`` was called, so a document whose answer was lost can be sent again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from electra_kernel.ebics import orderdata
from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.documents import OrderDetails
from electra_kernel.ebics.edsparams import EdsParams
from electra_kernel.ebics.errors import LocalProtocolError
from electra_kernel.ebics.exchange import Exchange, Hev, Hpb, SendKeys
from electra_kernel.ebics.session import Session, Subscriber, check_service, check_text
from electra_kernel.ebics.signature import OrderSignature
from electra_kernel.ebics.signatureonly import SignatureOnly
from electra_kernel.ebics.transfers import Download, Upload

__all__ = ["Client", "Download", "Exchange", "Hev", "Hpb", "SendKeys", "SignatureOnly", "Subscriber", "Upload"]

_NO_PARAMETERS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Client(Session):
    """Opens exchanges for one subscriber."""

    def hev(self) -> Hev:
        """Which versions the bank speaks. Neither side is proved: HEV is unsigned."""
        return Hev(self)

    def ini(self, signature_certificate_der: bytes, signature_version: str = "A006") -> SendKeys:
        """Send the signature certificate. Unsigned: the letter proves it."""
        subscriber = self.subscriber
        key = orderdata.SignatureKey(
            signature_certificate_der, signature_version, subscriber.partner_id, subscriber.user_id
        )
        return SendKeys(self, "INI", orderdata.write_ini(key, subscriber.version))

    def hia(self) -> SendKeys:
        """Send the authentication and encryption certificates. Unsigned: the letter proves them."""
        subscriber, keys = self.subscriber, self.keys
        sent = orderdata.TransportCertificates(
            keys.authentication_der, keys.encryption_der, subscriber.partner_id, subscriber.user_id
        )
        return SendKeys(self, "HIA", orderdata.write_hia(sent, subscriber.version))

    def hpb(self) -> Hpb:
        """Fetch the bank's keys. The answer is unsigned: compare the fingerprints with the bank's letter."""
        return Hpb(self)

    def upload(
        self,
        service: Service,
        data: bytes,
        signatures: Sequence[OrderSignature],
        *,
        file_name: str = "",
        parameters: Mapping[str, str] = _NO_PARAMETERS,
        signature_flag: bool = True,
        request_eds: bool = False,
    ) -> Upload:
        """Send an order (BTU): exactly these bytes, with signatures made over ``order_digest(data)``.

        Without ``signature_flag`` the signatures only prove transport and the order is authorised outside EBICS; with
        ``request_eds`` signatures that are missing may be added at the bank.
        """
        check_service(service)
        if file_name:
            check_text(file_name, "file name", 256)
        _check_parameters(parameters)
        details = OrderDetails(
            admin_type="BTU",
            service=service,
            signature_flag=signature_flag,
            request_eds=request_eds,
            file_name=file_name,
            parameters=parameters,
        )
        return Upload(self, details, data, signatures)

    def download(
        self,
        *,
        service: Service | None = None,
        admin_type: str = "BTD",
        start: date | None = None,
        end: date | None = None,
        parameters: Mapping[str, str] = _NO_PARAMETERS,
    ) -> Download:
        """Fetch data: of a service (BTD), or of an administrative type such as HAC, HTD, HPD or HAA."""
        if (service is None) == (admin_type == "BTD"):
            raise LocalProtocolError(
                "A download is for a service or for an administrative order type, and not both.",
                repair="Give service=… or admin_type=….",
            )
        if (start is None) != (end is None) or (start is not None and end is not None and start > end):
            raise LocalProtocolError(
                "A period needs a first and a last day, in this order.", repair="Give start=… and end=…, or neither."
            )
        if service is not None:
            check_service(service)
        _check_parameters(parameters)
        details = OrderDetails(admin_type=admin_type, service=service, start=start, end=end, parameters=parameters)
        return Download(self, details)

    def waiting_orders(self, *, details: bool = False, filters: Sequence[Service] = ()) -> Download:
        """The orders that wait for signatures this user may add; read its data with ``eds.read_waiting``.

        Args:
            details: with hashes, totals and the first payee (HVZ) instead of the short list (HVU).
            filters: only what fits one of these; what a filter leaves empty fits everything.
        """
        return Download(
            self, OrderDetails(admin_type="HVZ" if details else "HVU", eds=EdsParams(filters=tuple(filters)))
        )

    def order_state(self, partner_id: str, order_id: str, service: Service) -> Download:
        """One waiting order: its hash, its signers, and the bank's words about it (HVD, ``eds.read_state``).

        Args:
            partner_id: the customer that sent the order; order_id: the bank's id; service: of the order, as listed.
        """
        return Download(self, _about("HVD", service, EdsParams(partner_id=partner_id, order_id=order_id)))

    def order_transactions(
        self,
        partner_id: str,
        order_id: str,
        service: Service,
        *,
        complete: bool = False,
        limit: int = 0,
        offset: int = 0,
    ) -> Download:
        """The payments of a waiting order (HVT): with ``complete`` the very bytes that were sent, which are what is signed.

        Args:
            complete: the original order data; otherwise single payments, read with ``eds.read_payments``.
            limit, offset: how many payments at most (0: all), and how many to leave out first.
        """
        eds = EdsParams(partner_id=partner_id, order_id=order_id, complete=complete, limit=limit, offset=offset)
        return Download(self, _about("HVT", service, eds))

    def add_signature(
        self, partner_id: str, order_id: str, service: Service, digest: bytes, signature: OrderSignature
    ) -> SignatureOnly:
        """Add a signature, made over ``digest``, to a waiting order (HVE)."""
        eds = EdsParams(partner_id=partner_id, order_id=order_id)
        return SignatureOnly(self, _about("HVE", service, eds), digest, signature)

    def cancel_order(
        self, partner_id: str, order_id: str, service: Service, digest: bytes, signature: OrderSignature
    ) -> SignatureOnly:
        """Give a waiting order up for good (HVS): proved, as a signature is, over the order's ``digest``."""
        eds = EdsParams(partner_id=partner_id, order_id=order_id)
        return SignatureOnly(self, _about("HVS", service, eds), digest, signature)


def _about(admin_type: str, service: Service, eds: EdsParams) -> OrderDetails:
    check_service(service)
    check_text(eds.order_id, "order id", 4)
    check_text(eds.partner_id, "partner id", 35)
    return OrderDetails(admin_type=admin_type, service=service, eds=eds)


def _check_parameters(parameters: Mapping[str, str]) -> None:
    for name, value in parameters.items():
        check_text(name, "name of a parameter", 256)
        check_text(value, f"parameter {name}", 256)
