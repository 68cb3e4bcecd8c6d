"""`resilient-infer update`: pins move all together or not at all, and what moved is told."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from resilient_infer.testing.sandbox import Hang, Page, Refused, Status
from resilient_infer.testing.sandbox.hub import Quota

from .conftest import MANIFEST, Command, Project

QUICK = ("--timeout", "0.3", "--max-wait", "0.5")


def revision(project: Project, alias: str) -> str:
    found: str = yaml.safe_load(project.lock.read_text())["models"][alias]["pins"][0]["revision"]
    return found


def test_pins_move_and_what_moved_is_told(project: Project, command: Command) -> None:
    """From where to where, how many commits, which files; afterwards `lock` and `verify` are content."""
    command("lock")
    old = project.sentiment.head
    project.sentiment.push({"model.safetensors": b"x" * 5_000})
    new = project.sentiment.relicense("mit")

    tried = command("update", "--dry-run")
    before = revision(project, "sentiment")
    ended = command("update")

    assert (tried.code, before) == (0, old)
    assert "1 moved, not written" in tried.out
    assert (ended.code, ended.err) == (0, "")
    assert f"moved  sentiment  acme/sentiment  {new[:12]}  main  was {old[:12]}" in ended.out
    assert "+2 commits since 2026-01-01: weights, documents (5.1 kB to fetch)" in ended.out
    assert "license: apache-2.0 → mit" in ended.out
    assert revision(project, "sentiment") == new
    assert command("lock", "--check").code == command("verify").code == 0
    text = project.lock.read_bytes()
    again = command("update")
    assert (again.code, again.out) == (0, "lockfiles/models.lock.yaml is as it should be: 2 aliases\n")
    assert command("lock").code == 0
    assert project.lock.read_bytes() == text


def test_only_what_is_named_moves(project: Project, command: Command) -> None:
    """And a name that is none is told with the one that was meant."""
    command("lock")
    old = project.gpt2.head
    project.sentiment.push({"README.md": "x"})
    project.gpt2.push({"README.md": "x"})

    assert command("update", "sentiment").code == 0
    assert (revision(project, "sentiment"), revision(project, "gpt2")) == (project.sentiment.head, old)
    wrong = command("update", "gpt3")
    assert wrong.code == 2
    assert 'did you mean "gpt2"?' in wrong.err


def test_min_age_leaves_out_what_is_too_young(project: Project, command: Command) -> None:
    """By the clock of this machine; what stays, and why, is told, also in JSON."""
    now = datetime.now(UTC)
    project.sentiment.push({"README.md": "0"}, date=now - timedelta(days=30))
    command("lock")
    eight = project.sentiment.push({"README.md": "8"}, date=now - timedelta(days=8))
    project.sentiment.push({"README.md": "6"}, date=now - timedelta(days=6))

    ended = command("update", "--min-age", "1w")
    again = json.loads(command("update", "--min-age", "7d", "--format", "json").out)

    assert ended.code == 0
    assert revision(project, "sentiment") == eight
    assert "1 newer commit is not taken: main is at " in ended.out
    assert [note.partition(":")[0] for note in again["notes"]] == [f"acme/sentiment stays at {eight[:12]}"]
    assert command("update", "--min-age", "5d").code == 0
    assert revision(project, "sentiment") == project.sentiment.head


def test_to_locks_the_commit_that_is_named(project: Project, command: Command) -> None:
    """In short or in full, forth and back; nobody's pull request."""
    command("lock")
    first, second = project.sentiment.head, project.sentiment.push({"README.md": "2"})
    project.sentiment.push({"README.md": "3"})
    request = project.sentiment.open_pull_request({"model.safetensors": "evil"})

    assert command("update", "sentiment", "--to", second[:8]).code == 0
    assert revision(project, "sentiment") == second
    assert command("update", "sentiment", "--to", first).code == 0
    assert revision(project, "sentiment") == first
    before = project.files()
    refused = command("update", "sentiment", "--to", request.commit)
    assert refused.code == 1
    assert "error RI401 lockfiles/models.yaml:5 sentiment: " in refused.out
    assert command("update", "sentiment", "--to", "0123456").code == 1
    assert project.files() == before


def test_a_pull_request_gets_its_body(project: Project, command: Command) -> None:
    """Also in a dry run; if it cannot be written, no pin moves; if a pin cannot move, it is left alone."""
    command("lock")
    project.sentiment.push({"README.md": "x"}, title="Say <b>hello</b> to @everybody")
    body = project.root / "body.md"

    nowhere = command("update", "--pr-body", "no/where.md")
    assert nowhere.code == 2
    assert "nothing was changed" in nowhere.err
    assert revision(project, "sentiment") == project.sentiment.log()[1]
    assert command("update", "--dry-run", "--pr-body", "body.md").code == 0
    tried = body.read_text()
    assert command("update", "--pr-body", "body.md").code == 0
    assert body.read_text() == tried
    assert tried.startswith("1 pin moved.\n")
    assert "`Say <b>hello</b> to @everybody`" in tried
    assert command("update", "--pr-body", "body.md").code == 0
    assert body.read_text() == "No pin moved.\n"
    project.hub.fail(Refused())
    assert command("update", "--pr-body", "body.md", *QUICK).code == 3
    assert body.read_text() == "No pin moved.\n"


def test_one_pin_that_cannot_move_and_none_does(project: Project, command: Command) -> None:
    """A repo that somebody else has registered: exit 1, the bytes stay, JSON says the same."""
    command("lock")
    project.gpt2.push({"README.md": "x"})
    project.hub.delete("acme/sentiment")
    project.hub.model("acme/sentiment")
    before = project.files()

    ended = command("update", "--format", "json")

    record = json.loads(ended.out)
    assert (ended.code, record["exit_code"], project.files()) == (1, 1, before)
    assert [(each["code"], each["alias"]) for each in record["findings"]] == [("RI204", "sentiment")]
    assert ended.err == "error: nothing was written: 1 error\n"


TROUBLES = {
    "503": Status(code=503),
    "429": Status(code=429),
    "a page": Page(),
    "refused": Refused(),
    "hang": Hang(),
}


@pytest.mark.parametrize("kind", ["api", "resolvers", None])
@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_hub_that_does_not_answer_moves_nothing(
    project: Project, command: Command, trouble: str, kind: str | None
) -> None:
    """Down for the API, for downloads, or for both: exit 3 in bounded time, and the bytes stay."""
    fault = TROUBLES[trouble]
    command("lock")
    project.sentiment.push({"model.safetensors": "new"})
    before = project.files()
    if isinstance(fault, Refused):
        project.hub.fail(fault)
    else:
        project.hub.fail(fault, kind=kind)  # type: ignore[arg-type]  # its two literals

    started = time.monotonic()
    ended = command("update", *QUICK)

    assert time.monotonic() - started < 10
    assert (ended.code, project.files()) == (3, before)
    assert "unchecked RI900 lockfiles/models.yaml:" in ended.out


def test_a_quota_that_is_used_up_moves_nothing(project: Project, command: Command) -> None:
    """The API says how long: longer than --max-wait."""
    command("lock")
    project.sentiment.push({"model.safetensors": "new"})
    before = project.files()
    project.hub.limit(Quota(api=1, resolvers=100, window=300.0))

    ended = command("update", *QUICK)

    assert (ended.code, project.files()) == (3, before)


def test_environments_move_apart_or_together(project: Project, command: Command) -> None:
    """--env one file, --all-envs every one, all or none of them."""
    project.sentiment.branch("stable")
    project.manifest.write_text(f"{MANIFEST}environments:\n  prod: {{sentiment: acme/sentiment@stable}}\n")
    command("lock", "--all-envs")
    prod = project.lock.with_name("models.prod.lock.yaml")
    stable = project.sentiment.push({"README.md": "s"}, branch="stable")
    project.sentiment.push({"README.md": "m"})
    before = project.lock.read_bytes()

    assert command("update", "--env", "prod").code == 0
    assert (stable in prod.read_text(), project.lock.read_bytes()) == (True, before)
    assert command("update", "--env", "prod", "gpt2").code == 2
    both = command("update", "--all-envs")
    assert "lockfiles/models.lock.yaml: 1 moved" in both.out
    assert "lockfiles/models.prod.lock.yaml is as it should be" in both.out
    assert command("lock", "--check", "--all-envs").code == 0


def test_a_hand_edit_is_not_sealed(project: Project, command: Command) -> None:
    """Of named aliases: the others would be written as somebody touched them."""
    command("lock")
    project.lock.write_text(project.lock.read_text().replace("license: apache-2.0", "license: mit"))
    before = project.files()

    ended = command("update", "gpt2")

    assert (ended.code, project.files()) == (2, before)
    assert "RI105" in ended.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--env", "prod", "--all-envs"], "--env and --all-envs exclude each other"),
        (["--to", "0123456"], "--to moves one alias"),
        (["gpt2", "sentiment", "--to", "0123456"], "--to moves one alias"),
        (["gpt2", "--to", "0123456", "--all-envs"], "--to moves one alias"),
        (["gpt2", "--to", "0123456", "--min-age", "7d"], "--to and --min-age exclude each other"),
        (["gpt2", "--to", "main"], "7 to 40 lower-case hex digits"),
        (["gpt2", "--to", "ABCDEF0"], "7 to 40 lower-case hex digits"),
        (["--min-age", "soon"], "write hours, days or weeks"),
        (["--jobs", "0"], "--jobs"),
        (["--pr-body", "lockfiles"], "is a directory"),
        (["--pr-body", "lockfiles/models.yaml"], "would be overwritten"),
        (["--dry-run", "--pr-body", "lockfiles/../lockfiles/models.lock.yaml"], "would be overwritten"),
    ],
)
def test_exit_2_when_what_was_given_cannot_be_used(
    project: Project, command: Command, arguments: list[str], said: str
) -> None:
    """Nothing is asked or written."""
    before = project.files()
    ended = command("update", *arguments)

    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert (project.files(), project.hub.requests) == (before, ())


KEYS = {
    "schema_version",
    "command",
    "exit_code",
    "dry_run",
    "files",
    "changes",
    "differences",
    "notes",
    "findings",
    "elapsed",
    "requests",
    "error",
}


def test_json_is_one_object_with_the_same_keys_always(project: Project, command: Command) -> None:
    """What moved, with its commits and files; after an error as well."""
    command("lock")
    old = project.sentiment.head
    new = project.sentiment.push({"model.safetensors": "new"}, title="Use hf_abcdefghijklmnopqrstuvwxyz01")

    done = json.loads(command("update", "--format", "json").out)
    ended = command("update", "--env", "nowhere", "--format", "json")
    broken = json.loads(ended.out)

    (pin,) = done["differences"][0]["pins"]
    assert (pin["before"]["revision"], pin["after"]["revision"], pin["course"]) == (old, new, "ahead")
    assert [commit["commit"] for commit in pin["commits"]] == [new]
    assert "abcdef" not in pin["commits"][0]["title"]
    assert (pin["classes"], pin["files"][0]["path"], pin["whole"]) == (["weights"], "model.safetensors", True)
    assert (pin["files"][0]["size_after"], pin["size_fetched"]) == (3, 3)
    assert (ended.code, broken["exit_code"]) == (2, 2)
    assert broken["error"]["problems"] or broken["error"]["message"]
    assert set(done) == set(broken) == KEYS
