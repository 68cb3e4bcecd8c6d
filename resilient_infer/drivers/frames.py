"""Frames: what an error must not carry out of the library."""

from resilient_infer.errors import ResilientInferError


def forget_frames(error: ResilientInferError) -> None:
    """Take from an error the frames it came from; it says all there is to know by itself.

    They hold keys, URLs and the payload, and there are tools that print the variables of a traceback.
    """
    error.__traceback__ = None
    if error.__suppress_context__:  # otherwise it is the caller's own
        error.__context__ = None
