"""What each kind says of its commit: the truth, another, a branch, nothing; and where it says it."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from resilient_infer.testing.sandbox import CATALOGUE, Kind, Sandbox, Server, Status, commit_of
from resilient_infer.testing.sandbox.sandbox import DIALECTS
from tests.testing.raw import ask, connect

LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
BGE = "BAAI/bge-small-en-v1.5"
OTHER = commit_of("other")
MODELS: dict[Kind, str] = {
    "tei": BGE,
    "tgi": LLAMA,
    "vllm": LLAMA,
    "sglang": LLAMA,
    "transformers": LLAMA,
    "llamacpp": LLAMA,
}
IDENTITIES: dict[Kind, str] = {"tei": "/info", "tgi": "/info", "sglang": "/server_info", "llamacpp": "/props"}
SILENT: tuple[Kind, ...] = ("hf-inference", "hf-endpoint", "hf-router", "openai")


def get(server: Server, path: str) -> Any:
    """A GET below the root, wherever the server's URL points."""
    connection = connect(server)
    connection.request("GET", path)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    assert response.status == 200
    return json.loads(body)


def chat(server: Server, model: str = LLAMA) -> Any:
    content = {"model": model, "messages": [{"role": "user", "content": "Go on"}], "max_tokens": 3}
    return ask(server, "/chat/completions", content).json


def after_at(name: str) -> str | None:
    return name.partition("@")[2] or None


def of_vllm(server: Server) -> str | None:
    listed = [card["id"] for card in get(server, "/v1/models")["data"]]
    commits = [after_at(name) for name in listed]
    assert listed[-1] == LLAMA
    # Whichever name is asked for, the first one served answers.
    assert {chat(server, name)["model"] for name in listed} == {listed[0]}
    return commits[0]


def of_sglang(server: Server) -> str | None:
    facts = get(server, "/server_info")
    version = facts["revision"] or "default"
    assert facts["weight_version"] == version
    assert get(server, "/model_info")["weight_version"] == version
    assert chat(server)["metadata"] == {"weight_version": version}
    revision: str | None = facts["revision"]
    return revision


def of_transformers(server: Server) -> str | None:
    # It repeats what it was asked for, so the truth is what it agrees to.
    asked = f"{LLAMA}@{server.models[LLAMA]}" if server.reports == "right" else LLAMA
    return after_at(chat(server, asked)["model"])


def of_llamacpp(server: Server) -> str | None:
    path = get(server, "/props")["model_path"]
    found = re.search(r"/models--meta-llama--Llama-3\.1-8B-Instruct/snapshots/([^/]+)/", path)
    return found.group(1) if found else None


SAYS: dict[Kind, Callable[[Server], str | None]] = {
    "tei": lambda server: get(server, "/info")["model_sha"],
    "tgi": lambda server: get(server, "/info")["model_sha"],
    "vllm": of_vllm,
    "sglang": of_sglang,
    "transformers": of_transformers,
    "llamacpp": of_llamacpp,
}


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("reports", ["right", None, "main", OTHER])
def test_what_it_says(sandbox: Sandbox, kind: Kind, reports: str | None) -> None:
    """The truth, nothing, a branch, another commit; the lock holds the truth in each case."""
    model = MODELS[kind]
    server = sandbox.serve(kind, models=[model], reports=reports)

    assert SAYS[kind](server) == (commit_of(model) if reports == "right" else reports)
    assert server.models == {model: commit_of(model)}
    assert commit_of(model) in sandbox.lock({"it": model})


@pytest.mark.parametrize("kind", MODELS)
def test_it_says_what_it_moved_to(sandbox: Sandbox, kind: Kind) -> None:
    """A redeploy is told at once, and a lie stays the lie it was."""
    model = MODELS[kind]
    honest = sandbox.serve(kind, models=[model])
    other = sandbox.serve(kind, models=[model], reports="main")
    for server in (honest, other):
        server.move(model, OTHER)

    assert SAYS[kind](honest) == OTHER
    assert SAYS[kind](other) == "main"


def test_transformers_serves_the_revision_that_is_asked_for(sandbox: Sandbox) -> None:
    """It repeats it; main is said if none is; one that does not exist is a crash without JSON."""
    server = sandbox.serve("transformers")
    exact = f"{LLAMA}@{commit_of(LLAMA)}"

    assert chat(server)["model"] == f"{LLAMA}@main"
    assert chat(server, exact)["model"] == exact
    for wrong in (f"{LLAMA}@{OTHER}", "acme/none"):
        asked = {"model": wrong, "messages": [{"role": "user", "content": "x"}]}
        refused = ask(server, "/chat/completions", asked)
        assert (refused.status, refused.body) == (500, b"Internal Server Error")
    server.move(LLAMA, OTHER)
    assert chat(server, f"{LLAMA}@{OTHER}")["model"] == f"{LLAMA}@{OTHER}"


def test_a_name_that_vllm_does_not_serve_is_a_404(sandbox: Sandbox) -> None:
    """Another commit's name is one; no name at all is the one model."""
    server = sandbox.serve("vllm", models=[LLAMA])
    asked = {"messages": [{"role": "user", "content": "x"}], "model": f"{LLAMA}@{OTHER}"}
    refused = ask(server, "/chat/completions", asked)

    assert (refused.status, refused.json["error"]["type"]) == (404, "NotFoundError")
    assert refused.json["error"]["code"] == 404
    del asked["model"]
    assert ask(server, "/chat/completions", asked).json["model"] == f"{LLAMA}@{commit_of(LLAMA)}"


@pytest.mark.parametrize("kind", SILENT)
def test_who_never_says_it_is_not_made_to(sandbox: Sandbox, kind: Kind) -> None:
    """Nothing can be reported where nothing is said."""
    sandbox.serve(kind, reports=None)
    with pytest.raises(ValueError, match=f"{kind} says of no model which commit it runs"):
        sandbox.serve(kind, reports="main")


@pytest.mark.parametrize("kind", MODELS)
def test_questions_of_identity_are_counted_apart(sandbox: Sandbox, kind: Kind) -> None:
    """They stand in the journal without a model, so that a model's attempts are its payloads."""
    model = MODELS[kind]
    server = sandbox.serve(kind, models=[model])
    get(server, IDENTITIES.get(kind, "/v1/models"))
    if kind == "tei":
        ask(server, "/embed", {"inputs": "x"})
    elif kind == "tgi":
        ask(server, "/generate", {"inputs": "x"})
    else:
        chat(server)

    assert [(received.model, received.attempt) for received in server.requests] == [(None, 1), (model, 1)]


def test_a_fault_hits_questions_of_identity_unless_it_is_limited(sandbox: Sandbox) -> None:
    """A fault for everything hits them, one for the model does not."""
    server = sandbox.serve("tgi", models=[LLAMA])
    server.fail(Status(code=503), model=LLAMA)
    assert get(server, "/info")["model_id"] == LLAMA
    server.heal()
    server.fail(Status(code=503))

    failed = ask(server, "/info", method="GET")
    assert (failed.status, failed.json) == (503, {"error": "unhealthy", "error_type": "healthcheck"})


def test_the_catalogue_is_served_by_somebody() -> None:
    """Each model belongs to at least one kind that serves it if none is named, or can be named."""
    kinds = DIALECTS.values()
    left = {model.task for model in CATALOGUE.values() if not any(kind.serves(model) for kind in kinds)}
    assert left <= {"text-ranking"}
