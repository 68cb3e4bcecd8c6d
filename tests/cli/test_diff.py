"""`resilient-infer diff`: file by file against the branch, an older lock, or another environment."""

import json
import subprocess

import pytest

from resilient_infer.testing.sandbox import Hang, Page, Refused, Status

from .conftest import MANIFEST, Command, Project

QUICK = ("--timeout", "0.3", "--max-wait", "0.5")


def git(project: Project, *arguments: str) -> None:
    who = ("-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *arguments], cwd=project.root, check=True, capture_output=True)


def test_what_update_would_change_is_told_file_by_file(project: Project, command: Command) -> None:
    """Commits, what is recorded, each file with its size and digest; nothing is written."""
    command("lock")
    old = project.sentiment.head
    changed = {"model.safetensors": b"x" * 5_000, "new.txt": "x", "README.md": None}
    new = project.sentiment.push(changed, title="Retrain \x1b[31mred\nhf_abcdefghijklmnopqrstuvwxyz01")
    before = project.files()

    ended = command("diff")

    assert (ended.code, ended.err, project.files()) == (0, "", before)
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    assert lines[0] == "sentiment"
    assert lines[1] == f"acme/sentiment at main: {old[:12]} → {new[:12]}"
    assert "+1 commit since 2026-01-01" in lines
    assert "license: apache-2.0 → not known" in lines
    assert any(line.startswith("weights model.safetensors 2.1 kB → 5.0 kB ") for line in lines)
    assert any(line.startswith("config new.txt added, 1 B ") for line in lines)
    assert any(line.startswith("documents README.md removed, 119 B ") for line in lines)
    assert any(line.startswith(f"{new[:12]} 2026-01-01 Retrain [31mred") for line in lines)
    assert "abcdef" not in ended.out
    assert lines[-1].startswith("lockfiles/models.lock.yaml → after an update: 1 alias differs")
    assert command("diff", "--exit-code").code == 1
    assert command("diff", "gpt2", "--exit-code").code == 0
    assert command("update").code == 0
    assert "no difference" in command("diff").out


def test_the_lock_is_compared_with_that_of_a_branch(project: Project, command: Command) -> None:
    """What a pull request changes, as git has it: aliases that came and went, pins that moved."""
    command("lock")
    git(project, "init", "-q", "-b", "main")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "locked")
    new = project.sentiment.push({"model.safetensors": "new"})
    project.manifest.write_text(
        "version: 1\nmodels:\n  sentiment: acme/sentiment\n  b: openai-community/gpt2\n"
    )
    command("lock")
    command("update", "sentiment")

    ended = command("diff", "--base", "main", "--exit-code")
    one = command("diff", "--base", "HEAD", "b")

    assert ended.code == 1
    assert "b  is new\n" in ended.out
    assert "gpt2  is gone\n" in ended.out
    assert f"→ {new[:12]}" in ended.out
    assert "weights  model.safetensors  2.1 kB → 3 B  " in ended.out
    assert "main:lockfiles/models.lock.yaml → lockfiles/models.lock.yaml: 3 aliases differ" in ended.out
    assert "1 alias differs" in one.out
    for ref in ("nowhere", "--help;", "HEAD:x"):
        assert command("diff", f"--base={ref}").code == 2


def test_two_environments_are_compared_offline(project: Project, command: Command) -> None:
    """As a call in each sees them; the Hub is not asked, so weights are all that is known of files."""
    first = project.sentiment.head
    project.sentiment.tag("v1", first)
    new = project.sentiment.push({"model.safetensors": "new"})
    project.manifest.write_text(
        f"{MANIFEST}environments:\n  prod: {{sentiment: acme/sentiment@v1}}\n  test: {{}}\n"
    )
    command("lock")
    early = command("diff", "--env", "default", "--env", "prod")
    assert early.err == (
        'warning: not locked as prod asks: sentiment; run "resilient-infer lock --env prod"\n'
    )
    command("lock", "--all-envs")
    project.hub.forget()

    ended = command("diff", "--env", "default", "--env", "prod", "--exit-code")

    assert (ended.code, ended.err, project.hub.requests) == (1, "", ())
    assert f"acme/sentiment at v1: {new[:12]} → {first[:12]}" in ended.out
    assert "requested: main → v1" in ended.out
    assert "weights  model.safetensors  changed" in ended.out
    assert "default → prod: 1 alias differs" in ended.out
    assert command("diff", "--env", "default", "--env", "test", "--exit-code").code == 0
    assert command("diff", "--env", "prod", "--env", "prod", "gpt2", "--exit-code").code == 0
    assert "no difference" in command("diff", "--env", "prod").out


def test_an_alias_that_cannot_move_is_told_beside_the_others(project: Project, command: Command) -> None:
    """Exit 1, and what the others would change is shown."""
    command("lock")
    project.sentiment.push({"README.md": "x"})
    project.hub.delete("openai-community/gpt2")

    ended = command("diff")

    assert ended.code == 1
    assert "error RI202 lockfiles/models.yaml:4 gpt2: " in ended.out
    assert "documents  README.md  119 B → 1 B" in ended.out


TROUBLES = {
    "503": Status(code=503),
    "429": Status(code=429),
    "a page": Page(),
    "refused": Refused(),
    "hang": Hang(),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_hub_that_does_not_answer_is_no_difference(
    project: Project, command: Command, trouble: str
) -> None:
    """Exit 3."""
    command("lock")
    project.hub.fail(TROUBLES[trouble])

    ended = command("diff", "--exit-code", *QUICK)

    assert ended.code == 3
    assert "unchecked RI900" in ended.out
    assert "no difference is known; 2 not checked" in ended.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["gtp2"], 'did you mean "gpt2"?'),
        (["--env", "a", "--env", "b", "--env", "c"], "twice to compare two environments"),
        (["--env", "a", "--env", "b", "--base", "main"], "give --env once"),
        (["--env", "default", "--env", "prod"], 'no environment "prod"'),
        (["--env", "default", "--env", "default", "nobody"], "nobody is no alias"),
        (["--format", "yaml"], "--format"),
    ],
)
def test_exit_2_when_what_was_given_cannot_be_used(
    project: Project, command: Command, arguments: list[str], said: str
) -> None:
    """Nothing is asked."""
    ended = command("diff", *arguments)

    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert project.hub.requests == ()


KEYS = {
    "schema_version",
    "command",
    "exit_code",
    "before",
    "after",
    "differences",
    "findings",
    "elapsed",
    "requests",
    "error",
}


def test_json_is_one_object_with_the_same_keys_always(project: Project, command: Command) -> None:
    """Each file with both digests; after an error as well."""
    command("lock")
    project.sentiment.push({"model.safetensors": "new"})

    told = json.loads(command("diff", "--format", "json").out)
    broken = json.loads(command("diff", "nobody", "--format", "json").out)

    (difference,) = told["differences"]
    (pin,) = difference["pins"]
    (file,) = pin["files"]
    assert (file["path"], file["class"], file["size_after"]) == ("model.safetensors", "weights", 3)
    assert file["digest_before"] != file["digest_after"]
    assert {field["name"] for field in pin["fields"]} == {"revision", "files"}
    assert (told["exit_code"], broken["exit_code"]) == (0, 2)
    assert set(told) == set(broken) == KEYS
