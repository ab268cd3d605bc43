"""A user of the bank for benchmarks: keys of its own, sent and activated. Nothing is measured here."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256

from electra_kernel.channels.internet import InternetChannel
from electra_kernel.ebics.client import Client, Subscriber
from electra_kernel.ebics.desk import KeyUse
from electra_kernel.ebics.keys import TransportKeys, certificate_der, certificate_for, generate_key
from electra_kernel.ebics.signature import OrderSignature, order_digest
from electra_kernel.ebics.version import H005, EbicsVersion
from electra_kernel.vocabulary.dates import system_clock


class User:
    """A new user of the bank with keys of its own."""

    def __init__(self, said: dict[str, Any], user: str, version: EbicsVersion = H005) -> None:
        self.said, self.now = said, datetime.now(UTC)
        self.signing = generate_key()
        keys = [generate_key(), generate_key()]
        certificates = [
            certificate_for(key, use, common_name=user, not_before=self.now)
            for key, use in zip(keys, (KeyUse.AUTHENTICATION, KeyUse.ENCRYPTION), strict=True)
        ]
        self.keys = TransportKeys(keys[0], certificates[0], keys[1], certificates[1])
        self.channel = InternetChannel(said["https"], ca=Path(said["ca"]))
        subscriber = Subscriber(said["host"], said["partner"], user, version)
        self.client = Client(subscriber, self.keys, None, system_clock)
        signature = certificate_for(self.signing, KeyUse.SIGNATURE, common_name=user, not_before=self.now)
        self.run(self.client.ini(certificate_der(signature)))
        self.run(self.client.hia())
        self.client = Client(subscriber, self.keys, self.run(self.client.hpb()).result, system_clock)

    def run(self, exchange: Any) -> Any:
        """Carry every document there and back."""
        while (request := exchange.request()) is not None:
            exchange.answer(self.channel.exchange(request))
        return exchange

    def sign(self, data: bytes) -> OrderSignature:
        """The user's signature over an order."""
        value = self.signing.sign(order_digest(data), padding.PSS(padding.MGF1(SHA256()), 32), SHA256())
        subscriber = self.client.subscriber
        return OrderSignature("A006", value, subscriber.partner_id, subscriber.user_id)
