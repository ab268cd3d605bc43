"""Tests in a real browser: slower, and run by ``make browser``."""
