"""Family: attempts on servers that speak OpenAI's protocol, and what such servers may answer."""

from collections.abc import Mapping
from dataclasses import replace

from hypothesis import strategies as st

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.outcome import Failure, FailureKind, Success
from resilient_infer.core.testimony import Limits, Testimony
from resilient_infer.providers.base import Attesting, Codec
from tests.providers.samples import JSON, LATIN, TOKEN, answer, order

LOCKED = "0" * 40
OTHER = "f" * 40
NO_COMMIT: tuple[object, ...] = (
    *(None, "", "main", "v1.0", "refs/pr/3", "0" * 39, "0" * 41, "0000000", "g" * 40, f" {LOCKED}"),
    *(True, 0, 1.5, 10**39, [], [LOCKED], {}, {"sha": LOCKED}),
)
"""What a server may say of its commit that is no full commit."""

NAMES = (
    *("data", "id", "parent", "root", "max_model_len", "weight_version", "revision", "model_path"),
    *("context_length", "metadata", "default_generation_settings", "n_ctx", "choices", "finish_reason"),
    *("text", "index", "message", "content", "embedding", "model", "usage"),
)
VALUES = st.sampled_from(
    [
        *(
            LOCKED,
            OTHER,
            "org/model",
            f"org/model@{LOCKED}",
            f"org/model@{OTHER}",
            "org/model@main",
            "default",
        ),
        *(f"/hub/models--o--m/snapshots/{LOCKED}/m.gguf", "stop", "abort", 0, -1, 4096),
    ]
)
BODIES = st.recursive(
    JSON | VALUES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | LATIN, inner, max_size=5)
    ),
    max_leaves=15,
)
"""Any JSON, leaning towards the words of the family."""


def ordered(
    kind: str,
    task: str,
    payload: object = None,
    *,
    name: str = "org/model",
    revision: str | None = LOCKED,
    said: str | None = None,
    url: str = "https://example.test/v1",
    secret: str = TOKEN,
) -> Attempt:
    """An attempt on a route called `name`; `said` is the commit that its server has told before."""
    attempt = order(kind, task, payload, url=url, secret=secret)
    return replace(
        attempt,
        route=replace(attempt.route, name=name),
        revision=revision,
        testimony=None if said is None else Testimony(commit=said, until=60.0),
    )


def completion(*texts: object, finish: object = "stop", **more: object) -> dict[str, object]:
    """An answer with a choice for each text."""
    choices = [
        {
            "index": index,
            "text": text,
            "message": {"role": "assistant", "content": text},
            "finish_reason": finish,
        }
        for index, text in enumerate(texts)
    ]
    return {"choices": choices, **more}


def success(
    codec: Codec, attempt: Attempt, body: object, headers: Mapping[str, str] | None = None
) -> Success:
    """What an answer is read as, which has to be a success."""
    outcome = codec.parse(attempt, answer(body, headers=headers))
    assert isinstance(outcome, Success), outcome
    return outcome


def failure(codec: Codec, attempt: Attempt, body: object, status: int = 200) -> FailureKind:
    """The kind of failure that an answer is read as."""
    outcome = codec.parse(attempt, answer(body, status))
    assert isinstance(outcome, Failure), outcome
    return outcome.kind


def check_any_identity(codec: Attesting, attempt: Attempt, body: object) -> None:
    """Whatever a server says of itself: a full commit or None, and maxima above 0 or None."""
    commit = codec.reported_commit(attempt, body)  # type: ignore[arg-type]  # any JSON, and more
    limits = codec.limits(body)  # type: ignore[arg-type]  # any JSON, and more

    assert commit is None or (len(commit) == 40 and set(commit) <= set("0123456789abcdef"))
    assert isinstance(limits, Limits)
    assert limits.context is None or (type(limits.context) is int and limits.context > 0)
    assert limits.inputs is None
