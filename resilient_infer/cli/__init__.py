"""The command resilient-infer: one file a command; parse, call the library, render."""
