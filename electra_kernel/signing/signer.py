"""What a signer is: the one Protocol that every key, card or phone fulfils, and the names of the two schemes.

Nothing here holds a key.
"""

from __future__ import annotations

from typing import Literal, Protocol

#: How an order is signed (EBICS 3.0.2, chapter 14): ``A005`` RSASSA-PKCS1-v1_5, ``A006`` RSASSA-PSS.
Scheme = Literal["A005", "A006"]


class Signer(Protocol):
    """Something that can sign an order."""

    def sign(self, order_digest: bytes, scheme: Scheme) -> bytes:
        """The signature over an order.

        Args:
            order_digest: the 32-byte SHA-256 of the order data.
            scheme: ``A005`` or ``A006``.

        Returns:
            As many bytes as the key's modulus has, 256 for a key of 2,048 bits.
        """
