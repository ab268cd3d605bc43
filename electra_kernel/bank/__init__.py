"""The sandbox bank: a small real bank behind EBICS, for tests, teaching and demonstrations. Loopback only."""
