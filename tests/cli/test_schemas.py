"""The published schemas: shipped twice, and every object that the commands print fits them."""

import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given

from resilient_infer.cli.schemas import NAMES, json_schema, schema_text
from resilient_infer.cli.verified import Verified, verified_record
from resilient_infer.testing.sandbox import Status

from .conftest import Command, Project
from .hostile import SECRETS, VERIFIED

ROOT = Path(__file__).parents[2]


def misfits(record: object, name: str) -> list[str]:
    return [error.message for error in jsonschema.Draft202012Validator(json_schema(name)).iter_errors(record)]


@pytest.mark.parametrize("name", NAMES)
def test_both_copies_are_what_the_code_says(name: str) -> None:
    """One beside the manifest's schema, one in the wheel. To renew them write `schema_text(name)` to both."""
    jsonschema.Draft202012Validator.check_schema(json_schema(name))
    beside = (ROOT / "lockfiles" / f"{name}.schema.json").read_text(encoding="utf-8")
    shipped = files("resilient_infer.cli").joinpath(f"{name}.schema.json").read_text(encoding="utf-8")

    assert beside == shipped == schema_text(name)


FATES: dict[str, Callable[[Project], object]] = {
    "all is well": lambda on: None,
    "a commit is gone": lambda on: on.sentiment.squash(),
    "a branch has moved": lambda on: on.gpt2.push({"config.json": "{}"}),
    "the Hub is down": lambda on: on.hub.fail(Status(code=503)),
    "nothing is locked": lambda on: on.lock.unlink(),
    "the lock is broken": lambda on: on.lock.write_text("models: {}\n"),
    "the manifest is gone": lambda on: on.manifest.unlink(),
    "an alias more": lambda on: on.manifest.write_text(
        f"{on.manifest.read_text()}  third: acme/third\n  named: {{task: chat, targets: "
        "[{provider: openai, name: gpt-4.1-mini-2025-04-14, pin: versioned}]}\n"
    ),
}


@pytest.mark.parametrize("fate", FATES)
def test_every_object_fits_its_schema(project: Project, command: Command, fate: str) -> None:
    """With --check and without, and after a failure; the exit code is the process's."""
    assert command("lock").code == 0
    FATES[fate](project)
    impatient = ("--timeout", "0.3", "--max-wait", "0.1", "--format", "json")

    for arguments in (
        ("verify",),
        ("verify", "--live"),
        ("lock", "--check"),
        ("lock", "--dry-run"),
        ("lock", "--relocate", "--dry-run"),
        ("outdated", "--exit-code"),
        ("diff",),
        ("diff", "--env", "default", "--env", "default"),
        ("update", "--dry-run", "--min-age", "0d"),
        ("update",),
        ("lock",),
    ):
        ended = command(*arguments, *impatient)
        record = json.loads(ended.out)
        assert misfits(record, arguments[0]) == []
        assert record["exit_code"] == ended.code


@given(done=VERIFIED)
def test_no_token_is_in_the_object(done: Verified) -> None:
    """Whatever file, variable or server it came from."""
    text = json.dumps(verified_record(done), ensure_ascii=False)

    assert not any(secret in text for secret in SECRETS)
