"""Write the fault traces: `python tests/bench/make_traces.py`.

Run once; its files are in the repo, and the benchmark reads the files. A trace
says what goes wrong at which target from when to when, and nothing about the
policy under test.
"""

import json
from pathlib import Path

TRACES = Path(__file__).parent / "traces"

FAULT = (30, 90)
ARRIVALS = {"process": "poisson", "per_second": 50, "seconds": 120}
SEEDS = [1, 2, 3]
LATENCY = {"A": {"p50": 0.2, "p99": 0.6}, "B": {"p50": 0.3, "p99": 0.9}}

QUICK = 0.002
"""Seconds until a connection is refused."""

SHORT = 0.02
"""Seconds until a server that does no work has said so."""


def fault(
    kind: str, *, p: float = 1.0, span: tuple[float, float] = FAULT, **rest: float
) -> dict[str, object]:
    """One thing that goes wrong: with probability `p`, for requests sent in `span`."""
    return {"from": span[0], "to": span[1], "kind": kind, "p": p, **rest}


def trace(
    title: str,
    *,
    a: list[dict[str, object]],
    b: list[dict[str, object]] | None = None,
    span: tuple[float, float] = FAULT,
    **rest: object,
) -> dict[str, object]:
    """A trace over the two targets; `span` is the window whose calls are measured."""
    return {
        "title": title,
        "seeds": SEEDS,
        "arrivals": ARRIVALS,
        "deadline": 5,
        "measured": list(span),
        "targets": {"A": {**LATENCY["A"], "faults": a}, "B": {**LATENCY["B"], "faults": b or []}},
        **rest,
    }


def all_traces() -> dict[str, dict[str, object]]:
    """Every trace by its file's name."""
    refused = [fault("refused", seconds=QUICK)]
    brown_out = [fault("server error", p=0.3, seconds=SHORT, status=500)]
    return {
        "s01_down": trace("A down, refused", a=refused),
        "s02_brown_out": trace("brown-out, 30 % 5xx", a=brown_out),
        "s03_slow": trace("A slow x20", a=[fault("slow", factor=20)]),
        "s05_throttled": trace(
            "429, Retry-After 20", a=[fault("throttled", seconds=SHORT, status=429, advice=20)]
        ),
        "s06_cut": trace("reset mid-body, truncated", a=[fault("reset", p=0.1), fault("truncated", p=0.1)]),
        "s07_hang": trace("A hangs or drips", a=[fault("hang", p=0.5), fault("drip", p=0.5, seconds=60)]),
        "s08_flapping": trace(
            "A flaps, 5 s down, 5 s up",
            a=[fault("refused", span=(start, start + 5), seconds=QUICK) for start in range(30, 90, 10)],
        ),
        "s10_cold_start": trace(
            "503, estimated_time 20",
            a=[fault("loading", span=(30, 50), seconds=SHORT, status=503, advice=20)],
        ),
        "s11_outage": trace("total outage", a=refused, b=refused),
        "s12_refusals": trace("422 storm", a=[fault("bad request", seconds=SHORT, status=422)]),
        # To the end: a bucket that has filled up again would hide a token that was lost.
        "s13_cancels": trace(
            "10 % cancelled, brown-out",
            a=[fault("server error", p=0.3, span=(30, 120), seconds=SHORT, status=500)],
            span=(30, 120),
            cancels={"p": 0.1, "within": 0.6},
        ),
    }


def main() -> None:
    """Write one file a trace."""
    TRACES.mkdir(exist_ok=True)
    for name, content in all_traces().items():
        (TRACES / f"{name}.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
