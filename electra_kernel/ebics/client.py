"""The client: opens exchanges, which give the next document to send and take the bank's answer. No I/O, no state kept.

Every exchange works the same way, whatever carries its documents:

    while (document := exchange.request()) is not None:
        exchange.answer(post(document))

``request`` gives the same bytes until ``answer`` was called, so a document whose answer was lost can be sent again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import BinaryIO, cast

from electra_kernel.ebics import orderdata
from electra_kernel.ebics.btf import FileFormat, Service
from electra_kernel.ebics.documents import OrderDetails
from electra_kernel.ebics.edsparams import EdsParams
from electra_kernel.ebics.errors import LocalProtocolError
from electra_kernel.ebics.exchange import Exchange, Hev, Hpb, SendKeys
from electra_kernel.ebics.keys import TransportKeys
from electra_kernel.ebics.naming import name_business
from electra_kernel.ebics.ordertypes import DOWNLOAD, UPLOAD, Code
from electra_kernel.ebics.session import Session, Subscriber, check_service, check_text
from electra_kernel.ebics.signature import OrderSignature, order_digest
from electra_kernel.ebics.signatureonly import SignatureOnly
from electra_kernel.ebics.transfers import Download, Upload, UploadState

__all__ = [
    "Client",
    "Download",
    "Exchange",
    "Hev",
    "Hpb",
    "SendKeys",
    "SignatureOnly",
    "Subscriber",
    "Upload",
    "UploadState",
]

_NO_PARAMETERS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Client(Session):
    """Opens exchanges for one subscriber."""

    def hev(self) -> Hev:
        """Which versions the bank speaks. Neither side is proved: HEV is unsigned."""
        return Hev(self.subscriber.host_id)

    def ini(self, signature_certificate_der: bytes, signature_version: str = "A006") -> SendKeys:
        """Send the signature key. Unsigned: the letter proves it."""
        key = self._signature_key(signature_certificate_der, signature_version)
        return SendKeys(self, "INI", orderdata.write_ini(key, self.subscriber.version, self.issuers))

    def hia(self) -> SendKeys:
        """Send the authentication and encryption keys. Unsigned: the letter proves them."""
        sent = self._transport_keys(self.keys)
        return SendKeys(self, "HIA", orderdata.write_hia(sent, self.subscriber.version, self.issuers))

    def h3k_data(self, signature_certificate_der: bytes, signature_version: str = "A006") -> bytes:
        """The order data of H3K, all three certificates: what the signature that ``h3k`` takes is made over."""
        signature = orderdata.SignatureKey(
            signature_certificate_der, signature_version, self.subscriber.partner_id, self.subscriber.user_id
        )
        transport = replace(
            self._transport_keys(self.keys),
            authentication=self.keys.authentication_der,
            encryption=self.keys.encryption_der,
        )
        return orderdata.write_h3k(orderdata.AllKeys(signature, transport), self.subscriber.version, self.issuers)

    def h3k(self, order_data: bytes, signature: OrderSignature) -> SendKeys:
        """Send all three certificates at once, signed with the new signature key: proved by the CA that issued them."""
        return SendKeys(self, "H3K", order_data, [signature])

    def key_data(
        self, kind: str, *, signature: tuple[bytes, str] | None = None, transport: TransportKeys | None = None
    ) -> bytes:
        """The order data of a change of keys: what the signature that ``change_keys`` takes is made over.

        Args:
            kind: ``PUB`` (signature key), ``HCA`` (transport keys) or ``HCS`` (all three).
            signature: DER of the new signature key and its scheme, for PUB and HCS.
            transport: the new transport keys, for HCA and HCS.
        """
        if (signature is None) == (kind in {"PUB", "HCS"}) or (transport is None) == (kind in {"HCA", "HCS"}):
            raise LocalProtocolError(
                f"{kind} does not bring these keys.",
                repair="PUB brings the signature key, HCA the transport keys, HCS all three.",
            )
        version, new = self.subscriber.version, None if signature is None else self._signature_key(*signature)
        moved = None if transport is None else self._transport_keys(transport)
        if new is not None and moved is not None:
            return orderdata.write_hcs(orderdata.AllKeys(new, moved), version, self.issuers)
        if moved is not None:
            return orderdata.write_hia(moved, version, self.issuers, name="HCARequestOrderData")
        return orderdata.write_ini(cast("orderdata.SignatureKey", new), version, self.issuers)

    def change_keys(self, kind: str, order_data: bytes, signature: OrderSignature) -> Upload:
        """Send new keys (PUB, HCA, HCS), signed with the old signature key. They count as soon as the bank has them all.

        Where the last answer is lost, ask for HPB or HAC with the new keys: if they are understood, the change arrived.
        """
        return Upload(self, OrderDetails(admin_type=kind, signature_flag=True), order_data, [signature])

    def suspend(self, signature: OrderSignature) -> SignatureOnly:
        """Give the access up (SPR): ``signature`` is made over ``order_digest(orderdata.SUSPENSION)``.

        Afterwards INI and HIA, with new keys, begin anew.
        """
        digest = order_digest(orderdata.SUSPENSION)
        return SignatureOnly(self, OrderDetails(admin_type="SPR"), digest, signature)

    def _signature_key(self, der: bytes, version: str) -> orderdata.SignatureKey:
        return orderdata.SignatureKey(self.sent_form(der), version, self.subscriber.partner_id, self.subscriber.user_id)

    def _transport_keys(self, keys: TransportKeys) -> orderdata.TransportCertificates:
        subscriber, version = self.subscriber, self.subscriber.version
        return orderdata.TransportCertificates(
            self.sent_form(keys.authentication_der),
            self.sent_form(keys.encryption_der),
            subscriber.partner_id,
            subscriber.user_id,
            version.authentication,
            version.encryption,
        )

    def hpb(self) -> Hpb:
        """Fetch the bank's keys. The answer is unsigned: compare the fingerprints with the bank's letter."""
        return Hpb(self)

    def upload(
        self,
        service: Service | Code,
        data: bytes,
        signatures: Sequence[OrderSignature],
        *,
        file_name: str = "",
        parameters: Mapping[str, str] = _NO_PARAMETERS,
        signature_flag: bool = True,
        request_eds: bool = False,
        file: BinaryIO | None = None,
    ) -> Upload:
        """Send an order: exactly these bytes, with signatures made over ``order_digest(data)``.

        ``service`` is a BTF, an order type such as ``CCT``, or a file format (FUL); what the version does not use is
        translated (see ``ordertypes``). EBICS 2.5 carries no file name. Without ``signature_flag`` the signatures only prove transport and the order is authorised outside EBICS; with
        ``request_eds`` signatures that are missing may be added at the bank.

        The sealed order is kept in ``file``, a new binary file that stays open meanwhile; without one, in memory. With the
        file and the upload's ``state`` another process can go on with it: ``resume``.
        """
        if file_name:
            check_text(file_name, "file name", 256)
        _check_parameters(parameters)
        details = replace(
            self._named(UPLOAD, service),
            signature_flag=signature_flag,
            request_eds=request_eds,
            file_name=file_name,
            parameters=parameters,
        )
        return Upload(self, details, data, signatures, file)

    def resume(self, kept: UploadState, file: BinaryIO) -> Upload:
        """Go on with an upload the bank has taken the announcement of; 091101 says that the bank knows it no more.

        Raises:
            LocalProtocolError: ``file`` is not what the upload had written.
        """
        return Upload.resumed(replace(self, segment_size=kept.segment_size), kept, file)

    def download(
        self,
        *,
        service: Service | Code | None = None,
        admin_type: str = DOWNLOAD,
        start: date | None = None,
        end: date | None = None,
        parameters: Mapping[str, str] = _NO_PARAMETERS,
    ) -> Download:
        """Fetch data: of a service, or of an administrative type such as HAC, PTK, HTD, HKD, HPD or HAA.

        ``service`` is a BTF, an order type such as ``C53``, or a file format (FDL), as with ``upload``.
        """
        if (service is None) == (admin_type == DOWNLOAD):
            raise LocalProtocolError(
                "A download is for a service or for an administrative order type, and not both.",
                repair="Give service=… or admin_type=….",
            )
        if (start is None) != (end is None) or (start is not None and end is not None and start > end):
            raise LocalProtocolError(
                "A period needs a first and a last day, in this order.", repair="Give start=… and end=…, or neither."
            )
        _check_parameters(parameters)
        named = OrderDetails(admin_type=admin_type) if service is None else self._named(DOWNLOAD, service)
        if parameters and start is not None and not self.subscriber.version.services and not _is_file(named):
            raise LocalProtocolError(
                "EBICS 2.5 carries a period or parameters, not both.", repair="Leave one of them out."
            )
        return Download(self, replace(named, start=start, end=end, parameters=parameters))

    def _named(self, admin_type: str, service: Service | Code) -> OrderDetails:
        """The business as this version names it.

        Raises:
            LocalProtocolError: there is no name for it, or it goes the other way.
        """
        try:
            return name_business(admin_type, service, self.subscriber.version, self.order_types)
        except ValueError as error:
            raise LocalProtocolError(
                f"{service} cannot be asked of this bank: {error}.",
                repair="Use a service or an order type the bank lists for this user (HTD).",
            ) from error

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


def _is_file(details: OrderDetails) -> bool:
    return isinstance(details.code, FileFormat)


def _check_parameters(parameters: Mapping[str, str]) -> None:
    for name, value in parameters.items():
        check_text(name, "name of a parameter", 256)
        check_text(value, f"parameter {name}", 256)
