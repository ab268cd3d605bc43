"""Fuzzing of both sides of EBICS: `make fuzz` runs a long campaign, the tests here a short one and the defects it found."""
