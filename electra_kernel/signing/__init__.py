"""Signing: keys under a password today. Chipcards and phones join as further signers. No protocol and no I/O beyond key bytes."""
