"""text_servers: what TGI and TEI have in common."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.outcome import Failure, FailureKind
from resilient_infer.providers.base import Unfit
from resilient_infer.providers.text_servers import counted, only_here, spoken

KNOWN = frozenset({"top_k", "truncate"})
NOTHING = re.compile(r"(?!)")


@given(st.dictionaries(st.sampled_from(sorted(KNOWN)), st.none() | st.integers()))
def test_what_the_server_knows_is_sent_but_no_null(given_parameters):
    """A field that may not be null is not told from one that may."""
    parameters = spoken("TGI", "chat", given_parameters, KNOWN)

    assert parameters == {name: value for name, value in given_parameters.items() if value is not None}


def test_what_the_server_would_ignore_is_told_with_the_likeliest_name():
    """Every one of them, in order."""
    with pytest.raises(Unfit, match=r"^TEI's chat has no min_p, topk \(did you mean \"top_k\"\?\)$"):
        spoken("TEI", "chat", {"topk": 1, "min_p": 0.5, "truncate": True}, KNOWN)


@given(st.integers(0, 10**12 - 1))
def test_a_count_in_a_header_is_read(count):
    """In whole numbers."""
    assert counted({"x-tokens": str(count)}, "x-tokens") == count


@pytest.mark.parametrize("text", ["", "-1", "1.5", "+3", " 3", "٣", "²", "1_000", "9" * 13, "nan", "0x1"])
def test_what_is_no_count_is_none(text):
    """No garbage becomes a price."""
    assert counted({"x-tokens": text}, "x-tokens") is None
    assert counted({}, "x-tokens") is None


@given(kind=st.sampled_from(FailureKind), status=st.sampled_from([200, 400, 422, 424, 500]))
def test_a_failure_without_its_words_stays_what_it_is(kind, status):
    """The general table has decided."""
    failure = Failure(kind=kind, reason="HTTP 422: no", status=status)

    assert only_here(failure, NOTHING) is failure


@given(kind=st.sampled_from(FailureKind), status=st.sampled_from([413, 422]))
def test_only_a_fault_of_the_request_or_of_the_server_can_be_its_limit(kind, status):
    """A text that is too long, a throttled or an unknown caller are what they are."""
    outcome = only_here(Failure(kind=kind, reason="x", status=status), re.compile("x"))

    limited = kind in (FailureKind.BAD_REQUEST, FailureKind.SERVER_ERROR)
    assert outcome.kind is (FailureKind.UNSUPPORTED if limited else kind)


def test_whatever_is_too_large_for_this_server_may_suit_another():
    """413 without any word, as a proxy in front of it says."""
    failure = Failure(kind=FailureKind.BAD_REQUEST, reason="HTTP 413", status=413)

    assert only_here(failure, NOTHING).kind is FailureKind.UNSUPPORTED
