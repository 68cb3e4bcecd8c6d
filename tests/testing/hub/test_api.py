"""API: answers and errors in the form of the real ones."""

import json
import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resilient_infer.testing.sandbox.hub import Hub, Look, Quota, Repo
from tests.testing.hub.client import Answer, ask


@pytest.fixture
def model(bare: Hub) -> Repo:
    return bare.model("acme/m", Look(task="text-generation", chat=True))


def all_pages(hub: Hub, path: str) -> list[Any]:
    """What the links lead through, page by page."""
    items: list[Any] = []
    following: str | None = path
    while following is not None:
        answer = ask(hub, following)
        assert answer.json, "no link leads to an empty page"
        items += answer.json
        link = re.fullmatch(r'<http://[^/]+(.+)>; rel="next"', answer.headers.get("link", ""))
        following = None if link is None else link[1]
    return items


def error(answer: Answer) -> tuple[int, str | None, str]:
    """Status, code and message; the body says the same."""
    assert answer.json == {"error": answer.headers["x-error-message"]}
    return answer.status, answer.headers.get("x-error-code"), answer.headers["x-error-message"]


def test_a_model_in_full(bare: Hub, model: Repo) -> None:
    """Each field that readers of the Hub look at, with the date in its own form."""
    told = ask(bare, "/api/models/acme/m").json

    assert told["_id"] == model.hub_id
    assert re.fullmatch("[0-9a-f]{24}", told["_id"])
    assert (told["id"], told["modelId"], told["author"]) == ("acme/m", "acme/m", "acme")
    assert told["createdAt"] == told["lastModified"] == "2026-01-01T00:00:00.000Z"
    assert (told["private"], told["gated"], told["disabled"]) == (False, False, False)
    assert told["tags"] == ["transformers", "text-generation", "license:apache-2.0", "region:us"]
    assert told["cardData"] == {"license": "apache-2.0", "pipeline_tag": "text-generation"}
    assert told["config"]["architectures"] == ["LlamaForCausalLM"]
    assert "chat_template" in told["config"]["tokenizer_config"]
    assert {"rfilename": "config.json"} in told["siblings"]
    assert "inferenceProviderMapping" not in told


@pytest.mark.parametrize(
    ("path", "library", "config"),
    [
        ("adapter_config.json", "peft", {"peft": {"task_type": "CAUSAL_LM"}}),
        ("modules.json", "sentence-transformers", {}),
        ("nothing.json", None, {}),
    ],
)
def test_what_a_file_makes_of_a_repo(bare: Hub, path: str, library: str | None, config: object) -> None:
    """The library and the config; files that are no JSON make nothing of it."""
    bare.create("acme/m", {path: '{"task_type": "CAUSAL_LM"}', "config.json.bak": "x"})
    bare.create("acme/broken", {"config.json": "{", "tokenizer_config.json": "[]"})
    told = ask(bare, "/api/models/acme/m").json

    assert (told["library_name"], told["config"], told["pipeline_tag"]) == (library, config, None)
    assert ask(bare, "/api/models/acme/broken").json["config"] == {}


@pytest.mark.parametrize("spelling", ["expand=sha&expand=gated", "expand[]=sha&expand[]=gated"])
def test_expand_in_both_spellings(bare: Hub, model: Repo, spelling: str) -> None:
    """Only what it names, and the ids."""
    told = ask(bare, f"/api/models/acme/m?{spelling}").json
    assert told == {"_id": model.hub_id, "id": "acme/m", "sha": model.head, "gated": False}


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 50])
def test_pages_put_together_are_the_whole(bare: Hub, model: Repo, limit: int) -> None:
    """Of a history and of a listing, however long a page is."""
    for number in range(6):
        model.push({f"folder/{number}.txt": "x"})
    commits = all_pages(bare, f"/api/models/acme/m/commits/main?limit={limit}")
    entries = all_pages(bare, f"/api/models/acme/m/tree/main?recursive=true&limit={limit}")

    assert [commit["id"] for commit in commits] == list(model.log())
    assert [entry["path"] for entry in entries] == sorted({*model.at("main").files, "folder"})
    assert ask(bare, "/api/models/acme/m/commits/main").headers["x-total-count"] == "7"


@pytest.mark.parametrize("limit", ["0", "-1", "x", "9" * 30, ""])
def test_a_page_of_no_length_has_the_usual_one(bare: Hub, model: Repo, limit: str) -> None:
    """And nothing breaks."""
    assert len(ask(bare, f"/api/models/acme/m/tree/main?limit={limit}").json) == len(model.at("main").files)


def test_paths_info_reads_forms_and_json(bare: Hub, model: Repo) -> None:
    """Folders are folders, and nothing is asked for by no path."""
    model.push({"a/b.txt": "x"})
    path = "/api/models/acme/m/paths-info/main"
    form = ask(bare, path, method="POST", body="paths=a&paths=a%2Fb.txt&paths=&expand=True").json
    as_json = ask(
        bare, path, method="POST", body=json.dumps({"paths": ["a", "a/b.txt"], "expand": True})
    ).json

    assert form == as_json
    assert [entry["type"] for entry in form] == ["directory", "file"]
    assert form[0]["lastCommit"]["id"] == model.head
    assert ask(bare, path, method="POST", body='{"paths": 7}').json == []
    assert ask(bare, path, method="POST").json == []
    assert error(ask(bare, path))[0] == 405


def test_a_missing_repo_is_401_for_strangers_and_404_for_the_known(bare: Hub) -> None:
    """The Hub does not say whether it is private."""
    bare.token("hf_known")
    stranger = ask(bare, "/api/models/acme/nope")

    assert error(stranger) == (401, "RepoNotFound", "Invalid username or password.")
    assert stranger.headers["www-authenticate"].startswith("Bearer")
    assert error(ask(bare, "/api/models/acme/nope", token="hf_known")) == (
        404,
        "RepoNotFound",
        "Repository not found",
    )


def test_a_gated_repo_in_the_words_of_the_hub(bare: Hub, model: Repo) -> None:
    """401 to whom it may not know, 403 to whom it may not have."""
    bare.token("hf_known")
    model.gate()
    for token, status, words in (("", 401, "Please log in."), ("hf_known", 403, "to ask for access.")):
        answer = ask(bare, "/acme/m/resolve/main/config.json", token=token)
        assert (answer.status, answer.headers["x-error-code"]) == (status, "GatedRepo")
        assert answer.body.decode() == answer.headers["x-error-message"]
        assert answer.body.decode().startswith("Access to model acme/m is restricted")
        assert answer.body.decode().endswith(words)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("revision/nope", (404, "RevisionNotFound", "Invalid rev id: nope")),
        ("revision/a%0D%0Ab", (404, "RevisionNotFound", "Invalid rev id: a b")),
        ("tree/main/nope", (404, "EntryNotFound", 'nope does not exist on "main"')),
    ],
)
def test_what_is_not_in_a_repo(bare: Hub, model: Repo, path: str, expected: tuple[int, str, str]) -> None:
    """A revision or a folder; no header is broken by what was asked for."""
    answer = ask(bare, f"/api/models/acme/m/{path}")
    told = answer.status, answer.headers["x-error-code"], answer.headers["x-error-message"]
    assert told == expected


@pytest.mark.parametrize(
    "path", ["/", "/nope", "/api", "/api/models/", "/api/models/acme/m/nope", "/a/b/c/d"]
)
def test_a_page_that_is_none(bare: Hub, model: Repo, path: str) -> None:
    """Some error, and the Hub lives on."""
    assert ask(bare, path).status in (401, 404)
    assert ask(bare, "/api/models/acme/m").status == 200


def test_other_methods_change_nothing(bare: Hub, model: Repo) -> None:
    """This Hub is changed by the test, not by its clients."""
    assert error(ask(bare, "/api/models/acme/m", method="DELETE"))[0] == 405
    assert bare.repo("acme/m") is model


def test_a_repo_may_be_called_like_a_place_in_a_repo(bare: Hub) -> None:
    """As long as there is one, the name wins."""
    lone = bare.create("acme", {"a.txt": "a"})
    assert ask(bare, "/api/models/acme/refs").json["branches"][0]["targetCommit"] == lone.head
    odd = bare.create("acme/refs", {"a.txt": "a"})
    assert ask(bare, "/api/models/acme/refs").json["sha"] == odd.head
    assert ask(bare, "/api/models/acme/refs/refs").json["branches"][0]["targetCommit"] == odd.head


def test_every_counted_reply_says_what_is_left(bare: Hub, model: Repo) -> None:
    """Good ones and bad ones; the count is the visitor's and the class's own."""
    bare.token("hf_known", quota=Quota(api=9, resolvers=9, window=60))
    paths = (
        "/api/models/acme/m",
        "/api/models/acme/nope",
        "/acme/m/resolve/main/config.json",
        "/acme/m/resolve/x/y",
    )
    told = [ask(bare, path).headers["ratelimit"].partition(";t=")[0] for path in paths]
    known = ask(bare, paths[0], token="hf_known").headers

    assert told == ['"api";r=499', '"api";r=498', '"resolvers";r=2999', '"resolvers";r=2998']
    assert known["ratelimit-policy"] == '"fixed window";"api";q=9;w=60'
    assert known["ratelimit"].startswith('"api";r=8;')


def test_a_used_up_quota_is_429_until_the_window_is_over(bare: Hub, model: Repo) -> None:
    """With the seconds in RateLimit only, as on the real Hub: there is no Retry-After."""
    bare.limit(Quota(api=2, resolvers=1, window=0.2))
    answers = [ask(bare, "/api/models/acme/m") for _ in range(3)]
    refused = answers[-1]

    assert [answer.status for answer in answers] == [200, 200, 429]
    assert refused.headers["ratelimit"] == '"api";r=0;t=1'
    assert "retry-after" not in refused.headers
    assert ask(bare, "/acme/m/resolve/main/config.json").status == 307
    bare.forget()
    assert ask(bare, "/api/models/acme/m").status == 200


def test_the_management_api_needs_a_token_and_a_name(bare: Hub) -> None:
    """And names like no endpoint are refused where they are made."""
    bare.token("hf_known")
    bare.deploy("acme/risk", model="acme/m", revision="f" * 40)
    assert error(ask(bare, "/v2/endpoint/acme/risk"))[0] == 401
    assert error(ask(bare, "/v2/endpoint/acme/nope", token="hf_known"))[0] == 404
    told = ask(bare, "/v2/endpoint/acme/risk", token="hf_known").json
    assert told["model"]["revision"] == "f" * 40
    with pytest.raises(ValueError, match="namespace/name"):
        bare.deploy("risk", model="acme/m", revision="f" * 40)


PARTS = (
    "api", "models", "acme", "m", "refs", "revision", "tree", "commits", "paths-info", "resolve", "main",
    "v2", "resolve-cache", "lfs", "endpoint", "config.json", "refs%2Fpr%2F1", "%00", "%FF", "..", "", "a.txt",
)  # fmt: skip
QUERIES = ("", "?expand=sha", "?limit=x", "?blobs=1", "?recursive=true&expand=true", "?%FF=%00&&=")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parts=st.lists(st.sampled_from(PARTS), max_size=8),
    query=st.sampled_from(QUERIES),
    method=st.sampled_from(("GET", "HEAD", "POST", "PUT")),
    body=st.sampled_from(("", "{", "[]", '{"paths": [1, null]}', "paths=a&paths=%FF", "&&=")),
)
def test_answering_is_total(bare: Hub, parts: list[str], query: str, method: str, body: str) -> None:
    """Whatever is asked for: an answer, and never that something is wrong with the Hub."""
    with suppress(ValueError):  # made by an earlier example
        bare.model("acme/m").open_pull_request({"a.txt": "a"})
    bare.forget()
    answer = ask(bare, "/" + "/".join(parts) + query, method=method, body=body)

    assert answer.status in (200, 302, 307, 401, 404, 405)
    assert answer.status < 400 or method == "HEAD" or answer.body
