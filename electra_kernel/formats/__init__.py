"""Bank formats: one file each, reads and writes bytes. No I/O. ``detect`` tells them apart by content."""
