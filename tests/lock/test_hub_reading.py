"""Reading the Hub: what is not as it should be is nothing, never a wrong something."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.task import Json
from resilient_infer.lock.answers import HubScan
from resilient_infer.lock.hub_reading import commits_of, digest_of, model_of, next_query, refs_of, scans_of
from resilient_infer.lock.reference import is_commit

COMMIT = "0123456789abcdef0123456789abcdef01234567"

MODEL = ("id", "sha", "_id", "siblings", "rfilename", "lfs", "cardData", "license")
REFS = ("branches", "tags", "pullRequests", "name", "ref", "targetCommit")
FILES = ("date", "title", "path", "type", "securityFileStatus", "status")
KEYS = st.sampled_from((*MODEL, *REFS, *FILES))
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text() | st.sampled_from((COMMIT, "file"))
)
ANYTHING = st.recursive(
    LEAVES, lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.one_of(KEYS, st.text()), inner))
)


@given(ANYTHING)
def test_whatever_the_hub_sends_is_read_or_passed_over(sent: Any) -> None:
    """No exception; and what is told are commits and texts."""
    model_of(sent)
    refs = refs_of(sent)
    if refs is not None:
        for named in (refs.branches, refs.tags, refs.requests):
            assert all(is_commit(commit) for commit in named.values())
    commits = commits_of(sent)
    assert commits is None or all(is_commit(commit.commit) for commit in commits)
    scans_of(sent)


@pytest.mark.parametrize(
    ("date", "at"),
    [
        ("2026-01-01T00:00:00.000Z", 1767225600.0),
        ("2026-01-01T01:00:00+01:00", 1767225600.0),
        ("2026-01-01T00:00:00", None),
        ("yesterday", None),
        (1767225600, None),
        (None, None),
    ],
)
def test_a_date_is_a_moment_or_not_told(date: Json, at: float | None) -> None:
    """Never one in the zone of whoever reads it."""
    commits = commits_of([{"id": COMMIT, "title": "A title", "date": date}])

    assert commits is not None
    assert (commits[0].at, commits[0].title) == (at, "A title")


def test_a_history_with_something_else_in_it_is_none() -> None:
    """A commit that cannot be read may be the one that is looked for."""
    assert commits_of([{"id": COMMIT}, {"id": "short"}]) is None
    assert commits_of({"error": "x"}) is None


@pytest.mark.parametrize(
    ("link", "query"),
    [
        ('<https://hub/api/models/a/commits/main?p=1&limit=50>; rel="next"', "p=1&limit=50"),
        ('<https://hub/x?p=0>; rel="prev", <https://evil/y?p=2>; rel="next"', "p=2"),
        ("<https://hub/x?p=1>; rel=next", "p=1"),
        ('<https://hub/x?p=1>; rel="prev"', None),
        ("", None),
    ],
)
def test_only_the_query_of_the_next_page_is_taken(link: str, query: str | None) -> None:
    """A header leads nowhere else."""
    assert next_query(link) == query


def test_a_file_without_a_verdict_is_not_scanned() -> None:
    """Mirrors leave it out; folders have none."""
    told = scans_of(
        [
            {"type": "file", "path": "a.bin", "securityFileStatus": {"status": "unsafe"}},
            {"type": "file", "path": "b.bin", "securityFileStatus": None},
            {"type": "file", "path": "c.bin", "securityFileStatus": {"status": "a word of tomorrow"}},
            {"type": "file", "path": "d.bin"},
            {"type": "directory", "path": "e"},
        ]
    )

    assert told == {
        "a.bin": HubScan.UNSAFE,
        "b.bin": HubScan.UNSCANNED,
        "c.bin": HubScan.UNSCANNED,
        "d.bin": HubScan.UNSCANNED,
    }


@pytest.mark.parametrize(
    ("etag", "digest"),
    [
        (f'"{COMMIT}"', f"git:{COMMIT}"),
        (f'W/"{COMMIT}"', f"git:{COMMIT}"),
        (f'"{"a" * 64}"', f"sha256:{'a' * 64}"),
        ('"something-else"', None),
        ("", None),
    ],
)
def test_a_digest_is_read_from_the_etag(etag: str, digest: str | None) -> None:
    """By its length."""
    assert digest_of(etag) == digest
