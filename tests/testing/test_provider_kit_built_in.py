"""Our own codecs keep what the provider kit asks of everybody's."""

import json
from importlib import import_module

import pytest

from resilient_infer.core.testimony import Limits
from resilient_infer.providers.base import Attesting
from resilient_infer.providers.registry import BUILT_IN
from resilient_infer.testing.provider_kit import REVISION, Golden, Report, promises
from tests.wire.test_bodies import BASES, CASES, body_of, payload_of
from tests.wire.test_streams import STREAMS

THEIRS = "0" * 40
"""The commit that the golden bodies name; the kit's is another one."""

NAMED = f"org/model@{REVISION}"
BASE = {"parent": None, "max_model_len": 512}
REPORTS = {
    "hf-endpoint": [
        Report(
            body={
                "model": {"repository": "org/model", "revision": REVISION},
                "status": {"state": "running", "readyReplica": 1, "targetReplica": 1},
            },
            commit=REVISION,
        ),
    ],
    "llamacpp": [
        Report(
            body={
                "model_path": f"/models/models--org--model/snapshots/{REVISION}/model.gguf",
                "default_generation_settings": {"n_ctx": 4096},
            },
            commit=REVISION,
            limits=Limits(context=4096),
        ),
    ],
    "sglang": [
        Report(body={"weight_version": REVISION, "revision": None}, commit=REVISION),
        Report(body={"weight_version": "default", "revision": REVISION}, commit=REVISION),
    ],
    "tei": [
        Report(
            body={"model_id": "org/model", "model_sha": REVISION, "max_client_batch_size": 32},
            commit=REVISION,
            limits=Limits(inputs=32),
        ),
    ],
    "tgi": [
        Report(
            body={"model_id": "org/model", "model_sha": REVISION, "max_total_tokens": 2048},
            commit=REVISION,
            limits=Limits(context=2048),
        ),
    ],
    "vllm": [
        Report(
            body={"data": [{"id": "org/model", **BASE}, {"id": NAMED, **BASE}]},
            commit=REVISION,
            limits=Limits(context=512),
        ),
    ],
}
"""By kind, of those that can attest: what a server says of itself."""


def codec_of(kind):
    """The codec itself, whatever else is installed."""
    module, _, name = BUILT_IN[kind].partition(":")
    return getattr(import_module(module), name)()


def goldens(kind):
    """The first golden body of each task, in the kit's words."""
    first = {}
    for _, task, case in (case.values for case in CASES if case.values[0] == kind):
        first.setdefault(task, golden(kind, task, case))
    return list(first.values())


def golden(kind, task, case):
    """A golden body, in the kit's words."""
    body, answer = body_of(case), json.loads(case["answer"].replace(THEIRS, REVISION))
    return Golden(
        task=task,
        payload=payload_of(case),
        url=BASES[kind],
        path=case["url"].removeprefix(BASES[kind]),
        name=case.get("name on the route", "org/model").replace(THEIRS, REVISION),
        body=json.loads(body.replace(THEIRS.encode(), REVISION.encode())) if case.get("body") else body,
        answer=answer,
        output=case["output"],
        stream=stream_of(kind, task, case["name"]).replace(THEIRS, REVISION).encode(),
    )


def stream_of(kind, task, name):
    """The golden stream that says the same as a golden body."""
    streams = {(*of, case["name"]): case["stream"] for *of, case in (each.values for each in STREAMS)}
    return streams.get((kind, task, name), "")


@pytest.mark.parametrize("kind", sorted(BUILT_IN))
def test_our_codecs_keep_every_promise(kind):
    for promise in promises(codec_of(kind), goldens(kind), REPORTS.get(kind, ())):
        promise()


def test_every_codec_that_attests_is_asked():
    assert REPORTS.keys() == {kind for kind in BUILT_IN if isinstance(codec_of(kind), Attesting)}
