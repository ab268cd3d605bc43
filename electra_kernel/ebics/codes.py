"""EBICS return codes in plain words (spec 3.0.2, Annex 1): one table and one look-up.

A technical code travels in an answer's header, a business code in its body; ``000000`` stands in the other place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from electra_kernel.vocabulary.faults import Fault

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
        fault: whose it is; ``None`` where nothing went wrong.
    """

    code: str
    name: str
    level: Level
    meaning: str
    cause: str = ""
    repair: str = ""
    fault: Fault | None = None

    @property
    def retryable(self) -> bool:
        """Whether sending the same thing later may help."""
        return self.code in {"061099", "091119"}


_ASK = "Ask the bank, with the code and the time."
_RESEND = "Send the order again."
_RIGHTS = "Look at the rights of this user (connection.info(refresh=True)) and ask the bank to widen them."
_NEWKEYS = "Create new keys and send them again: connection.initialise(new_keys=True)."
_REPORT = "Report it with the journal entry: the document that was sent is at fault."
_NOT_ACTIVE = "If the letters are sent, wait until the bank has activated the user; otherwise ask the bank."

#: Code, name, what happened, why, what to do, whose fault. Where nothing went wrong nothing is to be done.
_Row = tuple[str, str, str, str, str, Fault | None]

_TECHNICAL: tuple[_Row, ...] = (
    (OK, "EBICS_OK", "Done.", "", "", None),
    (RECEIPT_POSITIVE, "EBICS_DOWNLOAD_POSTPROCESS_DONE", "The bank marked the data as fetched.", "", "", None),
    (RECEIPT_NEGATIVE, "EBICS_DOWNLOAD_POSTPROCESS_SKIPPED", "The bank keeps the data for the next time.", "", "", None),
    ("011101", "EBICS_TX_SEGMENT_NUMBER_UNDERRUN", "Fewer segments came than were announced.",
     "The last segment was marked as last too early.", "", None),
    ("031001", "EBICS_ORDER_PARAMS_IGNORED", "The bank ignored some parameters of the order.",
     "It does not support them.", "", None),
    ("061001", "EBICS_AUTHENTICATION_FAILED", "The bank could not confirm who is speaking.",
     "The user is unknown, its keys are not the ones the bank holds, or the document was changed on its way.",
     "Check partner and user id. If they are right, the bank does not know these keys: ask the bank, then send new ones "
     "with connection.initialise(new_keys=True).", Fault.ACCESS),
    ("061002", "EBICS_INVALID_REQUEST", "The bank could not read the request.",
     "It is no EBICS document for it, or of a version the bank does not speak.",
     "Check the address; see what the bank speaks with connection.use_version(\"H005\").", Fault.PROGRAM),
    ("061099", "EBICS_INTERNAL_ERROR", "The bank had an internal error.", "Something failed inside the bank.",
     "Try again later; the bank refuses a second copy of the same order by itself.", Fault.BANK),
    (RECOVERY, "EBICS_TX_RECOVERY_SYNC", "The bank wants to go on from another segment.",
     "Some segments did not arrive, again and again.", "Send again: it goes on from the segment the bank named.",
     Fault.LINE),
    ("091002", "EBICS_INVALID_USER_OR_USER_STATE", "The bank does not take this from this user now.",
     "The user is unknown, not yet activated, already initialised, or locked.", _NOT_ACTIVE, Fault.ACCESS),
    ("091003", "EBICS_USER_UNKNOWN", "The bank does not know this user.", "Partner id or user id is wrong.",
     "Compare both with the bank's contract.", Fault.INPUT),
    ("091004", "EBICS_INVALID_USER_STATE", "The user's state at the bank does not allow this.",
     "The user is not yet activated, already initialised, or locked.", _NOT_ACTIVE, Fault.ACCESS),
    ("091005", "EBICS_INVALID_ORDER_IDENTIFIER", "The bank does not know this kind of order.",
     "The service (BTF) is not one of the bank's.",
     "Use one of the services the bank lists for this user (connection.info()).", Fault.RIGHTS),
    ("091006", "EBICS_UNSUPPORTED_ORDER_IDENTIFIER", "The bank does not support this kind of order.",
     "It is optional in EBICS and this bank left it out.",
     "Use one of the order types the bank lists (connection.info()).", Fault.BANK),
    ("091007", "EBICS_DISTRIBUTED_SIGNATURE_AUTHORISATION_FAILED", "This user may not handle that waiting order.",
     "The user has no right to sign it.", _RIGHTS, Fault.RIGHTS),
    ("091008", "EBICS_BANK_PUBKEY_UPDATE_REQUIRED", "The bank has other keys than the ones known here.",
     "The bank changed its keys.",
     "Take the bank's new letter and run connection.initialise() with the hashes it prints.", Fault.BANK),
    ("091009", "EBICS_SEGMENT_SIZE_EXCEEDED", "A segment is larger than the bank takes.",
     "The order was cut into pieces too large for this bank.", _REPORT, Fault.PROGRAM),
    ("091010", "EBICS_INVALID_XML", "The request does not follow the EBICS schema.",
     "A document was put together wrongly, or an id has a form EBICS does not allow.", _REPORT, Fault.PROGRAM),
    ("091011", "EBICS_INVALID_HOST_ID", "The bank does not know this host id.", "The host id is wrong.",
     "Compare the host id with the bank's contract.", Fault.INPUT),
    ("091101", "EBICS_TX_UNKNOWN_TXID", "The bank does not know this transaction (any more).",
     "It ended, was cancelled, or was open for too long.", "Start again; the bank refuses a copy by itself.",
     Fault.LINE),
    ("091102", "EBICS_TX_ABORT", "The bank gave the transaction up.", "There were too many repetitions.", _RESEND,
     Fault.LINE),
    ("091103", "EBICS_TX_MESSAGE_REPLAY", "The bank has seen this very request before, or its time is wrong.",
     "The same document was sent twice, or the two clocks differ too much.",
     "Check this machine's clock, then start again.", Fault.MACHINE),
    ("091104", "EBICS_TX_SEGMENT_NUMBER_EXCEEDED", "More segments came than were announced.",
     "The two sides count the pieces of the order differently.", _RESEND, Fault.PROGRAM),
    ("091112", "EBICS_INVALID_ORDER_PARAMS", "The parameters of the order are not valid.",
     "A period may end before it starts, or a service is missing.", "Correct the parameters.", Fault.INPUT),
    ("091113", "EBICS_INVALID_REQUEST_CONTENT", "The content of the request contradicts itself.",
     "What the request announces is not what it carries.", _REPORT, Fault.PROGRAM),
    ("091117", "EBICS_MAX_ORDER_DATA_SIZE_EXCEEDED", "The order is larger than the bank takes.",
     "The bank bounds the size of an order.", "Split the order into smaller ones.", Fault.INPUT),
    ("091118", "EBICS_MAX_SEGMENTS_EXCEEDED", "The order has more segments than the bank takes.",
     "The bank bounds the size of an order.", "Split the order into smaller ones.", Fault.INPUT),
    ("091119", "EBICS_MAX_TRANSACTIONS_EXCEEDED", "Too many transactions of this customer are open.",
     "Several programs speak with the bank at once, or earlier transactions were cut off.", "Try again later.",
     Fault.BANK),
    ("091120", "EBICS_PARTNER_ID_MISMATCH", "A signature or key belongs to another customer than the order.",
     "The partner id in it differs from the one that sends.", "Let a user of the same customer sign.", Fault.INPUT),
    ("091121", "EBICS_INCOMPATIBLE_ORDER_ATTRIBUTE", "The order's attribute contradicts its type.",
     "The request says to be signed where it is not, or the other way round.", _REPORT, Fault.PROGRAM),
    ("091122", "EBICS_ORDER_ALREADY_EXISTS", "The bank already has an order with exactly these bytes.",
     "It was sent before and arrived.", "Do not send it again; look at its status.", Fault.STEP),
)  # fmt: skip

_BUSINESS: tuple[_Row, ...] = (
    ("011301", "EBICS_NO_ONLINE_CHECKS", "The bank will check the order later.", "It checks orders in the background.",
     "Fetch the status later.", None),
    ("090003", "EBICS_AUTHORISATION_ORDER_IDENTIFIER_FAILED", "This user may not do that.",
     "The bank has not given the user this right.", _RIGHTS, Fault.RIGHTS),
    ("090004", "EBICS_INVALID_ORDER_DATA_FORMAT", "The bank could not read the order data.",
     "They do not have the form this kind of order needs, or were damaged.", "Check the file, then send it again.",
     Fault.INPUT),
    (NO_DATA, "EBICS_NO_DOWNLOAD_DATA_AVAILABLE", "There is nothing to fetch.", "Nothing new has arrived.",
     "Try again later.", None),
    ("090006", "EBICS_UNSUPPORTED_REQUEST_FOR_ORDER_INSTANCE", "The bank cannot do that with this order.",
     "It does not keep what is asked for of orders of this kind.", _ASK, Fault.BANK),
    ("091001", "EBICS_DOWNLOAD_SIGNED_ONLY", "The bank gives these data only with its signature.",
     "It is set up so for this customer; EBICS only plans signatures of banks.", _ASK, Fault.BANK),
    ("091105", "EBICS_RECOVERY_NOT_SUPPORTED", "The bank cannot continue a broken transaction.",
     "Recovery is optional in EBICS and this bank left it out.", _RESEND, Fault.LINE),
    ("091111", "EBICS_INVALID_SIGNATURE_FILE_FORMAT", "The bank could not read the signatures.",
     "They are missing, damaged, or in a form it does not take.", "Sign again and send again.", Fault.PROGRAM),
    ("091114", "EBICS_ORDERID_UNKNOWN", "The bank knows no such waiting order.",
     "It was completed, cancelled, or never was there.", "Refresh the list of waiting orders.", Fault.STEP),
    ("091115", "EBICS_ORDERID_ALREADY_FINAL", "The order is completed and can no longer be changed.",
     "Somebody else signed or cancelled it first.", "Refresh the list of waiting orders.", Fault.STEP),
    ("091116", "EBICS_PROCESSING_ERROR", "The bank could not process the order.",
     "Something in it or in the bank's own processing failed.", _ASK, Fault.BANK),
    ("091201", "EBICS_KEYMGMT_UNSUPPORTED_VERSION_SIGNATURE", "The bank does not take this version of signature key.",
     "It wants A005 where A006 was sent, or the other way round.", _ASK, Fault.BANK),
    ("091202", "EBICS_KEYMGMT_UNSUPPORTED_VERSION_AUTHENTICATION",
     "The bank does not take this version of authentication key.", "It does not take X002.", _ASK, Fault.BANK),
    ("091203", "EBICS_KEYMGMT_UNSUPPORTED_VERSION_ENCRYPTION",
     "The bank does not take this version of encryption key.", "It does not take E002.", _ASK, Fault.BANK),
    ("091204", "EBICS_KEYMGMT_KEYLENGTH_ERROR_SIGNATURE", "The signature key is too short or too long.",
     "The bank takes keys of other lengths.", _NEWKEYS, Fault.INPUT),
    ("091205", "EBICS_KEYMGMT_KEYLENGTH_ERROR_AUTHENTICATION", "The authentication key is too short or too long.",
     "The bank takes keys of other lengths.", _NEWKEYS, Fault.INPUT),
    ("091206", "EBICS_KEYMGMT_KEYLENGTH_ERROR_ENCRYPTION", "The encryption key is too short or too long.",
     "The bank takes keys of other lengths.", _NEWKEYS, Fault.INPUT),
    ("091207", "EBICS_KEYMGMT_NO_X509_SUPPORT", "The bank does not take certificates.",
     "It keeps bare keys in EBICS 2.5.", "Connect again with certificates=False.", Fault.INPUT),
    ("091208", "EBICS_X509_CERTIFICATE_EXPIRED", "A certificate has expired.", "The time it was issued for is over.",
     _NEWKEYS, Fault.INPUT),
    ("091209", "EBICS_X509_CERTIFICATE_NOT_VALID_YET", "A certificate is not yet valid.",
     "This machine's clock may be wrong.", "Check the clock. " + _NEWKEYS, Fault.MACHINE),
    ("091210", "EBICS_X509_WRONG_KEY_USAGE", "A certificate is for another use.",
     "Its issuer did not allow it for signing, for authentication or for encryption.", _NEWKEYS, Fault.INPUT),
    ("091211", "EBICS_X509_WRONG_ALGORITHM", "A certificate uses an algorithm the bank does not take.",
     "EBICS takes RSA and SHA-256.", _NEWKEYS, Fault.INPUT),
    ("091212", "EBICS_X509_INVALID_THUMBPRINT", "A certificate's fingerprint does not fit.",
     "It is another certificate than the one that was announced.", _NEWKEYS, Fault.INPUT),
    ("091213", "EBICS_X509_CTL_INVALID", "The bank's list of trusted authorities is not valid.",
     "It is out of date at the bank.", _ASK, Fault.BANK),
    ("091214", "EBICS_X509_UNKNOWN_CERTIFICATE_AUTHORITY", "The bank does not know who issued the certificate.",
     "The authority is not on the bank's list.", "Ask the bank whose certificates it takes.", Fault.INPUT),
    ("091215", "EBICS_X509_INVALID_POLICY", "The certificate's policy is not accepted.",
     "It was issued under rules this bank does not take.", "Ask the bank whose certificates it takes.", Fault.INPUT),
    ("091216", "EBICS_X509_INVALID_BASIC_CONSTRAINTS", "The certificate's constraints are not accepted.",
     "It is one of an authority, or of an unknown kind.", _NEWKEYS, Fault.INPUT),
    ("091217", "EBICS_ONLY_X509_SUPPORT", "The bank takes keys only inside certificates.",
     "Bare keys were sent, as EBICS 2.5 allows.", "Connect again with certificates=True.", Fault.INPUT),
    ("091218", "EBICS_KEYMGMT_DUPLICATE_KEY", "The signature key must differ from the other keys.",
     "The same key was sent for two uses.", _NEWKEYS, Fault.INPUT),
    ("091219", "EBICS_CERTIFICATES_VALIDATION_ERROR", "A certificate could not be checked.",
     "It is damaged, or its chain is not whole.", _NEWKEYS, Fault.INPUT),
    ("091301", "EBICS_SIGNATURE_VERIFICATION_FAILED", "A signature does not fit the order.",
     "The order was changed after it was signed, or another key signed it.",
     "Cancel the order, make it anew and sign it with the key the bank has now.", Fault.INPUT),
    ("091302", "EBICS_ACCOUNT_AUTHORISATION_FAILED", "The user may not use this account.",
     "The bank has not given the user a right to it.", _RIGHTS, Fault.RIGHTS),
    ("091303", "EBICS_AMOUNT_CHECK_FAILED", "The amount is above what the signers may sign.",
     "The bank bounds what each user may sign.", "Let a user with a higher limit sign.", Fault.RIGHTS),
    ("091304", "EBICS_SIGNER_UNKNOWN", "The bank does not know one of the signers.",
     "A user who is not one of this customer's signed.", "Let a user sign whom the bank knows.", Fault.INPUT),
    ("091305", "EBICS_INVALID_SIGNER_STATE", "One of the signers is not active at the bank.",
     "The signer was not activated yet, or is locked.",
     "Let an active user sign, or ask the bank to activate the signer.", Fault.ACCESS),
    ("091306", "EBICS_DUPLICATE_SIGNATURE", "The same user signed twice.", "Two signatures of one user count as one.",
     "Let another user sign.", Fault.INPUT),
)  # fmt: skip

CODES: dict[str, ReturnCode] = {
    **{row[0]: ReturnCode(row[0], row[1], "technical", *row[2:]) for row in _TECHNICAL},
    **{row[0]: ReturnCode(row[0], row[1], "business", *row[2:]) for row in _BUSINESS},
}


#: What the first two digits of a code say (spec 3.0.2, Annex 1): of codes that stand in no table too.
_CLASSES = {"00": "an information", "01": "a note", "03": "a warning", "06": "an error", "09": "an error"}


def lookup(code: str) -> ReturnCode:
    """What ``code`` means; a code that is in no table gets a row that says so."""
    kind = _CLASSES.get(code[:2], "nothing it should")
    return CODES.get(code) or ReturnCode(
        code,
        "UNKNOWN",
        "technical",
        "The bank answered with a code that EBICS does not define.",
        f"It is the bank's own; by its first digits it is {kind}.",
        _ASK,
        Fault.BANK,
    )
