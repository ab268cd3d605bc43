"""Words every room shares: money, dates and calendars, accounts, parties, errors, safe text and XML.

Nothing here knows of orders, statements, banks or files.
"""
