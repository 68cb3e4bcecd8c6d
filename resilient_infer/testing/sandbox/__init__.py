"""Inference servers on this machine that answer like the real ones and fail on demand.

    from resilient_infer.testing.sandbox import Hang, Sandbox, Status

    with Sandbox() as sandbox:
        server = sandbox.serve("hf-inference")
        server.fail(Status(code=503), attempts=1)
        ...
        assert [request.attempt for request in server.requests] == [1, 2]

A self-hosted server says which commit it runs as the real one does, or as it is told to:

    server = sandbox.serve("tgi", reports="main")  # a branch; None: nothing; 40 hex: another commit
    server.move(model, commit)                     # as after a redeploy

Chat and text generation stream if they are asked to, at the pace they are given, and fail in mid-stream:

    server = Sandbox(scale=0.1).serve("openai")             # each second of a fault lasts 0.1 s
    server.pace(first_token=0.5, between=0.05)
    server.fail(CutStream(share=2 / 3), attempts=1)

`python -m resilient_infer.testing.sandbox` serves one of each kind until Ctrl-C.
"""

from resilient_infer.testing.sandbox.faults import (
    Chunked,
    Close,
    CloseIdle,
    ColdStart,
    CutJson,
    Delay,
    Drip,
    Empty,
    Fault,
    Garbage,
    Hang,
    Huge,
    Page,
    RateLimit,
    Redirect,
    Refused,
    Reset,
    ResetReused,
    Sight,
    Status,
    Unframed,
    WrongShape,
    out_of_credits,
    throttled,
    unavailable,
)
from resilient_infer.testing.sandbox.lockfiles import Served
from resilient_infer.testing.sandbox.models import CATALOGUE, Model, commit_of
from resilient_infer.testing.sandbox.sandbox import Kind, Sandbox
from resilient_infer.testing.sandbox.server import Received, Server
from resilient_infer.testing.sandbox.stream_faults import (
    CutStream,
    FilteredStream,
    KeepAlives,
    LateToken,
    Malformed,
    Newlines,
    NoDone,
    NoFinish,
    NotStreamed,
    NoUsage,
    Shredded,
    Stall,
    StreamError,
)
from resilient_infer.testing.sandbox.wire import Reply

__all__ = [
    "CATALOGUE",
    "Chunked",
    "Close",
    "CloseIdle",
    "ColdStart",
    "CutJson",
    "CutStream",
    "Delay",
    "Drip",
    "Empty",
    "Fault",
    "FilteredStream",
    "Garbage",
    "Hang",
    "Huge",
    "KeepAlives",
    "Kind",
    "LateToken",
    "Malformed",
    "Model",
    "Newlines",
    "NoDone",
    "NoFinish",
    "NoUsage",
    "NotStreamed",
    "Page",
    "RateLimit",
    "Received",
    "Redirect",
    "Refused",
    "Reply",
    "Reset",
    "ResetReused",
    "Sandbox",
    "Served",
    "Server",
    "Shredded",
    "Sight",
    "Stall",
    "Status",
    "StreamError",
    "Unframed",
    "WrongShape",
    "commit_of",
    "out_of_credits",
    "throttled",
    "unavailable",
]
