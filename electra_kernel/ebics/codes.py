"""EBICS return codes in plain words (spec 3.0.2, Annex 1): one table and one look-up.

A technical code travels in an answer's header, a business code in its body; ``000000`` stands in the other place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["technical", "business"]

OK = "000000"
#: Positive and negative receipt taken.
RECEIPT_POSITIVE, RECEIPT_NEGATIVE = "011000", "011001"
#: Codes after which an exchange goes on as planned.
BENIGN = frozenset({OK, RECEIPT_POSITIVE, RECEIPT_NEGATIVE, "011101", "011301", "031001"})
NO_DATA = "090005"
RECOVERY = "061101"


@dataclass(frozen=True, slots=True)
class ReturnCode:
    """One return code.

    Attributes:
        code: six digits; name: as the specification names it, for EBICS 3.0.
        level: where it travels.
        meaning, cause, repair: a sentence each, for people.
    """

    code: str
    name: str
    level: Level
    meaning: str
    cause: str = ""
    repair: str = ""

    @property
    def retryable(self) -> bool:
        """Whether sending the same thing later may help."""
        return self.code in {"061099", "091119"}


_ASK = "Ask the bank, with the code and the time."
_RESEND = "Send the order again."
_RIGHTS = "Look at the rights of this user (HTD) and ask the bank to widen them."
_NEWKEYS = "Create new keys and send INI and HIA again."
_REPORT = "Report it with the journal entry: the document that was sent is at fault."

_TECHNICAL: tuple[tuple[str, str, str, str, str], ...] = (
    (OK, "EBICS_OK", "Done.", "", ""),
    (RECEIPT_POSITIVE, "EBICS_DOWNLOAD_POSTPROCESS_DONE", "The bank marked the data as fetched.", "", ""),
    (RECEIPT_NEGATIVE, "EBICS_DOWNLOAD_POSTPROCESS_SKIPPED", "The bank keeps the data for the next time.", "", ""),
    (
        "011101",
        "EBICS_TX_SEGMENT_NUMBER_UNDERRUN",
        "Fewer segments came than were announced.",
        "The last segment was marked as last too early.",
        "",
    ),
    (
        "031001",
        "EBICS_ORDER_PARAMS_IGNORED",
        "The bank ignored some parameters of the order.",
        "It does not support them.",
        "",
    ),
    (
        "061001",
        "EBICS_AUTHENTICATION_FAILED",
        "The bank could not confirm who is speaking.",
        "The user is unknown, its keys are not the ones the bank holds, or the document was changed on its way.",
        "Check partner and user id. If they are right, the bank does not know these keys: send INI and HIA.",
    ),
    (
        "061002",
        "EBICS_INVALID_REQUEST",
        "The bank could not read the request.",
        "It is no EBICS document, or of a version the bank does not speak.",
        "Check the address and ask the bank which versions it speaks (HEV).",
    ),
    (
        "061099",
        "EBICS_INTERNAL_ERROR",
        "The bank had an internal error.",
        "The fault is at the bank.",
        "Try again later; the bank refuses a second copy of the same order by itself.",
    ),
    (
        RECOVERY,
        "EBICS_TX_RECOVERY_SYNC",
        "The bank wants to go on from another segment.",
        "Some segments did not arrive.",
        "Continue from the segment the bank named.",
    ),
    (
        "091002",
        "EBICS_INVALID_USER_OR_USER_STATE",
        "The bank does not take this from this user now.",
        "The user is unknown, not yet activated, already initialised, or locked.",
        "If the letters are sent, wait until the bank has activated the user; otherwise ask the bank.",
    ),
    (
        "091003",
        "EBICS_USER_UNKNOWN",
        "The bank does not know this user.",
        "Partner id or user id is wrong.",
        "Compare both with the bank's contract.",
    ),
    (
        "091004",
        "EBICS_INVALID_USER_STATE",
        "The user's state at the bank does not allow this.",
        "The user is not yet activated, already initialised, or locked.",
        "If the letters are sent, wait for the bank; otherwise ask the bank.",
    ),
    (
        "091005",
        "EBICS_INVALID_ORDER_IDENTIFIER",
        "The bank does not know this kind of order.",
        "The service (BTF) is not one of the bank's.",
        "Use one of the services the bank lists for this user (HTD).",
    ),
    (
        "091006",
        "EBICS_UNSUPPORTED_ORDER_IDENTIFIER",
        "The bank does not support this kind of order.",
        "It is optional in EBICS and this bank left it out.",
        "Use one of the order types the bank lists (HTD).",
    ),
    (
        "091007",
        "EBICS_DISTRIBUTED_SIGNATURE_AUTHORISATION_FAILED",
        "This user may not handle that waiting order.",
        "The user has no right to sign it.",
        _RIGHTS,
    ),
    (
        "091008",
        "EBICS_BANK_PUBKEY_UPDATE_REQUIRED",
        "The bank has other keys than the ones known here.",
        "The bank changed its keys.",
        "Fetch the bank's keys (HPB) and compare them with the bank's letter.",
    ),
    ("091009", "EBICS_SEGMENT_SIZE_EXCEEDED", "A segment is larger than the bank takes.", "", _REPORT),
    ("091010", "EBICS_INVALID_XML", "The request does not follow the EBICS schema.", "", _REPORT),
    (
        "091011",
        "EBICS_INVALID_HOST_ID",
        "The bank does not know this host id.",
        "The host id is wrong.",
        "Compare the host id with the bank's contract.",
    ),
    (
        "091101",
        "EBICS_TX_UNKNOWN_TXID",
        "The bank does not know this transaction (any more).",
        "It ended, was cancelled, or was open for too long.",
        "Start again; the bank refuses a copy by itself.",
    ),
    ("091102", "EBICS_TX_ABORT", "The bank gave the transaction up.", "There were too many repetitions.", _RESEND),
    (
        "091103",
        "EBICS_TX_MESSAGE_REPLAY",
        "The bank has seen this very request before, or its time is wrong.",
        "The same document was sent twice, or the two clocks differ too much.",
        "Check this machine's clock, then start again.",
    ),
    ("091104", "EBICS_TX_SEGMENT_NUMBER_EXCEEDED", "More segments came than were announced.", "", _RESEND),
    (
        "091112",
        "EBICS_INVALID_ORDER_PARAMS",
        "The parameters of the order are not valid.",
        "A period may end before it starts, or a service is missing.",
        "Correct the parameters.",
    ),
    ("091113", "EBICS_INVALID_REQUEST_CONTENT", "The content of the request contradicts itself.", "", _REPORT),
    (
        "091117",
        "EBICS_MAX_ORDER_DATA_SIZE_EXCEEDED",
        "The order is larger than the bank takes.",
        "",
        "Split the order into smaller ones.",
    ),
    (
        "091118",
        "EBICS_MAX_SEGMENTS_EXCEEDED",
        "The order has more segments than the bank takes.",
        "",
        "Split the order into smaller ones.",
    ),
    (
        "091119",
        "EBICS_MAX_TRANSACTIONS_EXCEEDED",
        "Too many transactions of this customer are open.",
        "",
        "Try again later.",
    ),
    (
        "091120",
        "EBICS_PARTNER_ID_MISMATCH",
        "A signature or key belongs to another customer than the order.",
        "The partner id in it differs from the one that sends.",
        "Let a user of the same customer sign.",
    ),
    ("091121", "EBICS_INCOMPATIBLE_ORDER_ATTRIBUTE", "The order's attribute contradicts its type.", "", _REPORT),
    (
        "091122",
        "EBICS_ORDER_ALREADY_EXISTS",
        "The bank already has an order with exactly these bytes.",
        "It was sent before and arrived.",
        "Do not send it again; look at its status.",
    ),
)

_BUSINESS: tuple[tuple[str, str, str, str, str], ...] = (
    ("011301", "EBICS_NO_ONLINE_CHECKS", "The bank will check the order later.", "", "Fetch the status later."),
    ("090003", "EBICS_AUTHORISATION_ORDER_IDENTIFIER_FAILED", "This user may not do that.",
     "The bank has not given the user this right.", _RIGHTS),
    ("090004", "EBICS_INVALID_ORDER_DATA_FORMAT", "The bank could not read the order data.",
     "They do not have the form this kind of order needs, or were damaged.", "Check the file, then send it again."),
    (NO_DATA, "EBICS_NO_DOWNLOAD_DATA_AVAILABLE", "There is nothing to fetch.", "Nothing new has arrived.",
     "Try again later."),
    ("090006", "EBICS_UNSUPPORTED_REQUEST_FOR_ORDER_INSTANCE", "The bank cannot do that with this order.", "", _ASK),
    ("091001", "EBICS_DOWNLOAD_SIGNED_ONLY", "The bank gives these data only with its signature.", "", _ASK),
    ("091105", "EBICS_RECOVERY_NOT_SUPPORTED", "The bank cannot continue a broken transaction.", "", _RESEND),
    ("091111", "EBICS_INVALID_SIGNATURE_FILE_FORMAT", "The bank could not read the signatures.", "",
     "Sign again and send again."),
    ("091114", "EBICS_ORDERID_UNKNOWN", "The bank knows no such waiting order.",
     "It was completed, cancelled, or never was there.", "Refresh the list of waiting orders."),
    ("091115", "EBICS_ORDERID_ALREADY_FINAL", "The order is completed and can no longer be changed.", "", ""),
    ("091116", "EBICS_PROCESSING_ERROR", "The bank could not process the order.", "", _ASK),
    ("091201", "EBICS_KEYMGMT_UNSUPPORTED_VERSION_SIGNATURE", "The bank does not take this version of signature key.",
     "", _NEWKEYS),
    ("091202", "EBICS_KEYMGMT_UNSUPPORTED_VERSION_AUTHENTICATION",
     "The bank does not take this version of authentication key.", "", _NEWKEYS),
    ("091203", "EBICS_KEYMGMT_UNSUPPORTED_VERSION_ENCRYPTION",
     "The bank does not take this version of encryption key.", "", _NEWKEYS),
    ("091204", "EBICS_KEYMGMT_KEYLENGTH_ERROR_SIGNATURE", "The signature key is too short or too long.", "", _NEWKEYS),
    ("091205", "EBICS_KEYMGMT_KEYLENGTH_ERROR_AUTHENTICATION", "The authentication key is too short or too long.", "",
     _NEWKEYS),
    ("091206", "EBICS_KEYMGMT_KEYLENGTH_ERROR_ENCRYPTION", "The encryption key is too short or too long.", "",
     _NEWKEYS),
    ("091207", "EBICS_KEYMGMT_NO_X509_SUPPORT", "The bank does not take certificates.", "", _ASK),
    ("091208", "EBICS_X509_CERTIFICATE_EXPIRED", "A certificate has expired.", "", _NEWKEYS),
    ("091209", "EBICS_X509_CERTIFICATE_NOT_VALID_YET", "A certificate is not yet valid.",
     "This machine's clock may be wrong.", "Check the clock, then " + _NEWKEYS[0].lower() + _NEWKEYS[1:]),
    ("091210", "EBICS_X509_WRONG_KEY_USAGE", "A certificate is for another use.", "", _NEWKEYS),
    ("091211", "EBICS_X509_WRONG_ALGORITHM", "A certificate uses an algorithm the bank does not take.", "", _NEWKEYS),
    ("091212", "EBICS_X509_INVALID_THUMBPRINT", "A certificate's fingerprint does not fit.", "", _NEWKEYS),
    ("091213", "EBICS_X509_CTL_INVALID", "The bank's list of trusted authorities is not valid.", "", _ASK),
    ("091214", "EBICS_X509_UNKNOWN_CERTIFICATE_AUTHORITY", "The bank does not know who issued the certificate.", "",
     _ASK),
    ("091215", "EBICS_X509_INVALID_POLICY", "The certificate's policy is not accepted.", "", _ASK),
    ("091216", "EBICS_X509_INVALID_BASIC_CONSTRAINTS", "The certificate's constraints are not accepted.", "", _NEWKEYS),
    ("091217", "EBICS_ONLY_X509_SUPPORT", "The bank takes keys only inside certificates.", "", _NEWKEYS),
    ("091218", "EBICS_KEYMGMT_DUPLICATE_KEY", "The signature key must differ from the other keys.",
     "The same key was sent for two uses.", _NEWKEYS),
    ("091219", "EBICS_CERTIFICATES_VALIDATION_ERROR", "A certificate could not be checked.", "", _NEWKEYS),
    ("091301", "EBICS_SIGNATURE_VERIFICATION_FAILED", "A signature does not fit the order.",
     "The order was changed after it was signed, or another key signed it.", "Sign the order again and send it again."),
    ("091302", "EBICS_ACCOUNT_AUTHORISATION_FAILED", "The user may not use this account.", "", _RIGHTS),
    ("091303", "EBICS_AMOUNT_CHECK_FAILED", "The amount is above what the signers may sign.", "",
     "Let a user with a higher limit sign."),
    ("091304", "EBICS_SIGNER_UNKNOWN", "The bank does not know one of the signers.", "",
     "Let a user sign whom the bank knows."),
    ("091305", "EBICS_INVALID_SIGNER_STATE", "One of the signers is not active at the bank.", "",
     "Let an active user sign, or ask the bank to activate the signer."),
    ("091306", "EBICS_DUPLICATE_SIGNATURE", "The same user signed twice.", "", "Let another user sign."),
)  # fmt: skip

CODES: dict[str, ReturnCode] = {
    **{row[0]: ReturnCode(row[0], row[1], "technical", *row[2:]) for row in _TECHNICAL},
    **{row[0]: ReturnCode(row[0], row[1], "business", *row[2:]) for row in _BUSINESS},
}


def lookup(code: str) -> ReturnCode:
    """What ``code`` means; a code that is in no table gets a row that says so."""
    return CODES.get(code) or ReturnCode(
        code, "UNKNOWN", "technical", "The bank answered with a code that EBICS does not define.", "", _ASK
    )
