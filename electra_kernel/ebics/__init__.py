"""EBICS, sans-I/O, both sides: bytes in, bytes and objects out. No socket, file, clock or bank business lives here."""
