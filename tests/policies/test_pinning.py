"""Pinning: no claim without 40 hex digits, and none that the comparison does not carry."""

from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.target import Pin, Target
from resilient_infer.policies.pinning import commit_in, differs, strength

COMMITS = st.text("0123456789abcdef", min_size=40, max_size=40)
ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(),
    st.text("0123456789abcdefABCDEF", max_size=64),
    st.sampled_from(["main", "refs/pr/1", "3f9c2ab", "null", "", "default"]),
    st.lists(st.integers()),
)


@given(said=ANYTHING)
def test_only_a_full_commit_says_anything(said: object) -> None:
    """A null, a branch name or an absent field is "not attested", never "ok"."""
    commit = commit_in(said)

    assert (commit is not None) == (
        isinstance(said, str) and len(said) == 40 and all(sign in "0123456789abcdefABCDEF" for sign in said)
    )


@given(commit=COMMITS)
def test_capitals_are_the_same_commit(commit: str) -> None:
    assert commit_in(commit.upper()) == commit
    assert commit_in(f"{commit}\n") is None


@given(locked=st.none() | COMMITS, reported=st.none() | COMMITS, enforced=st.booleans(), same=st.booleans())
def test_a_claim_is_never_stronger_than_the_comparison(
    locked: str | None, reported: str | None, enforced: bool, same: bool
) -> None:
    reported = locked if same else reported
    prior = Pin.DECLARED if locked else Pin.VERSIONED
    target = Target(model="org/m", revision=locked, pin=prior)

    pin = strength(target, reported, enforced=enforced)

    if pin in (Pin.ENFORCED, Pin.ATTESTED):
        assert locked is not None
        assert reported == locked
    assert (pin is Pin.ENFORCED) <= enforced
    assert (pin is Pin.FLOATING) == differs(target, reported)
    if reported is None or locked is None:
        assert pin is prior
