"""hf-endpoint: the default container of Inference Endpoints."""

import base64
import json
import threading
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.outcome import Failure, FailureKind, Success
from resilient_infer.core.secret import Secret
from resilient_infer.core.target import Endpoint
from resilient_infer.core.task import TASKS as ALL_TASKS
from resilient_infer.core.testimony import UNSAID
from resilient_infer.drivers.exchange import identity_of
from resilient_infer.providers.base import Attesting, Codec, Unfit
from resilient_infer.providers.hf_body import TASKS
from resilient_infer.providers.hf_endpoint import HfEndpoint
from resilient_infer.testing.sandbox.hub.deployment import Deployment
from tests.providers.codecs import ANSWERS, check_any_answer, check_no_secret
from tests.providers.family import LOCKED, NO_COMMIT, OTHER
from tests.providers.samples import PNG, TOKEN, WAV, answer, order
from tests.providers.testimonies import FACTS, check_any_facts

CODEC = HfEndpoint()
FILES = sorted(task for task in TASKS if ALL_TASKS[task].file)
MANAGED = "https://api.endpoints.huggingface.cloud/v2/endpoint/org/mine"


@given(task=st.sampled_from(sorted(TASKS)), response=ANSWERS)
def test_any_answer_is_an_outcome(task, response):
    """`parse` never raises."""
    check_any_answer(CODEC, task, response)


@pytest.mark.parametrize("task", sorted(TASKS))
def test_no_secret_is_repeated(task):
    """Whatever the server echoes."""
    check_no_secret(CODEC, task)


def test_it_is_a_codec_that_attests():
    """By the protocols."""
    assert isinstance(CODEC, Codec)
    assert isinstance(CODEC, Attesting)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"error": "CUDA out of memory"}, FailureKind.CONTAINER_FAULT),
        (400, {"error": "Body needs to provide a inputs key"}, FailureKind.CONTAINER_FAULT),
        (400, {"error": {"code": "context_length_exceeded"}}, FailureKind.CONTAINER_FAULT),
        (503, b"", FailureKind.LOADING),
        (503, {"error": "503 Service Unavailable"}, FailureKind.LOADING),
        (401, b"", FailureKind.UNAUTHORIZED),
        (404, b"", FailureKind.GONE),
        (502, b"", FailureKind.SERVER_ERROR),
    ],
)
def test_400_and_503_are_read_in_the_containers_own_way(status, body, kind):
    """400 is any fault at all, and 503 is an endpoint that scales up; the rest is as everywhere."""
    outcome = CODEC.parse(order("hf-endpoint", "text-classification"), answer(body, status))

    assert isinstance(outcome, Failure)
    assert outcome.kind is kind


@pytest.mark.parametrize(("timeout", "seconds"), [(0.2, "1"), (1.0, "1"), (9.99, "9"), (60.0, "60")])
def test_the_proxy_holds_the_request_as_long_as_we_wait(timeout, seconds):
    """Whole seconds, at least one; the fixed headers stay one object."""
    request = CODEC.build(order("hf-endpoint", "text-classification", timeout=timeout))

    assert request.call_headers == (("X-Scale-Up-Timeout", seconds),)
    assert request.headers is CODEC.build(order("hf-endpoint", "text-classification")).headers


def test_a_container_may_know_parameters_that_nobody_documents():
    """A handler of one's own takes what it likes; OpenAI's parameters it cannot mean."""
    payload = {"inputs": "x", "parameters": {"my_own": 1}}
    assert b'"my_own":1' in CODEC.build(order("hf-endpoint", "text-classification", payload)).body

    with pytest.raises(Unfit, match="tools"):
        CODEC.build(order("hf-endpoint", "text-generation", {"inputs": "x", "parameters": {"tools": []}}))


@pytest.mark.parametrize("task", FILES)
def test_a_file_is_sent_as_it_is(task):
    """The same bytes object, under the content type that its own first bytes say."""
    file, kind = (PNG, "image/png") if "image" in task or "object" in task else (WAV, "audio/wav")
    request = CODEC.build(order("hf-endpoint", task, file))

    assert request.body is file
    assert dict(request.headers)["Content-Type"] == kind
    assert request.call_headers == (("X-Scale-Up-Timeout", "10"),)


@given(tail=st.binary(max_size=100), top_k=st.integers(1, 9))
def test_a_file_with_parameters_is_base64_in_json(tail, top_k):
    """Parameters have no other place."""
    payload = {"inputs": PNG + tail, "parameters": {"top_k": top_k}}
    request = CODEC.build(order("hf-endpoint", "image-classification", payload))
    body = json.loads(request.body)

    assert base64.b64decode(body["inputs"]) == PNG + tail
    assert body["parameters"] == {"top_k": top_k}
    assert dict(request.headers)["Content-Type"] == "application/json"


def test_a_file_that_the_container_cannot_name_makes_the_route_unfit():
    """It refuses by the content type, whatever the bytes are; in JSON it looks at them."""
    strange = b"no signature"
    with pytest.raises(Unfit, match="application/octet-stream"):
        CODEC.build(order("hf-endpoint", "image-classification", strange))
    inside = {"inputs": strange, "parameters": {"top_k": 1}}
    assert CODEC.build(order("hf-endpoint", "image-classification", inside)).method == "POST"


@pytest.mark.parametrize(
    ("task", "name"),
    [
        ("token-classification", "stride"),
        ("translation", "truncation"),
        ("translation", "generate_parameters"),
    ],
)
def test_what_the_container_leaves_out_makes_the_route_unfit(task, name):
    """It says so to its own log only."""
    with pytest.raises(Unfit, match=name):
        CODEC.build(order("hf-endpoint", task, {"inputs": "x", "parameters": {name: 1}}))


@pytest.mark.parametrize(
    ("strategy", "kind", "whole"),
    [
        ("simple", "entity_group", True),
        ("simple", "entity", False),
        ("none", "entity", True),
        (None, "entity", True),
    ],
)
@pytest.mark.parametrize("many", [False, True])
def test_groups_that_were_asked_for_and_did_not_come_are_no_answer(strategy, kind, whole, many):
    """Some versions leave `aggregation_strategy` out, and say nothing."""
    entity = {kind: "PER", "score": 0.5, "word": "Ada", "start": 0, "end": 3}
    parameters = {} if strategy is None else {"aggregation_strategy": strategy}
    inputs = ["Ada", "no name"] if many else "Ada"
    attempt = order("hf-endpoint", "token-classification", {"inputs": inputs, "parameters": parameters})
    outcome = CODEC.parse(attempt, answer([[entity], []] if many else [entity]))

    assert isinstance(outcome, Success) is whole
    assert whole or outcome.kind is FailureKind.UNSUPPORTED


def test_a_text_without_names_is_an_answer():
    """Nothing shows that anything was left out."""
    payload = {"inputs": "x", "parameters": {"aggregation_strategy": "simple"}}
    outcome = CODEC.parse(order("hf-endpoint", "token-classification", payload), answer([]))

    assert isinstance(outcome, Success)


def endpoint(identity_url: str = MANAGED) -> Endpoint:
    """An endpoint of which the manifest says that name, or none."""
    attempt = order("hf-endpoint", "text-classification", url="https://abc.endpoints.huggingface.cloud")
    return replace(attempt.route.endpoint, identity_url=identity_url)


def test_the_api_that_manages_endpoints_is_asked_with_the_key():
    """It is another host, whose failures say nothing of the endpoint."""
    request = CODEC.identity(endpoint(), Secret(TOKEN))
    identity = identity_of(CODEC, endpoint(), Secret(TOKEN))

    assert request is not None
    assert (request.method, request.url, request.body) == ("GET", MANAGED, b"")
    assert dict(request.headers)["Authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in repr(request)
    assert identity is not None
    assert identity.elsewhere


def test_an_endpoint_that_nobody_named_is_not_asked():
    """The container itself does not know its commit."""
    assert CODEC.identity(endpoint(""), Secret(TOKEN)) is None


def deployment(
    revision: object = LOCKED,
    state: object = "running",
    ready: object = 2,
    target: object = 2,
    repository: object = "org/model",
    image: object = None,
) -> dict[str, object]:
    """What the API says of an endpoint."""
    model = {"repository": repository, "revision": revision, "image": image or {"huggingface": {}}}
    return {"model": model, "status": {"state": state, "readyReplica": ready, "targetReplica": target}}


def reported(body: object) -> str | None:
    """The commit that is believed."""
    return CODEC.reported_commit(order("hf-endpoint", "text-classification"), body)


@pytest.mark.parametrize(
    ("body", "commit"),
    [
        (deployment(), LOCKED),
        (deployment(ready=1, target=1), LOCKED),
        (deployment(OTHER), OTHER),
        (deployment(OTHER.upper()), OTHER),
        *((deployment(nothing), None) for nothing in NO_COMMIT),
        *(
            (deployment(state=state), None)
            for state in (
                *("pending", "initializing", "updating", "updateFailed", "paused", "failed", "scaledToZero"),
                *("Running", "", None, True, ["running"]),
            )
        ),
        (deployment(ready=1, target=2), None),
        (deployment(ready=3, target=2), None),
        (deployment(ready=0, target=0), None),
        (deployment(ready=-1, target=-1), None),
        (deployment(ready=True, target=True), None),
        (deployment(ready=1.0, target=1.0), None),
        (deployment(ready="2", target="2"), None),
        (deployment(ready=None, target=None), None),
        (deployment(repository="other/model", revision=OTHER), OTHER),
        (deployment(repository=None), LOCKED),
        (deployment(image={"custom": {"url": "me/mine"}}), None),
        (deployment(image={"tgi": {}}), LOCKED),
        ({"model": deployment()["model"]}, None),
        ({"status": deployment()["status"]}, None),
        ({"model": {"revision": LOCKED}, "status": deployment()["status"]}, LOCKED),
        ({"model": [], "status": "running"}, None),
        ([deployment()], None),
        (None, None),
    ],
)
def test_a_commit_is_believed_only_when_every_replica_runs_it(body, commit):
    """The API tells what is wanted; while it is not so yet, an old replica may answer."""
    assert reported(body) == commit


@given(facts=FACTS)
def test_any_facts_are_a_commit_or_nothing(facts):
    """Never raises; the API tells no limits."""
    check_any_facts(CODEC, "hf-endpoint", "text-classification", facts)
    assert CODEC.limits(facts) == UNSAID


@given(model=FACTS, status=FACTS)
def test_any_deployment_is_a_commit_or_nothing(model, status):
    """Also where only its parts are odd."""
    check_any_facts(CODEC, "hf-endpoint", "text-classification", {"model": model, "status": status})


@pytest.mark.parametrize("change", ["update", "start", "pause", "fail", "scale_to_zero"])
def test_the_sandboxs_deployment_is_believed_when_it_has_settled(change):
    """As the API of the sandbox tells it."""
    place = Deployment(
        "org/mine", model="org/model", revision=LOCKED, replicas=2, url=None, lock=threading.RLock()
    )
    assert reported(place.described()) == LOCKED

    getattr(place, change)(*([OTHER] if change == "update" else []))
    assert reported(place.described()) is None
    place.settle()
    assert reported(place.described()) == (OTHER if change == "update" else LOCKED)
