"""Story: what became of one call, and what all stories of a run add up to."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

SERVES_AGAIN: Final = 0.9
"""Share of a second's calls answered by A from which A counts as recovered."""


@dataclass(frozen=True, slots=True)
class Story:
    """One call: moments in seconds, the target that answered (None: the call failed), requests by target."""

    call: int
    began: float
    ended: float
    served_by: str | None
    requests: Mapping[str, int]

    @property
    def seconds(self) -> float:
        """From its arrival to its end."""
        return self.ended - self.began


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One run in figures, over the calls that arrived while the trace is measured.

    Attributes:
        ok: Percent answered within the deadline.
        p50: Of all calls, answered or not; ms, like p99, longest and fail_p50.
        amp: Requests sent per call; a_share and b_share are its parts.
        fail_p50: Median time to fail; None if nothing failed.
        rec: Whole seconds after the fault until, of one second's arrivals, A answers 90 %; inf: never.
    """

    calls: int
    ok: float
    p50: float
    p99: float
    longest: float
    amp: float
    a_share: float
    b_share: float
    fail_p50: float | None
    rec: float


def figures(stories: Sequence[Story], *, measured: tuple[float, float], fault_ends: float) -> Figures:
    """What the stories of a run add up to."""
    start, end = measured
    counted = [story for story in stories if start <= story.began < end]
    times = sorted(story.seconds * 1000 for story in counted)
    failed = sorted(story.seconds * 1000 for story in counted if story.served_by is None)
    a_share = sum(story.requests.get("A", 0) for story in counted) / len(counted)
    b_share = sum(story.requests.get("B", 0) for story in counted) / len(counted)
    return Figures(
        calls=len(counted),
        ok=100 * (1 - len(failed) / len(counted)),
        p50=quantile(times, 0.5),
        p99=quantile(times, 0.99),
        longest=times[-1],
        amp=a_share + b_share,
        a_share=a_share,
        b_share=b_share,
        fail_p50=quantile(failed, 0.5) if failed else None,
        rec=recovery(stories, fault_ends),
    )


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all do not exceed (nearest rank)."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def recovery(stories: Sequence[Story], fault_ends: float) -> float:
    """Whole seconds from the fault's end to the first second whose arrivals A answers again."""
    seconds: dict[int, list[bool]] = {}
    for story in stories:
        if story.began >= fault_ends:
            seconds.setdefault(int(story.began - fault_ends), []).append(story.served_by == "A")
    well = [second for second, served in seconds.items() if sum(served) >= SERVES_AGAIN * len(served)]
    return min(well, default=math.inf)
