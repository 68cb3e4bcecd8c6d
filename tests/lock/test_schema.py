"""The JSON Schema: made from the table, shipped, and never stricter than the validator."""

from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
import yaml

from resilient_infer.errors import ConfigError
from resilient_infer.lock.manifest import parse_manifest
from resilient_infer.lock.schema import json_schema, schema_text
from tests.lock.samples import FULL, LONG
from tests.lock.test_manifest import REFUSED

ROOT = Path(__file__).parents[2]

ACCEPTED = {
    "full": FULL.decode(),
    "the repository's own": (ROOT / "lockfiles" / "models.yaml").read_text(),
    "empty": "version: 1\nmodels: {}\n",
    "pasted": "version: 1\nmodels:\n  a: https://huggingface.co/org/model/tree/refs%2Fpr%2F1\n  b: hf://gpt2@main\n",
    "a plain repo": "version: 1\nmodels: {a: gpt2, b: 'org/x@feature/y'}\n",
    "all breaker keys": (
        "version: 1\nmodels: {}\npolicy: {breaker: {failure_rate: 1, min_calls: 1, window: 60, "
        "consecutive: 2, slow_after: 0.5, open: 1, max_open: 2, probes: 3}}\n"
    ),
    "labels of all sorts": (
        "version: 1\nmodels: {a: {fallback: any, on_pin_mismatch: warn, targets: [{model: x}, "
        "{model: z, labels: {'1': 'no', '5 stars': 'a: b', '\U0001f600': '#', L: L, \"\\u00a0\\r\": x}}, "
        "{provider: openai, name: m, pin: floating, labels: {a: b}}]}}\n"
    ),
    "a deployment": (
        "version: 1\nproviders: {p: {kind: hf-endpoint, url_env: U, key_env: K, endpoint: acme/a-1}}\n"
        "models: {}\n"
    ),
    "the long one of the documents": LONG.decode(),
    "all prices": (
        "version: 1\nmodels: {a: {task: chat, targets: [{provider: openai, name: m, pin: floating, "
        "context: 5, attempt_timeout: 3, "
        "price: {input: 0, output: 0.1, cached: 0, image: 1, second: 2.5}}]}}\n"
    ),
}

# What only the validator sees: relations between keys, what a name refers to, and how YAML spelt a value.
BEYOND_THE_SCHEMA = {
    "an alias other readers take for a boolean",
    "a provider nobody named",
    "labels of the first target",
    "a label twice",
    "a label other readers take for a boolean",
    "a deployment of another kind",
    "a deployment without a key",
    "a router's route without provider",
    "a router's route by its name alone",
    "a router's route to the fastest",
    "a router's route to another repo",
    "a router's route to two providers",
    "a provider-only target of the router",
    "an attempt that outlasts the call",
    "a window shorter than two attempts",
    "an open time over its greatest",
    "nothing useful before the deadline",
    "a provider-only target of the Hub",
    "no task and no repo",
    "the same route twice",
    "no address",
    "two addresses",
    "a key over plain http",
    "two sources of a key",
    "the Hub's token for a stranger",
    "the Hub's token over plain http",
    "a header with a secret",
    "a header of the transport",
    "a header twice",
    "a header to be filled in",
    "not a number",
    "a boolean by another word",
    "a boolean in capitals",
    "a number with underscores",
    "an octal number",
    "a hexadecimal number",
    "a sexagesimal number",
}


def schema_accepts(text: str) -> bool:
    return jsonschema.Draft202012Validator(json_schema()).is_valid(yaml.safe_load(text))


def test_the_schema_is_valid() -> None:
    """Against its own meta-schema."""
    jsonschema.Draft202012Validator.check_schema(json_schema())


def test_both_copies_are_what_the_table_says() -> None:
    """One beside the example for editors, one in the wheel. To renew them write `schema_text()` to both."""
    beside = (ROOT / "lockfiles" / "models.schema.json").read_text(encoding="utf-8")
    shipped = files("resilient_infer.lock").joinpath("models.schema.json").read_text(encoding="utf-8")

    assert beside == schema_text()
    assert shipped == schema_text()


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_the_validator_accepts_passes_the_schema(text: str) -> None:
    """An editor never marks as wrong what can be called."""
    assert parse_manifest(text.encode(), "m.yaml", None)
    assert schema_accepts(text)


@pytest.mark.parametrize("name", sorted(set(REFUSED) - BEYOND_THE_SCHEMA))
def test_what_the_schema_can_see_it_refuses_too(name: str) -> None:
    """Bad keys, types, ranges and patterns are marked while typing."""
    text = REFUSED[name][0]

    with pytest.raises(ConfigError):
        parse_manifest(text.encode(), "m.yaml", None)
    assert not schema_accepts(text)


@pytest.mark.parametrize("name", sorted(BEYOND_THE_SCHEMA))
def test_what_the_schema_cannot_see_is_known(name: str) -> None:
    """The list of what it cannot see stays honest."""
    assert schema_accepts(REFUSED[name][0])
