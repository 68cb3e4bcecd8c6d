"""Testimonies: what the servers of Hugging Face may say of themselves."""

from dataclasses import replace

from hypothesis import strategies as st

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.testimony import Limits, Testimony
from resilient_infer.providers.base import Attesting
from tests.providers.family import LOCKED
from tests.providers.samples import JSON, LATIN, order

_NAMES = (
    *("model_id", "model_sha", "sha", "revision", "max_total_tokens", "max_input_tokens", "max_input_length"),
    *("model", "repository", "image", "custom", "max_client_batch_size"),
    *("status", "state", "readyReplica", "targetReplica"),
)
_VALUES = st.sampled_from([LOCKED, LOCKED.upper(), "main", "running", "updating", "/data", 0, 1, 2, -1, True])

FACTS = st.recursive(
    JSON | _VALUES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES) | LATIN, inner, max_size=6)
    ),
    max_leaves=15,
)
"""Any JSON, leaning towards the words of `/info` and of the API that manages endpoints."""


def after_limits(attempt: Attempt, *, inputs: int | None) -> Attempt:
    """The attempt as it is once the server has told how many inputs it takes."""
    return replace(attempt, testimony=Testimony(limits=Limits(inputs=inputs), until=60.0))


def check_any_facts(codec: Attesting, kind: str, task: str, body: object) -> None:
    """Whatever a server says of itself: a full commit in lower case or None, and maxima above 0 or None."""
    commit = codec.reported_commit(order(kind, task), body)  # type: ignore[arg-type]  # any JSON, and more
    limits = codec.limits(body)  # type: ignore[arg-type]  # any JSON, and more

    assert commit is None or (len(commit) == 40 and set(commit) <= set("0123456789abcdef"))
    assert isinstance(limits, Limits)
    for most in (limits.inputs, limits.context):
        assert most is None or (type(most) is int and most > 0)
