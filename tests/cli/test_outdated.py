"""`resilient-infer outdated`: one line for each pin, an exit code for CI, and not a byte written."""

import json

import pytest

from resilient_infer.testing.sandbox import Hang, Page, Refused, Status
from resilient_infer.testing.sandbox.hub import Look

from .conftest import MANIFEST, Command, Project

QUICK = ("--timeout", "0.3", "--max-wait", "0.5")


def test_each_pin_is_told_with_what_is_ahead_of_it(project: Project, command: Command) -> None:
    """Exit 0, unless --exit-code asks for 1; nothing is written."""
    command("lock")
    current = command("outdated", "--exit-code")
    old = project.sentiment.head
    project.sentiment.push({"model.safetensors": b"x" * 2_000_000})
    new = project.sentiment.push({"README.md": "x"})
    before = project.files()

    ended, checked = command("outdated"), command("outdated", "--exit-code")

    assert (current.code, current.err) == (0, "")
    assert "2 pins: 2 current" in current.out
    assert (ended.code, checked.code, project.files()) == (0, 1, before)
    lines = [line.split() for line in ended.out.splitlines()]
    assert ["current", "gpt2", "openai-community/gpt2", project.gpt2.head[:12], "main"] in lines
    assert ["behind", "sentiment", "acme/sentiment", old[:12], "main", "is", "at", new[:12]] in lines
    assert "      +2 commits since 2026-01-01: weights, documents (2.0 MB to fetch)\n" in ended.out
    assert "2 pins: 1 current, 1 behind" in ended.out


def test_an_environment_is_seen_as_it_calls(project: Project, command: Command) -> None:
    """Its own pins, and the default ones for the rest; a commit that was asked for is fixed."""
    commit = project.sentiment.head
    text = f"{MANIFEST}environments:\n  prod: {{sentiment: acme/sentiment@{commit}}}\n"
    project.manifest.write_text(text)
    command("lock", "--all-envs")
    project.sentiment.push({"README.md": "x"})

    ended = command("outdated", "--env", "prod", "--exit-code")

    assert ended.code == 0
    assert "2 pins: 1 current, 1 fixed" in ended.out
    assert command("outdated", "--exit-code").code == 1


def test_what_is_wrong_with_a_pin_is_a_finding(project: Project, command: Command) -> None:
    """Exit 1: gone, not locked; the other pin is told all the same."""
    project.hub.model("acme/third", Look())
    command("lock")
    project.manifest.write_text(f"{MANIFEST}  third: acme/third\n")
    project.hub.delete("acme/sentiment")

    ended = command("outdated")

    assert ended.code == 1
    assert "error RI101 lockfiles/models.yaml:6 third: not locked" in ended.out
    assert "error RI202 lockfiles/models.lock.yaml:" in ended.out
    assert "2 pins: 1 current, 1 unknown; 2 errors" in ended.out


TROUBLES = {
    "503": Status(code=503),
    "429": Status(code=429),
    "a page": Page(),
    "refused": Refused(),
    "hang": Hang(),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_hub_that_does_not_answer_says_nothing_of_any_pin(
    project: Project, command: Command, trouble: str
) -> None:
    """Exit 3, also with --exit-code."""
    command("lock")
    project.hub.fail(TROUBLES[trouble])

    ended = command("outdated", "--exit-code", *QUICK)

    assert ended.code == 3
    assert "unchecked RI900" in ended.out
    assert "2 pins: 2 unknown; 2 not checked" in ended.out


KEYS = {"schema_version", "command", "exit_code", "pins", "findings", "elapsed", "requests", "error"}


def test_json_is_one_object_with_the_same_keys_always(project: Project, command: Command) -> None:
    """Commits, classes and sizes as they are; after an error as well."""
    command("lock")
    project.sentiment.push({"config.json": "{}"})

    told = json.loads(command("outdated", "--exit-code", "--format", "json").out)
    ended = command("outdated", "--env", "nowhere", "--format", "json")
    broken = json.loads(ended.out)

    pins = {pin["alias"]: pin for pin in told["pins"]}
    assert (told["exit_code"], told["requests"] > 0) == (1, True)
    assert (pins["gpt2"]["state"], pins["gpt2"]["commits"]) == ("current", None)
    behind = pins["sentiment"]
    assert (behind["state"], behind["course"], behind["commits"]) == ("behind", "ahead", 1)
    assert (behind["classes"], behind["size_fetched"], behind["head"]) == (
        ["config"],
        2,
        project.sentiment.head,
    )
    assert (ended.code, broken["exit_code"], broken["pins"]) == (2, 2, [])
    assert set(told) == set(broken) == KEYS


def test_what_is_said_of_an_environment_names_it_in_the_command(project: Project, command: Command) -> None:
    """Without --env the command would move the pins of the default environment."""
    project.sentiment.tag("v1")
    project.manifest.write_text(f"{MANIFEST}environments:\n  prod: {{sentiment: acme/sentiment@v1}}\n")
    command("lock", "--all-envs")
    project.sentiment.push({"model.safetensors": b"new"})
    project.sentiment.delete_ref("v1")
    project.sentiment.tag("v1")

    assert "resilient-infer update sentiment --env prod\n" in command("outdated", "--env", "prod").out
    project.sentiment.delete_ref("v1")
    project.sentiment.squash()
    assert "in the manifest, ask for another branch or tag" in command("outdated", "--env", "prod").out
    assert "resilient-infer lock --env prod" in _after_a_hand_edit(project, command)


def _after_a_hand_edit(project: Project, command: Command) -> str:
    lock = project.root / "lockfiles" / "models.prod.lock.yaml"
    lock.write_text(lock.read_text().replace("requested: v1", "requested: v2"))
    project.manifest.write_text(project.manifest.read_text().replace("@v1", "@v2"))
    return command("lock", "--check", "--env", "prod").out
