"""Fuzzing of both sides of EBICS and of the readers of bank files: `make fuzz` runs a long campaign, the tests here a short one and the defects it found."""
