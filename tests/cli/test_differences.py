"""Differences: sizes, dates and values as people read them, whatever the Hub says."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.cli.differences import (
    MOST_WORDS,
    changed,
    day,
    difference_record,
    in_words,
    of_way,
    size,
    taken,
)
from resilient_infer.lock.answers import HubCommit
from resilient_infer.lock.diff import diff_entries
from resilient_infer.lock.locked import LockEntry
from resilient_infer.lock.way import Content, Course, Steps, Way

from .hostile import SECRETS
from .test_pull_request import NEW, OLD, pin

SIZES = {
    None: "?",
    0: "0 B",
    999: "999 B",
    1_000: "1.0 kB",
    9_949: "9.9 kB",
    9_950: "10 kB",
    999_499: "999 kB",
    999_500: "1.0 MB",
    267_832_558: "268 MB",
    5 * 10**9: "5.0 GB",
    10**24: "1000000000 PB",
}


@pytest.mark.parametrize(("count", "words"), SIZES.items(), ids=map(str, SIZES))
def test_sizes_are_shown_as_the_hub_shows_them(count: int | None, words: str) -> None:
    """Decimal units, two or three digits."""
    assert size(count) == words


@given(count=st.integers(0, 10**17))
def test_a_size_is_never_far_from_what_it_is(count: int) -> None:
    """Within a twentieth, and in few letters."""
    number, unit = size(count).split()

    assert len(size(count)) <= 7
    told = float(number) * 1000 ** ["B", "kB", "MB", "GB", "TB", "PB"].index(unit)
    assert math.isclose(told, count, rel_tol=0.051)


@pytest.mark.parametrize("moment", [1e300, -1e300, math.inf, math.nan, 1e15])
def test_a_date_that_is_none_stops_nothing(moment: float) -> None:
    """Commits are dated by whoever makes them."""
    assert day(moment) == "?"
    assert day(0.0) == "1970-01-01"


def test_values_are_words() -> None:
    """Of a long list the beginning, and how many more."""
    labels = tuple(f"L{number}" for number in range(MOST_WORDS + 1_000))

    assert in_words(None) == "not known"
    assert in_words(131_072) == "131,072"
    assert in_words(("A", "B")) == "A, B"
    assert in_words(labels).endswith(f"L{MOST_WORDS - 1} and 1,000 more")


DATED, DATELESS = (HubCommit(commit=NEW, at=at, title="") for at in (9e4, None))
STEPS = {
    "+1 commit since 1970-01-02": Steps(course=Course.AHEAD, commits=(DATED,)),
    "+1 commit": Steps(course=Course.AHEAD, commits=(DATELESS,)),
    "1 commit back": Steps(course=Course.BACK, commits=(DATED,)),
    "more commits than were looked at": Steps(course=Course.UNKNOWN),
}


@pytest.mark.parametrize("words", STEPS)
def test_the_way_is_told_in_a_sentence(words: str) -> None:
    """How the one came from the other, and what differs as far as that is known."""
    steps = STEPS[words]

    assert taken(steps) == words
    assert list(of_way(Way(steps=steps, content=None))) == [f"{words}: which files differ is not known"]
    same = Way(steps=steps, content=Content(files=(), before=1, after=1))
    assert list(of_way(same)) == [f"{words}: the same files"]
    assert changed(Way(steps=None, content=None, gone=True)).endswith("the old commit is gone")


def test_the_record_holds_no_token() -> None:
    """Whatever was written into a label, a license or the title of a commit."""
    for secret in SECRETS:
        before = LockEntry(alias="a", task="t", pins=(pin(OLD, "main", "mit", ("x",)),), file="l")
        after = LockEntry(alias="a", task="t", pins=(pin(NEW, "main", secret, (secret,)),), file="l")
        diff = diff_entries("a", before, after)
        assert diff is not None
        stretch = diff.pins[0].stretch
        assert stretch is not None
        steps = Steps(course=Course.AHEAD, commits=(HubCommit(commit=NEW, at=None, title=secret),))

        record = difference_record(diff, {stretch: Way(steps=steps, content=None)}, None)

        assert secret not in json.dumps(record)
