"""A connection's initialisation letter in the language and on the medium that is wanted. What it says is in ``printing``."""

from __future__ import annotations

from datetime import datetime

from electra_kernel.ebics.desk import KeyUse
from electra_kernel.ebics.keys import bare
from electra_kernel.ebics.version import EbicsVersion
from electra_kernel.printing import Letter, LetterKey, letter_html, letter_pdf
from electra_kernel.store import ConnectionRecord
from electra_kernel.vocabulary.errors import ElectraError

#: What a letter is written as.
FORMATS = ("pdf", "html")


def sent_form(certificate: bytes, *, by_numbers: bool) -> bytes:
    """A key as it is sent to the bank: with its certificate, or the bare one."""
    return bare(certificate) if by_numbers else certificate


def letter_of(
    record: ConnectionRecord, version: EbicsVersion, *, by_numbers: bool, sent: datetime, language: str, form: str
) -> bytes:
    """The letter for the keys of a connection.

    Args:
        version: of EBICS, in which they were sent.
        by_numbers: whether the keys travel without certificates (EBICS 2.5).
        sent: aware moment at which the keys were sent.
        language: ``en``, ``de``, ``fr`` or ``hu``.
        form: ``pdf`` or ``html``.

    Raises:
        ElectraError: there are no keys yet, or the language or the form is not there.
    """
    if not record.certificates:
        raise ElectraError(
            f"The connection {record.name!r} has no keys yet.", repair="Create them: connection.initialise()."
        )
    if form not in FORMATS:
        raise ElectraError(f"Letters are not written as {form!r}.", repair=f"Choose one of: {', '.join(FORMATS)}.")
    versions = (
        (KeyUse.SIGNATURE, record.signature_version),
        (KeyUse.AUTHENTICATION, version.authentication),
        (KeyUse.ENCRYPTION, version.encryption),
    )
    letter = Letter(
        bank="",
        host_id=record.host,
        partner_id=record.partner,
        user_id=record.user,
        user_name="",
        ebics_version=version.protocol,
        sent=sent,
        keys=tuple(
            LetterKey(version=scheme, certificate=sent_form(record.certificates[use], by_numbers=by_numbers))
            for use, scheme in versions
        ),
        language=language,
    )
    return letter_pdf(letter) if form == "pdf" else letter_html(letter).encode()
