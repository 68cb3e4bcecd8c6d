"""The lockfiles a sandbox writes for its servers."""

from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resilient_infer.lock.lockfile import parse_lock
from resilient_infer.lock.manifest import parse_manifest
from resilient_infer.lock.reader import Parser
from resilient_infer.testing.sandbox import Kind, Model, Sandbox, Served, commit_of
from tests.testing.raw import GPT2, MINI, SENTIMENT

PARSERS: tuple[Parser, ...] = ("c", "pure") if hasattr(yaml, "CSafeLoader") else ("pure",)
LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
KINDS: tuple[Kind, ...] = get_args(Kind)
SIEBERT = "siebert/sentiment-roberta-large-english"


def written(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    manifest, lock = (
        yaml.safe_load((folder / name).read_text()) for name in ("models.yaml", "models.lock.yaml")
    )
    return manifest, lock


def test_what_is_written_points_at_the_servers(sandbox: Sandbox, tmp_path: Path) -> None:
    """Providers with kind, URL and the key's variable; targets and routes in order; the policy."""
    first = sandbox.serve("hf-inference", key="hf_secret")
    second = sandbox.serve("hf-inference", name="backup")
    third = sandbox.serve("hf-endpoint", key="hf_other", key_env="MY_KEY")
    aliases: dict[str, str | list[str | Served]] = {
        "sentiment": [Served(model=SENTIMENT, by=(second, first)), Served(model=SIEBERT, by=(first,))],
        "every": SENTIMENT,
    }

    folder = sandbox.write(tmp_path / "some" / "lockfiles", aliases, {"retries": 1, "deadline": 5})
    manifest, lock = written(folder)

    assert manifest["version"] == 1
    assert manifest["policy"] == {"retries": 1, "deadline": 5}
    assert manifest["providers"] == {
        "hf-inference-1": {"kind": "hf-inference", "url": first.url, "key_env": "HF_INFERENCE_1_KEY"},
        "backup": {"kind": "hf-inference", "url": second.url},
        "hf-endpoint-1": {"kind": "hf-endpoint", "url": third.url, "key_env": "MY_KEY"},
    }
    assert manifest["models"]["sentiment"] == {
        "task": "text-classification",
        "targets": [
            {"model": SENTIMENT, "routes": ["backup", "hf-inference-1"]},
            {"model": SIEBERT, "routes": ["hf-inference-1"]},
        ],
    }
    assert manifest["models"]["every"]["targets"] == [
        {"model": SENTIMENT, "routes": ["hf-inference-1", "backup", "hf-endpoint-1"]}
    ]
    assert lock["lock_version"] == "1.0"
    assert lock["models"]["sentiment"]["pins"] == [
        {"model": model, "requested": "main", "revision": commit_of(model)} for model in (SENTIMENT, SIEBERT)
    ]
    assert sandbox.environ == {"HF_INFERENCE_1_KEY": "hf_secret", "MY_KEY": "hf_other"}
    assert "hf_secret" not in (folder / "models.yaml").read_text()


def test_a_name_that_only_a_provider_knows(sandbox: Sandbox, tmp_path: Path) -> None:
    """{provider, name, pin} in both files, one target for each server."""
    first, second = sandbox.serve("openai"), sandbox.serve("openai")
    expected = [{"provider": server.name, "name": MINI, "pin": "versioned"} for server in (first, second)]

    manifest, lock = written(sandbox.write(tmp_path, {"chat": [MINI]}))

    assert manifest["models"]["chat"] == {"task": "chat", "targets": expected}
    assert lock["models"]["chat"] == {"task": "chat", "pins": expected}
    assert "policy" not in manifest


def test_the_lock_holds_what_is_served_now(sandbox: Sandbox, tmp_path: Path) -> None:
    """After a move another commit; `model, requested, revision` on lines of their own, the last quoted."""
    server = sandbox.serve("hf-inference")
    server.move(GPT2, "0123456789" * 4)

    text = sandbox.lock({"story": GPT2})

    assert text.splitlines()[-3:] == [
        f'      - model: "{GPT2}"',
        "        requested: main",
        f'        revision: "{"0123456789" * 4}"',
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(alias=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20))
def test_no_name_turns_into_anything_else(sandbox: Sandbox, alias: str) -> None:
    """Quoting is safe: "on", "1:30", "x: y" and any printable name read back as they are."""
    model = Model(name=f"acme/{alias}", task="chat")
    with sandbox.serve("openai", name=f"{alias}{len(sandbox.servers)}", models=[model]) as server:
        manifest = yaml.safe_load(sandbox.manifest({alias: model.name}))
        lock = yaml.safe_load(sandbox.lock({alias: model.name}))

    assert server.name in manifest["providers"]
    assert manifest["models"][alias]["targets"][0]["model"] == model.name
    assert lock["models"][alias]["pins"][0]["model"] == model.name


def test_the_router_is_told_who_shall_serve(sandbox: Sandbox) -> None:
    """Its name of a model ends with a provider; everybody else knows the model by the Hub's."""
    sandbox.serve("hf-router")
    sandbox.serve("vllm")

    manifest = yaml.safe_load(sandbox.manifest({"chat": LLAMA}))

    assert [provider["kind"] for provider in manifest["providers"].values()] == ["hf-router", "vllm"]
    assert manifest["models"]["chat"]["targets"] == [
        {"model": LLAMA, "routes": [{"provider": "hf-router-1", "name": f"{LLAMA}:together"}, "vllm-1"]}
    ]


@pytest.mark.parametrize("parser", PARSERS)
def test_the_librarys_own_strict_reader_takes_them(sandbox: Sandbox, parser: Parser) -> None:
    """Both parsers, every kind and its models, nothing to complain of."""
    for server in [sandbox.serve(kind, key="k") for kind in KINDS]:
        aliases = {f"alias-{number}": name for number, name in enumerate(server.models)}
        text = sandbox.manifest(aliases, {"retries": 0, "breaker": {"consecutive": 3}}).encode()
        kinds = frozenset(KINDS)
        manifest = parse_manifest(text, "models.yaml", None, kinds=kinds, parser=parser)
        lock = parse_lock(sandbox.lock(aliases).encode(), "models.lock.yaml", parser=parser)

        assert set(manifest.aliases) == set(lock.entries) == set(aliases)
        assert not lock.warnings


def test_what_cannot_be_written(sandbox: Sandbox, tmp_path: Path) -> None:
    """Models nobody serves and targets of several tasks are said, and nothing is written."""
    server = sandbox.serve("hf-inference")
    folder = tmp_path / "lockfiles"
    with pytest.raises(ValueError, match="at least one server"):
        sandbox.write(folder, {"x": "acme/none"})
    with pytest.raises(ValueError, match="does not serve acme/none"):
        Served(model="acme/none", by=(server,))
    with pytest.raises(ValueError, match="x: the targets of an alias have one task"):
        sandbox.write(folder, {"x": [SENTIMENT, GPT2]})
    with pytest.raises(ValueError, match="x: the targets of an alias have one task"):
        sandbox.write(folder, {"x": []})
    assert not folder.exists()


@pytest.mark.parametrize(("name", "variable"), [("a-b.c", "A_B_C_KEY"), ("1st", "_1ST_KEY"), ("ü", "__KEY")])
def test_variables_have_names_that_a_shell_takes(sandbox: Sandbox, name: str, variable: str) -> None:
    """Capitals, digits and underscores, and no digit in front."""
    sandbox.serve("openai", name=name, key="k")

    assert sandbox.environ == {variable: "k"}
