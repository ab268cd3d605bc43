"""EBICS versions as data: what differs between them, in one table. No behaviour but picking a version lives here.

Every reader and writer of the room takes an ``EbicsVersion`` and asks it for names; none of them asks "which version?".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: Namespace of XML signatures (W3C XML-Signature Syntax and Processing).
DSIG = "http://www.w3.org/2000/09/xmldsig#"
#: Namespace of HEV, the question which versions a bank speaks.
HEV = "http://www.ebics.org/H000"
#: How a SHA-256 digest is named in documents (XML Encryption).
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
#: Inclusive canonical XML 1.0 without comments.
C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
#: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 6931).
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"


@dataclass(frozen=True, slots=True, kw_only=True)
class EbicsVersion:
    """What one version of EBICS calls things.

    Attributes:
        protocol: name of the schema, such as ``H005``.
        release: number of the specification, as HEV prints it.
        namespace: of requests, answers and order data.
        signature_namespace: of electronic signatures and of the signature key's order data.
        order_type: name of the element that carries the order type.
        authentication, encryption: key versions in use.
        signatures: schemes of the electronic signature that may be used, the preferred one first.
        key_bits: shortest and longest RSA modulus accepted.
        services: whether business is named by BTF; otherwise by order types with an order attribute.
        key_values: whether public keys travel as numbers (a certificate may stand beside them); otherwise as
            certificates only.
        data_digest: whether an upload announces the hash of the order.
        account_banks: whether an account in the payments of a waiting order always names its bank.
        code_names: names of return codes where they differ from EBICS 3.0.
        code_stand_ins: return codes this version does not have, and which of its own says it instead.
    """

    protocol: str
    release: str
    namespace: str
    signature_namespace: str
    order_type: str
    authentication: str = "X002"
    encryption: str = "E002"
    signatures: tuple[str, ...] = ("A006", "A005")
    key_bits: tuple[int, int] = (2048, 16384)
    services: bool = True
    key_values: bool = False
    data_digest: bool = True
    account_banks: bool = False
    code_names: Mapping[str, str] = field(default_factory=dict, hash=False)
    code_stand_ins: Mapping[str, str] = field(default_factory=dict, hash=False)

    def tag(self, name: str) -> str:
        """``name`` in this version's namespace, as lxml writes it."""
        return f"{{{self.namespace}}}{name}"

    def signature_tag(self, name: str) -> str:
        """``name`` in the namespace of electronic signatures."""
        return f"{{{self.signature_namespace}}}{name}"


#: EBICS 3.0.
H005 = EbicsVersion(
    protocol="H005",
    release="03.00",
    namespace="urn:org:ebics:H005",
    signature_namespace="http://www.ebics.org/S002",
    order_type="AdminOrderType",
)

#: EBICS 2.5. Keys of 1536 bits are allowed (spec 2.5, 14.1); signature classes and recovery are those of 3.0.
H004 = EbicsVersion(
    protocol="H004",
    release="02.50",
    namespace="urn:org:ebics:H004",
    signature_namespace="http://www.ebics.org/S001",
    order_type="OrderType",
    key_bits=(1536, 16384),
    services=False,
    key_values=True,
    data_digest=False,
    account_banks=True,
    code_names={
        "090003": "EBICS_AUTHORISATION_ORDER_TYPE_FAILED",
        "091005": "EBICS_INVALID_ORDER_TYPE",
        "091006": "EBICS_UNSUPPORTED_ORDER_TYPE",
        "091115": "EBICS_ORDERID_ALREADY_EXISTS",
    },
    # Double-upload control came with 3.0 (091122): before it, a bank that looks anyway has only the general refusal.
    code_stand_ins={"091122": "091116"},
)

#: Every version spoken, by namespace. Documents are told apart by namespace: clients exist that write a wrong @Version.
VERSIONS = {version.namespace: version for version in (H005, H004)}
