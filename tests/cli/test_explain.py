"""`resilient-infer explain`: everything a call would go through, with its place, and nobody asked."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from resilient_infer.testing.sandbox.hub import Look

from .conftest import Command, Project

SECRET = "sk-abcdefgh12345678"

LONG = """\
version: 1
providers:
  groq: {kind: openai, url: https://api.groq.com/openai/v1, key_env: GROQ_API_KEY, concurrency: 3}
  ours: {kind: hf-endpoint, url_env: SENTIMENT_URL, token: hub}
policy: {retries: 1}
models:
  gpt2: openai-community/gpt2
  sentiment:
    deadline: 5
    targets:
      - model: acme/sentiment
        routes: [ours, hf-inference]
  chat:
    task: chat
    breaker: {open: 2}
    targets:
      - provider: groq
        name: llama-3.1-8b-instant
        pin: floating
        price: {input: 0.05, output: 0, cached: 0.000001}
        attempt_timeout: 7
environments:
  prod: {gpt2: openai-community/gpt2@v2}
"""


@pytest.fixture
def explained(project: Project, command: Command, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A long manifest, locked, and one of its variables set."""
    project.manifest.write_text(LONG)
    assert command("lock").code == 0
    project.hub.forget()
    monkeypatch.setenv("GROQ_API_KEY", SECRET)
    return project


def record_of(command: Command, *arguments: str) -> dict[str, Any]:
    ended = command("explain", *arguments, "--format", "json")
    record = json.loads(ended.out)
    assert record["exit_code"] == ended.code
    assert isinstance(record, dict)
    return record


def route_of(record: dict[str, Any]) -> dict[str, Any]:
    """The first route of its first target."""
    route = record["targets"][0]["routes"][0]
    assert isinstance(route, dict)
    return route


def test_targets_and_routes_are_told_in_order_with_their_places(explained: Project, command: Command) -> None:
    """Model, commit, pin, provider, variables; each with file and line."""
    ended = command("explain", "sentiment")

    assert (ended.code, ended.err) == (0, "")
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    lock = explained.lock.read_text().splitlines()
    pin = next(number for number, line in enumerate(lock, 1) if "- model: acme/sentiment" in line)
    assert lines[0] == "sentiment text-classification lockfiles/models.yaml:8"
    assert "1 acme/sentiment lockfiles/models.yaml:11" in lines
    assert f"commit {explained.sentiment.head} (main) lockfiles/models.lock.yaml:{pin}" in lines
    assert any(line.startswith("pin declared: ") for line in lines)
    first = lines.index("1.1 ours:acme/sentiment lockfiles/models.yaml:12")
    assert lines[first + 1 : first + 5] == [
        "provider hf-endpoint lockfiles/models.yaml:4",
        "pin declared; with endpoint: namespace/name at the provider its commit would be asked for",
        "url SENTIMENT_URL: not set",
        "key asked of huggingface_hub with every call",
    ]
    second = lines.index("1.2 hf-inference:acme/sentiment lockfiles/models.yaml:12")
    assert "key HF_TOKEN: not set" in lines[second:]
    assert explained.hub.requests == ()


def test_each_value_of_the_policy_says_where_it_is_from(explained: Project, command: Command) -> None:
    """The innermost level that says something; a time-out cut down by the deadline is the deadline's."""
    lines = [" ".join(line.split()) for line in command("explain", "sentiment").out.splitlines()]
    assert "deadline 5 s the alias, lockfiles/models.yaml:8" in lines
    assert "retries 1 policy, lockfiles/models.yaml:5" in lines
    assert "max_wait 5 s default" in lines
    assert "attempt_timeout 5 s the alias, lockfiles/models.yaml:8" in lines

    lines = [" ".join(line.split()) for line in command("explain", "chat").out.splitlines()]
    assert "attempt_timeout 7 s the route, lockfiles/models.yaml:17" in lines
    assert "concurrency 3 the provider, lockfiles/models.yaml:3" in lines
    assert "breaker.open 2 s the alias, lockfiles/models.yaml:13" in lines


FALLING_BACK = """\
version: 1
providers: {ours: {kind: hf-endpoint, url_env: SENTIMENT_URL, token: hub, endpoint: acme/sentiment-1}}
policy: {on_pin_mismatch: warn}
models:
  mapped:
    targets:
      - {model: acme/sentiment, routes: [ours]}
      - {model: acme/angry, labels: {angry: BAD, glad: GOOD}}
  free: {fallback: any, targets: [{model: acme/sentiment}, {model: acme/angry}]}
"""


def test_how_it_falls_back_is_told(project: Project, command: Command) -> None:
    """The label map, the deployment that is asked, and what becomes of a server with another commit."""
    project.hub.model("acme/angry", Look(labels=("angry", "glad")))
    project.manifest.write_text(FALLING_BACK)
    assert command("lock").code == 0

    lines = [" ".join(line.split()) for line in command("explain", "mapped").out.splitlines()]
    assert "fallback contract: only to a target whose answers mean what the first one's mean" in lines
    assert 'labels "angry": "BAD", "glad": "GOOD"' in lines
    assert "endpoint acme/sentiment-1" in lines
    assert "on_pin_mismatch warn policy, lockfiles/models.yaml:3" in lines
    record = record_of(command, "mapped")
    first, second = record["targets"]
    assert (record["fallback"], first["labels"], first["clash"], second["clash"]) == ("contract", {}, "", "")
    assert second["labels"] == {"angry": "BAD", "glad": "GOOD"}
    assert first["routes"][0]["endpoint"] == "acme/sentiment-1"
    free = command("explain", "free").out
    assert "any: to every target, whatever its labels or weights" in free
    assert "RI406" not in free


def test_a_target_that_answers_differently_is_told(project: Project, command: Command) -> None:
    """By what is locked; a call passes it over."""
    project.hub.model("acme/angry", Look(labels=("angry", "glad")))
    project.manifest.write_text(FALLING_BACK)
    assert command("lock").code == 0
    project.manifest.write_text(FALLING_BACK.replace("glad: GOOD", "glad: FINE"))

    lines = [" ".join(line.split()) for line in command("explain", "mapped").out.splitlines()]
    told = next(line for line in lines if line.startswith("not used "))
    assert told.startswith('not used RI406: its label map ends in "FINE"')


STRONGEST = {
    "hf-inference": ("text-generation", "", "declared"),
    "hf-endpoint": ("text-generation", "", "declared"),
    "hf-router": ("chat", "name: 'openai-community/gpt2:together'", "declared"),
    "openai": ("chat", "name: any", "declared"),
    "tgi": ("text-generation", "", "attested"),
    "tei": ("feature-extraction", "", "attested"),
    "vllm": ("chat", "name: any", "attested"),
    "sglang": ("chat", "", "attested"),
    "llamacpp": ("text-generation", "name: model.gguf", "attested"),
    "transformers": ("chat", "", "enforced"),
    "transformers, by a branch": ("chat", "name: openai-community/gpt2@main", "declared"),
}


@pytest.mark.parametrize("name", STRONGEST)
def test_what_a_pin_can_come_to_is_told_for_each_kind(project: Project, command: Command, name: str) -> None:
    """By what servers of the kind can say: no more, and no less. Without a lock there is no claim to make."""
    task, route, pin = STRONGEST[name]
    provider = f"{{kind: {name.partition(',')[0]}, url: 'http://127.0.0.1:1'}}"
    project.manifest.write_text(
        f"version: 1\nproviders: {{p: {provider}}}\nmodels:\n  a:\n    task: {task}\n    targets:\n"
        f"      - {{model: openai-community/gpt2, routes: [{{provider: p, {route}}}]}}\n"
    )
    before = record_of(command, "a")
    assert command("lock").code == 0
    after = record_of(command, "a")

    assert [route_of(before)[key] for key in ("strongest_pin", "fault")] == ["floating", ""]
    assert [route_of(after)[key] for key in ("strongest_pin", "fault")] == [pin, ""]
    lines = [" ".join(line.split()) for line in command("explain", "a").out.splitlines()]
    assert sum(line.startswith(f"pin {pin}") for line in lines) == (2 if pin == "declared" else 1)


def test_a_route_that_names_the_locked_commit_is_enforced(project: Project, command: Command) -> None:
    """And one that names another commit is not: no answer of it can be the locked model's."""
    for commit, pin in ((project.gpt2.head, "enforced"), ("f" * 40, "declared")):
        project.manifest.write_text(
            "version: 1\nproviders: {p: {kind: transformers, url: 'http://127.0.0.1:1'}}\nmodels:\n"
            "  a:\n    task: chat\n    targets:\n      - model: openai-community/gpt2\n"
            f"        routes: [{{provider: p, name: openai-community/gpt2@{commit}}}]\n"
        )
        assert command("lock").code == 0
        assert route_of(record_of(command, "a"))["strongest_pin"] == pin


def test_an_endpoint_is_attested_if_its_deployment_is_named(project: Project, command: Command) -> None:
    """Inside the endpoint nothing tells the commit; the management service does."""
    project.manifest.write_text(FALLING_BACK.partition("      - {model: acme/angry")[0])
    assert command("lock").code == 0

    assert route_of(record_of(command, "mapped"))["strongest_pin"] == "attested"
    assert "pin                  attested, if the server says" in command("explain", "mapped").out


def test_a_server_that_cannot_serve_the_task_is_told(project: Project, command: Command) -> None:
    """With the tasks that it can serve."""
    project.manifest.write_text(
        "version: 1\n"
        "models:\n"
        "  a: {task: chat, targets: [{model: openai-community/gpt2, routes: [hf-inference, openai]}]}\n"
    )
    assert command("lock").code == 0
    first, second = record_of(command, "a")["targets"][0]["routes"]

    assert first["fault"].startswith('servers of kind "hf-inference" cannot serve chat; they can serve ')
    assert second["fault"] == ""
    assert "not used             servers of kind" in command("explain", "a").out


def test_what_holds_for_the_call_is_not_repeated_for_each_route(explained: Project, command: Command) -> None:
    """Every key of the policy stands in one of the two places."""
    record = json.loads(command("explain", "chat", "--format", "json").out)
    of_call, of_route = set(record["policy"]), set(record["targets"][0]["routes"][0]["policy"])

    assert not of_call & of_route
    assert {"deadline", "retries", "attempt_timeout", "breaker.open"} <= of_call | of_route
    assert "attempt_timeout" in of_route


def test_a_price_of_nothing_is_not_an_unknown_one(explained: Project, command: Command) -> None:
    """0 is told as 0, absent as unknown, exact either way."""
    text = command("explain", "chat").out
    assert "input 0.05 USD per million tokens, output 0 USD per million tokens" in text
    assert "cached 0.000001 USD" in text
    assert "price                unknown" in command("explain", "gpt2").out


def test_no_value_of_a_variable_is_shown(explained: Project, command: Command) -> None:
    """Only whether it is set."""
    for arguments in (["explain", "chat"], ["explain", "chat", "--format", "json"]):
        ended = command(*arguments)
        assert "GROQ_API_KEY" in ended.out
        assert SECRET not in ended.out + ended.err
    assert "GROQ_API_KEY: set" in command("explain", "chat").out


def test_a_token_that_hf_auth_login_left_is_found(
    explained: Project, command: Command, bare_environment: Path
) -> None:
    """The variable is not set, and the route has a key all the same."""
    (bare_environment / "hf").mkdir()
    (bare_environment / "hf" / "token").write_text("hf_0123456789abcdef")
    text = command("explain", "gpt2").out

    assert "HF_TOKEN: not set, but found where the Hub's own tools look for it" in text
    assert "hf_0123456789abcdef" not in text


def test_what_is_in_the_way_of_a_call_is_told(explained: Project, command: Command) -> None:
    """Stale, not locked, edited by hand, no lock at all: still exit 0, for it is only told."""
    assert "\n  lock                 locked, lockfiles/models.lock.yaml:" in command("explain", "gpt2").out
    prod = command("explain", "gpt2", "--env", "prod").out
    assert "stale: the manifest asks for openai-community/gpt2@v2" in prod
    assert "none is locked (v2)" in prod
    explained.manifest.write_text(f"{LONG.partition('environments')[0]}  new: acme/new\n")
    new = command("explain", "new")
    assert "task not known" in new.out
    assert "not locked: lockfiles/models.lock.yaml has no entry for it" in new.out
    assert new.code == 0
    text = explained.lock.read_text()
    explained.lock.write_text(text.replace(explained.gpt2.head, "f" * 40))
    assert "not usable: lockfiles/models.lock.yaml:" in command("explain", "gpt2").out
    explained.lock.unlink()
    assert "not locked: there is no lock file" in command("explain", "gpt2").out


def test_a_lock_that_is_shipped_alone_is_explained(explained: Project, command: Command) -> None:
    """Without a manifest, the aliases that the lock tells enough about."""
    explained.manifest.unlink()
    record = record_of(command, "gpt2")

    assert record["state"] == "locked"
    assert command("explain", "chat").code == 2


def test_an_unknown_alias_is_exit_2(explained: Project, command: Command) -> None:
    """With a did-you-mean, and as JSON the same keys."""
    ended = command("explain", "sentimant")
    assert (ended.code, ended.out) == (2, "")
    assert 'did you mean "sentiment"?' in ended.err
    wrong, right = record_of(command, "sentimant"), record_of(command, "sentiment")
    assert set(wrong) == set(right)
    assert wrong["exit_code"] == 2


def test_it_needs_neither_huggingface_hub_nor_a_connection(explained: Project) -> None:
    """No module that could ask the Hub is loaded, and no socket opened."""
    program = """
import sys
opened = []
sys.addaudithook(lambda event, _: event.startswith("socket.connect") and opened.append(event))
from resilient_infer.cli.main import run
code = run(["explain", "sentiment", "--format", "json"])
print(code, opened, "huggingface_hub" in sys.modules, file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True)

    assert done.stderr == "0 [] False\n"


def test_what_its_models_load_besides_themselves_is_told(project: Project, command: Command) -> None:
    """With the commit, its place in the lock, and who needs it for what; or that none could be locked."""
    project.hub.model("acme/adapter", Look(task="text-generation", adapter_of="acme/base"))
    base = project.hub.model("acme/base", Look(task="text-generation"))
    auto_map = {"AutoModel": "acme/secret--modeling_x.X"}
    base.push({"config.json": json.dumps({"auto_map": auto_map})})
    project.hub.model("acme/secret").gate()
    project.manifest.write_text("version: 1\nmodels: {a: acme/adapter}\n")
    assert command("lock").code == 0

    needed = record_of(command, "a")["needed"]

    assert [(one["model"], one["requested"], one["revision"]) for one in needed] == [
        ("acme/base", "main", base.head),
        ("acme/secret", "main", None),
    ]
    assert needed[0]["needed_by"] == [{"model": "acme/adapter", "kind": "base"}]
    assert needed[1]["needed_by"] == [{"model": "acme/base", "kind": "code"}]
    file, _, line = needed[0]["lock_place"].rpartition(":")
    assert "acme/base" in (project.root / file).read_text().splitlines()[int(line) - 1]
    assert needed[1]["lock_place"] is None
    told = command("explain", "a").out
    assert f"commit               {base.head} (main)  lockfiles/models.lock.yaml:{line}" in told
    assert "commit               none is locked (main)" in told
    assert "needed by            acme/adapter (base)" in told
    assert [target["model"] for target in record_of(command, "a")["targets"]] == ["acme/adapter"]


def test_an_alias_whose_models_load_nothing_else_says_nothing_of_it(
    explained: Project, command: Command
) -> None:
    """No heading without anything below it."""
    assert "loaded with its models" not in command("explain", "sentiment").out
    assert record_of(command, "sentiment")["needed"] == []


SET = {
    "nothing": ({}, ["", "", ""]),
    "what can be used": (
        {
            "SENTIMENT_URL": "https://a.example",
            "OURS_KEY": SECRET,
            "RESILIENT_INFER_ENDPOINTS_API": "https://b",
        },
        ["", "", ""],
    ),
    "no URLs": (
        {"SENTIMENT_URL": f"ftp://{SECRET}", "OURS_KEY": SECRET, "RESILIENT_INFER_ENDPOINTS_API": SECRET},
        ["the URL in SENTIMENT_URL cannot be used", "", "the URL in RESILIENT_INFER_ENDPOINTS_API cannot"],
    ),
    "plain http, and a key that is none": (
        {
            "SENTIMENT_URL": "http://a.example",
            "OURS_KEY": f"{SECRET}\n{SECRET}",
            "RESILIENT_INFER_ENDPOINTS_API": "http://b.example",
        },
        ["", "the key in the environment variable OURS_KEY cannot be sent", "over plain http"],
    ),
    "a key that would travel readable": (
        {"SENTIMENT_URL": "http://a.example", "OURS_KEY": SECRET},
        ["", "the key in OURS_KEY would be sent over plain http", ""],
    ),
}


@pytest.mark.parametrize("name", SET)
def test_what_variables_hold_is_looked_at_as_a_call_does_and_not_shown(
    project: Project, command: Command, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The endpoint's URL and key, and where it is asked for the commit that the endpoint runs."""
    environ, faults = SET[name]
    for variable, value in environ.items():
        monkeypatch.setenv(variable, value)
    project.manifest.write_text(
        "version: 1\n"
        "providers:\n"
        "  ours: {kind: hf-endpoint, url_env: SENTIMENT_URL, key_env: OURS_KEY, endpoint: acme/prod}\n"
        "models:\n  a: {targets: [{model: acme/sentiment, routes: [ours]}]}\n"
    )
    assert command("lock").code == 0
    found = route_of(record_of(command, "a"))["variables"]

    assert [(each["name"], each["use"]) for each in found] == [
        ("SENTIMENT_URL", "url"),
        ("OURS_KEY", "key"),
        ("RESILIENT_INFER_ENDPOINTS_API", "asked at"),
    ]
    assert [each["set"] for each in found] == [each["name"] in environ for each in found]
    for each, fault in zip(found, faults, strict=True):
        assert fault in each["fault"]
        assert bool(fault) is bool(each["fault"])
    ended = command("explain", "a")
    assert ended.code == 0
    assert all(fault in ended.out for fault in faults)
    assert SECRET not in ended.out + ended.err
    if name == "nothing":
        assert "RESILIENT_INFER_ENDPOINTS_API: not set, but Hugging Face's own service is asked" in ended.out


def test_ri502_a_name_that_moves_is_told(project: Project, command: Command) -> None:
    """Where it is declared versioned; a dated one is not."""
    for name, told in (("gpt-4.1-mini", True), ("gpt-4.1-mini-2025-04-14", False)):
        project.manifest.write_text(
            "version: 1\nmodels:\n  a:\n    task: chat\n    targets:\n"
            f"      - {{provider: openai, name: {name}, pin: versioned}}\n"
        )
        assert ("RI502" in command("explain", "a").out) is told
        assert bool(record_of(command, "a")["targets"][0]["floats"]) is told
