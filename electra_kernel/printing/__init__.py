"""PDFs of orders, statements and letters, typeset by typst."""
