"""Destination: which commit a pin goes to, and that `--min-age` takes none too young, foreign or older."""

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from resilient_infer.lock.answers import HubCommit, HubFault, HubFaultKind
from resilient_infer.lock.destination import Going, MinAge, destination, settled
from resilient_infer.lock.findings import Said
from resilient_infer.lock.lockfile import LockedModel
from tests.lock.fake_hub import UNTOLD, FakeHub, FakeRepo, fault

NAME = "acme/one"
DAY = 86_400.0
NOW = 1_000 * DAY
WEEK = MinAge(made_by=NOW - 7 * DAY, words="7d")

AGES = st.one_of(st.none(), st.floats(-3, 30), st.sampled_from([7.0, 0.0, 6.999, 7.001]))


def repo_of(ages: Sequence[float | None]) -> tuple[FakeHub, FakeRepo, list[str]]:
    """A repo whose commits are so many days old, oldest first; None: without a date."""
    hub = FakeHub()
    repo = hub.create(NAME)
    commits = [repo.head]
    commits += [repo.push({"README.md": b"%d" % number}) for number in range(1, len(ages))]
    repo.dates |= {
        commit: NOW - age * DAY for commit, age in zip(commits, ages, strict=True) if age is not None
    }
    return hub, repo, commits


def pin_at(commit: str, requested: str = "main") -> LockedModel:
    return LockedModel(model=NAME, requested=requested, revision=commit, weights={"model.safetensors": "x"})


def made(ages: Sequence[float | None]) -> list[float]:
    """When each commit was made at the earliest: no earlier than what it was made on top of."""
    dates = [NOW - age * DAY if age is not None else float("inf") for age in ages]
    return list(itertools.accumulate(dates, max))


@given(ages=st.lists(AGES, min_size=1, max_size=8), at=st.integers(0, 7))
@example(ages=[30.0, 20.0, 10.0, 1.0], at=0)
@example(ages=[30.0, 1.0, 29.0], at=0)
def test_min_age_takes_the_newest_commit_that_is_old_enough(ages: list[float | None], at: int) -> None:
    """Of those after the pin; a commit that claims to be older than its parent is as young as that."""
    at = min(at, len(ages) - 1)
    hub, _, commits = repo_of(ages)

    going = destination(hub, NAME, "main", pin_at(commits[at]), WEEK)

    assert isinstance(going, Going)
    # The pin counts among what a commit was made on top of, and what came before the pin does not.
    since = made(ages[at:])
    fit = [at + number for number, moment in enumerate(since) if moment <= WEEK.made_by and number > 0]
    assert going.commit == (commits[fit[-1]] if fit else None)


@given(ages=st.lists(AGES, min_size=1, max_size=8))
def test_min_age_holds_for_what_is_locked_for_the_first_time(ages: list[float | None]) -> None:
    """Or it is not locked at all."""
    hub, _, commits = repo_of(ages)

    going = destination(hub, NAME, "main", None, WEEK)

    fit = [number for number, moment in enumerate(made(ages)) if moment <= WEEK.made_by]
    if fit:
        assert isinstance(going, Going)
        assert going.commit == commits[fit[-1]]
    else:
        assert isinstance(going, Said)
        assert going.code == "RI101"


@given(
    ages=st.lists(AGES, min_size=1, max_size=6),
    fresh=st.lists(AGES, min_size=1, max_size=6),
    forget=st.booleans(),
)
def test_min_age_never_goes_to_an_older_commit_after_a_rewrite(
    ages: list[float | None], fresh: list[float | None], forget: bool
) -> None:
    """A history that does not lead to the pin: only to what is dated after it, and old enough."""
    hub, repo, commits = repo_of(ages)
    pin = commits[-1]
    if forget:
        del repo.commits[pin]
    del repo.refs["main"]
    others = [
        repo.push({"README.md": b"new %d" % number, "model.safetensors": b"x"})
        for number in range(len(fresh))
    ]
    repo.dates |= {
        commit: NOW - age * DAY for commit, age in zip(others, fresh, strict=True) if age is not None
    }

    going = destination(hub, NAME, "main", pin_at(pin), WEEK)

    assert isinstance(going, Going)
    if going.commit is None:
        assert going.notes
    else:
        assert not forget
        assert going.commit in others
        assert repo.dates[pin] <= repo.dates[going.commit] <= WEEK.made_by


def test_without_an_age_it_is_the_head() -> None:
    """However young, and also after a rewrite."""
    hub, repo, commits = repo_of([30.0, 0.0])

    assert destination(hub, NAME, "main", pin_at(commits[0]), None) == Going(commit=commits[1])
    assert destination(hub, NAME, "main", pin_at(commits[1]), None) == Going()
    assert hub.asked_for("history") == 0
    repo.squash()
    assert destination(hub, NAME, "main", pin_at(commits[1]), None) == Going(commit=repo.head)


def test_what_stays_and_what_is_passed_over_is_said() -> None:
    """With the commit of the branch, its date and the age that was asked for."""
    hub, repo, commits = repo_of([30.0, 10.0, 1.0])

    stays = destination(hub, NAME, "main", pin_at(commits[1]), WEEK)
    goes = destination(hub, NAME, "main", pin_at(commits[0]), WEEK)

    assert isinstance(stays, Going)
    assert isinstance(goes, Going)
    head = repo.head[:12]
    [stayed], [passed] = stays.notes, goes.notes
    where = f"main is at {head} of 1972-09-26 00:00 UTC"
    assert stayed == f"{NAME} stays at {commits[1][:12]}: {where}, and no commit since is 7d old"
    assert passed == f"1 newer commit is not taken: {where}, --min-age is 7d"


def test_a_file_that_is_gone_at_the_head_does_not_hide_the_head() -> None:
    """The weights have another name now; the API is asked."""
    hub, repo, commits = repo_of([30.0])
    new = repo.push({"model.safetensors": None, "pytorch_model.bin": b"w"})

    assert destination(hub, NAME, "main", pin_at(commits[0]), None) == Going(commit=new)


@pytest.mark.parametrize("min_age", [None, WEEK], ids=["any", "7d"])
@pytest.mark.parametrize("kind", HubFaultKind)
def test_what_the_hub_does_not_tell_is_no_destination(kind: HubFaultKind, min_age: MinAge | None) -> None:
    """Whichever question it is that it does not answer."""
    hub, _, commits = repo_of([30.0, 20.0])
    code = "RI900" if kind in (HubFaultKind.UNTOLD, HubFaultKind.DENIED) else None

    for silent in ("head", "model", "history"):

        def trouble(method: str, repo: str, revision: str | None, silent: str = silent) -> HubFault | None:
            return fault(kind) if method == silent else None

        hub.trouble = trouble
        going = destination(hub, NAME, "main", pin_at(commits[0]), min_age)
        if isinstance(going, Said):
            assert code in (None, going.code)
        else:
            assert going.commit == commits[1]
            assert silent != "head" or kind is HubFaultKind.FILE_GONE
            assert silent != "history" or min_age is None


def test_a_hub_that_fades_while_a_rewrite_is_looked_at_moves_nothing() -> None:
    """The date of the pin is not told."""
    hub, repo, commits = repo_of([30.0])
    new = repo.squash(forget=False)
    repo.dates[new] = NOW - 20 * DAY
    hub.trouble = lambda method, name, revision: UNTOLD if revision == commits[0] else None

    going = destination(hub, NAME, "main", pin_at(commits[0]), WEEK)

    assert isinstance(going, Said)
    assert going.code == "RI900"


@given(ages=st.lists(AGES, max_size=10))
def test_no_date_makes_a_commit_older_than_what_it_was_made_on(ages: list[float | None]) -> None:
    """The newest first, as histories are."""
    commits = [
        HubCommit(commit=str(number), at=None if age is None else NOW - age * DAY, title="")
        for number, age in enumerate(ages)
    ]

    found = settled(commits[::-1], WEEK)

    fit = [number for number, moment in enumerate(made(ages)) if moment <= WEEK.made_by]
    assert found == (commits[fit[-1]] if fit else None)
