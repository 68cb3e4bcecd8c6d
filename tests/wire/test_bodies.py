"""Golden bodies: each request byte for byte, and what each recorded answer gives."""

import json
import math
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.outcome import Success, Usage
from resilient_infer.providers.registry import BUILT_IN, codec_for
from tests.providers.samples import TOKEN, answer, order

BODIES = Path(__file__).parent / "bodies"
BASES = {
    "hf-inference": "https://router.huggingface.co/hf-inference",
    "hf-endpoint": "https://abc.endpoints.huggingface.cloud",
    "hf-router": "https://router.huggingface.co/v1",
    "openai": "https://example.test/v1",
    "vllm": "http://vllm.test:8000/v1",
    "sglang": "http://sglang.test:30000/v1",
    "transformers": "http://transformers.test:8000/v1",
    "llamacpp": "http://llamacpp.test:8080/v1",
    "tgi": "http://tgi.test:8080",
    "tei": "http://tei.test:8080",
}
CASES = [
    pytest.param(*path.stem.split("."), case, id=f"{path.stem}: {case['name']}")
    for path in sorted(BODIES.glob("*.json"))
    for case in json.loads(path.read_text("utf-8"))["cases"]
]


def attempt_of(kind: str, task: str, case: Mapping[str, object]) -> Attempt:
    """The attempt of a case: its payload, on a route of its name."""
    attempt = order(kind, task, payload_of(case), url=BASES[kind])
    return replace(
        attempt, route=replace(attempt.route, name=str(case.get("name on the route", "org/model")))
    )


def payload_of(case: Mapping[str, Any]) -> object:
    """What the caller gives; a file stands in the golden bodies as base64, under a name of its own."""
    if "file" not in case:
        return case["payload"]
    return {"inputs": b64decode(case["file"]), **case.get("payload", {})}


def body_of(case: Mapping[str, Any]) -> bytes:
    """What is sent: the body of the case, or where it has none the file as it is."""
    body = case.get("body")
    return b64decode(case["file"]) if body is None else body.encode()


def plain(value: object) -> object:
    """NaN as the golden files spell it, since it equals nothing."""
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


@pytest.mark.parametrize(("kind", "task", "case"), CASES)
def test_the_request_is_the_golden_one(kind, task, case):
    """Path, body and headers, byte for byte: compact UTF-8, the token in one header and nowhere else."""
    request = codec_for(kind, task).build(attempt_of(kind, task, case))

    assert request.method == "POST"
    assert request.url == case["url"]
    assert request.body == body_of(case)
    assert [list(header) for header in request.call_headers] == case.get("call_headers", [])
    assert dict(request.headers)["Authorization"] == f"Bearer {TOKEN}"
    assert dict(request.headers)["Content-Type"] == case.get("content_type", "application/json")


@pytest.mark.parametrize(("kind", "task", "case"), CASES)
def test_the_golden_answer_gives_the_tasks_output(kind, task, case):
    """One shape a task, whichever server answered; the raw body is kept."""
    attempt = attempt_of(kind, task, case)
    response = answer(case["answer"].encode(), headers={"x-request-id": "req-1", **case.get("headers", {})})
    outcome = codec_for(kind, task).parse(attempt, response)

    assert isinstance(outcome, Success), outcome
    assert plain(outcome.output) == case["output"]
    assert plain(outcome.raw) == plain(json.loads(case["answer"]))
    assert outcome.request_id == "req-1"
    assert outcome.served_model == case.get("served_model")
    assert outcome.finish_reason == case.get("finish_reason")
    assert outcome.served_by == case.get("served_by")
    assert outcome.commit == case.get("commit")
    assert outcome.enforced == case.get("enforced", False)
    taken = case.get("usage")
    expected = None if taken is None else Usage(input=taken[0], output=taken[1], cached=taken[2])
    assert outcome.usage == expected


def test_every_kind_and_task_has_golden_bodies():
    """A new codec brings its own."""
    served = {(kind, task) for kind, path in BUILT_IN.items() for task in _tasks(path)}

    assert {(case.values[0], case.values[1]) for case in CASES} == served


def _tasks(path: str) -> frozenset[str]:
    module, _, name = path.partition(":")
    tasks: frozenset[str] = getattr(import_module(module), name).tasks
    return tasks
