"""Codecs: one file a protocol, pure, registered by (kind, task)."""
