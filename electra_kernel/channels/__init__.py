"""Channels: how bytes reach the bank. Byte streams only; what the bytes mean is the protocol's business."""
