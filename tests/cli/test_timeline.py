"""Timeline: attempts as a table."""

from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.cli.render import Ink
from resilient_infer.cli.timeline import duration, timeline
from resilient_infer.core.attempt import AttemptRecord
from resilient_infer.core.outcome import FailureKind

OUTCOMES = ["success", "skipped", *(kind.value for kind in FailureKind)]
RECORDS = st.builds(
    AttemptRecord,
    number=st.integers(0, 99),
    model=st.none(),
    revision=st.none(),
    route=st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1, max_size=120),
    outcome=st.sampled_from(OUTCOMES),
    reason=st.text(st.characters(codec="ascii"), max_size=200).map(lambda text: " ".join(text.split())),
    started=st.floats(0, 999),
    elapsed=st.floats(0, 999),
    status=st.none() | st.integers(100, 599),
)


@given(records=st.lists(RECORDS, max_size=5), width=st.integers(60, 120))
def test_a_timeline_fits_the_terminal_and_shows_each_attempt(
    records: list[AttemptRecord], width: int
) -> None:
    """A line for each record, no line too wide; only a word without a break may stick out."""
    lines = timeline(records, Ink(colour=False, unicode=True, width=width))
    rows = [line for line in lines[1:] if line[:25].strip()]

    assert len(rows) == len(records)
    assert all(len(line) <= width or " " not in line.strip() for line in lines)


@given(records=st.lists(RECORDS, min_size=1, max_size=5))
def test_a_log_gets_every_route_in_full(records: list[AttemptRecord]) -> None:
    """Where no terminal limits the width, nothing is shortened."""
    text = "\n".join(timeline(records, Ink(colour=False, unicode=True, width=None)))

    assert all(record.route in text for record in records)


@given(seconds=st.floats(0, 99_999))
def test_durations_are_short(seconds: float) -> None:
    """Digits that matter, and the unit."""
    shown = duration(seconds)

    number, unit = shown.split()

    assert len(shown) <= 7
    assert abs(float(number) * (0.001 if unit == "ms" else 1) - seconds) <= max(0.000_05, 0.06 * seconds)


def test_no_attempts_make_no_table() -> None:
    """Nothing was tried, so nothing is told."""
    assert timeline((), Ink(colour=False, unicode=True, width=80)) == []
