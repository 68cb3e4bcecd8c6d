"""The manifest and the lockfile: what may be called, and at which commit."""
