"""Orders that are a signature and nothing else, as the client sends them: no order data, answered at once (NumSegments 0)."""

from __future__ import annotations

from dataclasses import replace

from lxml import etree

from electra_kernel.ebics import envelope
from electra_kernel.ebics.documents import Encryption, OrderDetails
from electra_kernel.ebics.exchange import unfinished
from electra_kernel.ebics.keys import public_key_of
from electra_kernel.ebics.session import Session
from electra_kernel.ebics.signature import OrderSignature, write_signatures
from electra_kernel.ebics.transfers import _Transaction


class SignatureOnly(_Transaction[str]):
    """A signature on its way to the bank: ``result`` is the bank's order id of this step, empty where it gives none."""

    def __init__(self, session: Session, details: OrderDetails, digest: bytes, signature: OrderSignature) -> None:
        super().__init__(session, details)
        self._digest, self._signature, self._key = digest, signature, envelope.new_key()
        self._order_id: str | None = None

    @property
    def result(self) -> str:
        """The bank's order id."""
        if self._order_id is None:
            raise unfinished("The order id")
        return self._order_id

    def _next(self) -> bytes:
        receiver = self._bank_keys.encryption
        request = replace(
            self._opening(),
            segments=0,
            encryption=Encryption(
                receiver_digest=self._session.key_name(receiver),
                wrapped_key=envelope.wrap_key(self._key, public_key_of(receiver)),
            ),
            signature_data=envelope.seal(write_signatures([self._signature], self._version), self._key),
            data_digest=self._digest,
            signature_version=self._signature.version,
        )
        return self._signed(request)

    def _take(self, root: etree._Element) -> None:
        answer = self._proved(root)
        self._check_codes(answer)
        self._check_step(answer, 1)
        self._order_id, self._over = answer.order_id, True
