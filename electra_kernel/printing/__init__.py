"""PDFs of orders, statements and letters, typeset by typst.

What may live here: what goes on the paper (one file a kind of paper) and how it looks (``templates``). Texts reach the
typesetter as data, so that nothing in them can become markup. The same input gives the same bytes.
"""

from electra_kernel.printing.letters import Letter, LetterKey, check_language, languages, letter_html, letter_pdf
from electra_kernel.printing.orders import order_pdf
from electra_kernel.printing.statements import statement_pdf

__all__ = [
    "Letter",
    "LetterKey",
    "check_language",
    "languages",
    "letter_html",
    "letter_pdf",
    "order_pdf",
    "statement_pdf",
]
