"""What a client's exchanges stand on: who speaks to which bank, with which keys, and the forms of what it may say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass

from electra_kernel.ebics import envelope
from electra_kernel.ebics.btf import Service
from electra_kernel.ebics.errors import LocalProtocolError
from electra_kernel.ebics.keys import BankKeys, TransportKeys, bare, is_bare, key_digest, number_digest, public_key_of
from electra_kernel.ebics.ordertypes import OrderTypes, with_profile
from electra_kernel.ebics.segments import SEGMENT_SIZE
from electra_kernel.ebics.version import H005, EbicsVersion
from electra_kernel.vocabulary.dates import Clock

#: Forms of identifications (schema types HostIDType, PartnerIDType, UserIDType).
_IDS = {"host_id": r"\S{1,35}", "partner_id": r"[a-zA-Z0-9,=]{1,35}", "user_id": r"[a-zA-Z0-9,=]{1,35}"}
#: Forms of the parts of a BTF (schema type RestrictedServiceType).
_SERVICE = {
    "name": r"[A-Z0-9]{3}",
    "scope": r"([A-Z0-9]{2,3})?",
    "option": r"([A-Z0-9]{3,10})?",
    "container": r"(SVC|XML|ZIP)?",
    "message": r"[a-z.0-9]{1,10}",
    "variant": r"(\d{2,3})?",
    "version": r"(\d{2,3})?",
    "format": r"([A-Z0-9]{1,4})?",
}


class ImpossibleForm(LocalProtocolError):
    """An id of the bank's letter, or a part of a service, has a form that EBICS does not allow: mistyped, mostly."""


def _check_forms(owner: object, forms: Mapping[str, str], what: str) -> None:
    for name, form in forms.items():
        value = str(getattr(owner, name))
        if not re.fullmatch(form, value, re.ASCII):
            raise ImpossibleForm(
                f"The {what}'s {name.replace('_', ' ')} {value!r} has a form EBICS does not allow.",
                repair="Copy it from the bank's contract or from the bank's list of services (HTD).",
            )


def check_service(service: Service) -> None:
    """Refuse a BTF the schema would refuse (type RestrictedServiceType)."""
    _check_forms(service, _SERVICE, "service")


def check_text(value: str, what: str, limit: int) -> None:
    """Refuse a text that does not fit into a document: empty, too long, or with control characters."""
    if not 1 <= len(value) <= limit or not value.isprintable():
        raise LocalProtocolError(
            f"The {what} {value!r} does not fit.", repair=f"Use 1 to {limit} printable characters."
        )


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Who speaks to which bank, in which version."""

    host_id: str
    partner_id: str
    user_id: str
    version: EbicsVersion = H005

    def __post_init__(self) -> None:
        _check_forms(self, _IDS, "subscriber")


@dataclass(frozen=True, slots=True)
class Session:
    """What every exchange of one subscriber stands on.

    Attributes:
        subscriber: host, partner, user and version.
        keys: the subscriber's X002 and E002 key pairs.
        bank: the bank's certificates, once HPB brought them and the letter confirmed them; ``None`` before.
        clock: gives the time that requests carry.
        product: how the program names itself to the bank, at most 64 characters.
        number_digests: name the bank's keys by exponent and modulus (as EBICS 2.5 does) instead of by certificate; some
            banks want it (they answer 091008 otherwise).
        certificates: in EBICS 2.5, whether the bank keeps certificates: they are sent beside the numbers of our keys, and
            name the bank's keys. EBICS 3.0 always does.
        issuers: certificates of the CAs above our own ones, sent with them, DER.
        profile: the bank's own order types, before the standard ones.
        segment_size: characters of base64 in one segment.
        inflated_limit: largest download after inflation, in bytes.
    """

    subscriber: Subscriber
    keys: TransportKeys
    bank: BankKeys | None
    clock: Clock
    _: KW_ONLY
    product: str = "Electra"
    number_digests: bool = False
    certificates: bool = False
    issuers: tuple[bytes, ...] = ()
    profile: OrderTypes | None = None
    segment_size: int = SEGMENT_SIZE
    inflated_limit: int = envelope.INFLATED_LIMIT

    def known_bank(self) -> BankKeys:
        """The bank's certificates.

        Raises:
            LocalProtocolError: they are not known yet.
        """
        if self.bank is None:
            raise LocalProtocolError(
                "The bank's keys are not known yet.",
                repair="Fetch them (HPB) and confirm their fingerprints with the bank's letter.",
            )
        return self.bank

    @property
    def by_numbers(self) -> bool:
        """Whether keys are named by their numbers, and sent without certificates."""
        return self.subscriber.version.key_values and not self.certificates

    @property
    def order_types(self) -> OrderTypes:
        """Order types of this bank and the services they mean."""
        return with_profile(self.profile)

    def key_name(self, der: bytes) -> bytes:
        """The digest by which a key is named to this bank."""
        if self.number_digests or self.by_numbers:
            return number_digest(public_key_of(der))
        return key_digest(der)

    def sent_form(self, der: bytes) -> bytes:
        """A key of ours as it is sent to this bank: with its certificate, or without."""
        return bare(der) if self.by_numbers and not is_bare(der) else der
