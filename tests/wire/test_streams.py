"""Golden streams: the request for an answer piece by piece, and what each recorded stream gives."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from resilient_infer.core.outcome import Success, Usage
from resilient_infer.providers.base import Streaming, Unfit
from resilient_infer.providers.registry import BUILT_IN, codec_for, codecs
from tests.providers.samples import TOKEN
from tests.providers.streaming import head, read, shown
from tests.wire.test_bodies import attempt_of

STREAMS = [
    pytest.param(*path.stem.split("."), case, id=f"{path.stem}: {case['name']}")
    for path in sorted((Path(__file__).parent / "streams").glob("*.json"))
    for case in json.loads(path.read_text("utf-8"))["cases"]
]


@pytest.mark.parametrize(("kind", "task", "case"), STREAMS)
def test_the_request_for_a_stream_is_the_golden_one(kind, task, case):
    """It says that it takes events, and no compression, in which tokens may be held back."""
    attempt = replace(attempt_of(kind, task, case), stream=True)
    request = codec_for(kind, task).build(attempt)
    again = codec_for(kind, task).build(attempt)

    assert request.url == case["url"]
    assert request.body == case["body"].encode()
    assert [list(header) for header in request.call_headers] == case.get("call_headers", [])
    assert request.headers is again.headers
    assert dict(request.headers) == {
        "Accept": "text/event-stream",
        "Accept-Encoding": "identity",
        "Authorization": f"Bearer {TOKEN}",
        "Content-Type": "application/json",
        "User-Agent": dict(request.headers)["User-Agent"],
    }
    whole = codec_for(kind, task).build(replace(attempt, stream=False))
    assert dict(whole.headers)["Accept"] == "application/json"


@pytest.mark.parametrize(("kind", "task", "case"), STREAMS)
def test_the_golden_stream_gives_the_tasks_output(kind, task, case):
    """As the whole answer does, whose golden body has the same name."""
    headers = {name.replace("-", "_"): value for name, value in case.get("headers", {}).items()}
    attempt = replace(attempt_of(kind, task, case), stream=True)
    pieces, outcome = read(attempt, case["stream"].encode(), beginning=head(x_request_id="req-1", **headers))

    assert isinstance(outcome, Success), outcome
    assert outcome.output == case["output"]
    assert shown(pieces) == (case["output"]["content"] if task == "chat" else case["output"])
    assert outcome.request_id == "req-1"
    assert outcome.served_model == case.get("served_model")
    assert outcome.finish_reason == case.get("finish_reason")
    assert outcome.served_by == case.get("served_by")
    assert outcome.commit == case.get("commit")
    assert outcome.enforced == case.get("enforced", False)
    taken = case.get("usage")
    assert outcome.usage == (
        None if taken is None else Usage(input=taken[0], output=taken[1], cached=taken[2])
    )


def test_every_kind_and_task_that_streams_has_a_golden_stream():
    """A new codec brings its own."""
    streamed = {
        (codec.kind, task)
        for codec in codecs()
        if codec.kind in BUILT_IN and isinstance(codec, Streaming)
        for task in codec.streams
    }

    assert {(case.values[0], case.values[1]) for case in STREAMS} == streamed


@pytest.mark.parametrize("kind", ["openai", "tgi", "hf-inference"])
def test_a_list_of_texts_is_not_streamed(kind):
    """Their answers would come mixed."""
    attempt = attempt_of(kind, "text-generation", {"payload": ["a"]})
    with pytest.raises(Unfit, match="no list of them"):
        codec_for(kind, "text-generation").build(replace(attempt, stream=True))


@pytest.mark.parametrize(("kind", "name"), [("openai", "echo"), ("tgi", "decoder_input_details")])
def test_what_a_stream_cannot_have_makes_the_route_unfit(kind, name):
    """Skipped and said."""
    payload = {"inputs": "a", "parameters": {name: True}}
    attempt = attempt_of(kind, "text-generation", {"payload": payload})
    assert codec_for(kind, "text-generation").build(attempt)
    with pytest.raises(Unfit, match=name):
        codec_for(kind, "text-generation").build(replace(attempt, stream=True))
