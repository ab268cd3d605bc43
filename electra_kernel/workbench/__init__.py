"""What a user does: connect, import, check, sign, send, fetch, print."""
