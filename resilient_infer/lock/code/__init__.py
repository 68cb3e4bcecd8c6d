"""Code: the models that a folder of programs uses, read and never run, as the draft of a manifest."""
