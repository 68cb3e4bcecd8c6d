"""The action and the example workflows: their lines are run, and their rules looked at."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from resilient_infer.core.secret import looks_like_secret

from .conftest import TOKEN, App, days_ago
from .runner import ACTION, PROJECT, Event, git

EXAMPLES = PROJECT / ".github" / "examples"
MODELS, FORKS, UPDATE = (
    EXAMPLES / name for name in ("models.yml", "models-from-forks.yml", "update-models.yml")
)
ALL = sorted(EXAMPLES.glob("*.yml"))
ACTION_FILE = PROJECT / ACTION / "action.yml"

OURS = Event(name="pull_request", branch="change")
FORK = Event(name="pull_request", branch="change", head="stranger/app")
WEEKLY = Event(name="schedule")
PINNED = re.compile(r"actions/[a-z-]+@[0-9a-f]{40}")


def test_a_pull_request_that_changes_nothing_passes(app: App) -> None:
    """Both jobs; the second asks the Hub with the token."""
    app.propose()
    record = app.runner.run(MODELS, OURS)

    assert record.failed == []
    assert [step.name for step in record.ran] == [
        *("Install resilient-infer", "Does the lock fit the manifest?"),
        *("Install resilient-infer", "Does the lock fit the manifest?", "Does every pin hold?"),
    ]
    assert all(asked.token for asked in app.hub.requests)
    assert app.runner.asked == ["pip install --quiet --disable-pip-version-check resilient-infer"] * 2
    assert {left.partition("@")[0] for left in record.left_out} == {
        "lock: actions/checkout",
        "verify: actions/checkout",
    }
    assert not looks_like_secret(record.said)


def test_a_change_of_the_manifest_without_the_lock_is_stopped_offline(app: App) -> None:
    """At its line, before anybody is asked."""
    app.manifest.write_text(app.manifest.read_text() + "  more: acme/sentiment@v1\n")
    app.propose()
    record = app.runner.run(MODELS, OURS)

    assert [(step.job, step.name) for step in record.failed] == [
        ("lock", "Does the lock fit the manifest?"),
        ("verify", "Does the lock fit the manifest?"),
    ]
    assert "RI101" in record.failed[0].said
    assert app.hub.requests == ()


def test_what_has_become_of_a_pin_stops_it_too(app: App) -> None:
    """Told as an annotation of the line."""
    app.model.push({"model.safetensors": b"new"})
    app.model.squash()
    app.propose()
    record = app.runner.run(MODELS, OURS)

    assert [(step.job, step.name) for step in record.failed] == [("verify", "Does every pin hold?")]
    assert re.search(r"::error .*file=lockfiles/models.lock.yaml,line=\d+.*RI201", record.said)


def test_every_day_the_same_is_asked(app: App) -> None:
    """On the default branch."""
    record = app.runner.run(MODELS, Event(name="schedule"))

    assert (record.failed, record.skipped) == ([], [])


def test_a_pull_request_from_a_fork_gets_no_token(app: App) -> None:
    """Of the one workflow only the offline job runs, the other checks what is public."""
    app.propose()
    offline, public = app.runner.run(MODELS, FORK), app.runner.run(FORKS, FORK)

    assert (offline.skipped, offline.failed, public.failed) == (["verify"], [], [])
    assert [step.name for step in public.ran][-1] == "Does every pin hold?"
    assert app.hub.requests
    assert not any(asked.token for asked in app.hub.requests)
    assert app.runner.run(FORKS, OURS).skipped == ["models"]


def test_a_fork_may_pass_with_pins_that_it_cannot_see_and_is_told_so(app: App) -> None:
    """Private models are not checked; a lock that was edited by hand still fails."""
    app.model.make_private()
    app.model.grant(TOKEN)
    app.lock.unlink()
    app.command("lock")
    app.propose()
    passed = app.runner.run(FORKS, FORK)

    assert passed.failed == []
    assert "RI900" in passed.said
    assert "--allow-unchecked says that this is no failure" in passed.said

    app.lock.write_text(re.sub(r'revision: "\w+"', f'revision: "{"f" * 40}"', app.lock.read_text()))
    app.publish("change")
    assert "RI105" in app.runner.run(FORKS, FORK).failed[0].said


def test_a_fork_is_stopped_by_a_public_pin_that_is_gone(app: App) -> None:
    """That needs no secret to be seen."""
    app.model.push({"model.safetensors": b"new"})
    app.model.squash()
    app.propose()

    assert "RI201" in app.runner.run(FORKS, FORK).failed[0].said


def test_once_a_week_a_pull_request_moves_the_pins(app: App) -> None:
    """To the commit that is old enough, with what changed in its text; the lock of its branch fits."""
    old_enough = app.model.push({"model.safetensors": b"new"}, date=days_ago(8), title="Train longer")
    app.model.push({"model.safetensors": b"newer"}, date=days_ago(1))
    record = app.runner.run(UPDATE, WEEKLY)

    assert record.failed == []
    git("fetch", "--quiet", "origin", "update-models", cwd=app.work)
    assert git("diff", "--name-only", "main", "FETCH_HEAD", cwd=app.work) == "lockfiles/models.lock.yaml\n"
    git("checkout", "--quiet", "FETCH_HEAD", cwd=app.work)
    assert yaml.safe_load(app.lock.read_text())["models"]["sentiment"]["pins"][0]["revision"] == old_enough
    app.command("lock", "--check")
    created = [line for line in app.runner.asked if line.startswith("gh pr create")]
    assert len(created) == 1
    body = app.runner.artifact("moved") / "body.md"
    assert created[0].endswith("/moved/body.md")
    assert all(word in body.read_text() for word in ("acme/sentiment", old_enough[:12], "Train longer"))


def test_the_pull_request_that_is_open_is_renewed(app: App) -> None:
    """A week later the same branch holds the newer lock, and no second one is opened."""
    app.model.push({"model.safetensors": b"new"}, date=days_ago(9))
    app.runner.run(UPDATE, WEEKLY)
    app.runner.pull_request_is_open(7)
    app.model.push({"model.safetensors": b"newer"}, date=days_ago(8))
    record = app.runner.run(UPDATE, WEEKLY)

    assert record.failed == []
    assert [line.split(" --")[0] for line in app.runner.asked if "gh pr" in line and "list" not in line] == [
        "gh pr create",
        "gh pr edit 7",
    ]


def test_where_nothing_is_old_enough_nothing_is_proposed(app: App) -> None:
    """The second job, which may write, does not even begin."""
    app.model.push({"model.safetensors": b"newer"}, date=days_ago(1))
    record = app.runner.run(UPDATE, WEEKLY)

    assert (record.failed, record.skipped) == ([], ["propose"])
    assert [line for line in app.runner.asked if line.startswith("gh")] == []


def test_the_lock_of_an_environment_that_is_new_is_proposed_as_well(app: App) -> None:
    """A file that git did not know."""
    app.manifest.write_text(
        app.manifest.read_text() + "environments:\n  prod:\n    sentiment: acme/sentiment@main\n"
    )
    app.publish()
    record = app.runner.run(UPDATE, WEEKLY)

    assert record.failed == []
    git("fetch", "--quiet", "origin", "update-models", cwd=app.work)
    assert (
        git("diff", "--name-only", "main", "FETCH_HEAD", cwd=app.work) == "lockfiles/models.prod.lock.yaml\n"
    )


def test_of_what_the_first_job_leaves_only_locks_get_into_the_branch(app: App) -> None:
    """It runs what was installed from elsewhere; the second one has the rights to write."""
    app.model.push({"model.safetensors": b"new"}, date=days_ago(8))
    app.runner.run(UPDATE, WEEKLY)
    (app.work / ".github").mkdir()
    (app.work / ".github" / "evil.yml").write_text("on: push\n")
    app.lock.write_text(app.lock.read_text() + "# changed\n")
    git("add", "--all", cwd=app.work)
    (app.runner.artifact("moved") / "locks.patch").write_text(git("diff", "--staged", cwd=app.work))
    record = app.runner.run(UPDATE, WEEKLY, only="propose")

    assert record.failed == []
    git("fetch", "--quiet", "origin", "update-models", cwd=app.work)
    assert git("diff", "--name-only", "main", "FETCH_HEAD", cwd=app.work) == "lockfiles/models.lock.yaml\n"


# The rules.


def _jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in ALL:
        for name, job in yaml.safe_load(path.read_text())["jobs"].items():
            yield f"{path.name}: {name}", job


def _steps() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, job in _jobs():
        yield from ((name, step) for step in job["steps"])
    yield from ((ACTION, step) for step in yaml.safe_load(ACTION_FILE.read_text())["runs"]["steps"])


def test_no_workflow_gives_rights_that_it_does_not_need() -> None:
    """None by default; only the job that runs nothing from elsewhere may write."""
    for path in ALL:
        assert yaml.safe_load(path.read_text())["permissions"] == {}
    writing = {name for name, job in _jobs() if "write" in job["permissions"].values()}

    assert writing == {"update-models.yml: propose"}
    assert all("timeout-minutes" in job for _, job in _jobs())


def test_strangers_code_never_meets_secrets() -> None:
    """No `pull_request_target`, and no credentials left behind by a checkout."""
    for path in ALL:
        told = yaml.safe_load(path.read_text())
        assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(
            told[True]
        )  # YAML 1.1 reads `on` so
    checkouts = [step for _, step in _steps() if "actions/checkout" in step.get("uses", "")]

    assert len(checkouts) == 5
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_nothing_is_filled_into_what_bash_runs() -> None:
    """Values come in as variables, whatever they hold."""
    assert [name for name, step in _steps() if "${{" in step.get("run", "")] == []


def test_actions_of_others_are_pinned_to_a_commit_with_its_version_beside_it() -> None:
    """As models are."""
    used = [step["uses"] for _, step in _steps() if "uses" in step]
    lines = [line for path in ALL for line in path.read_text().splitlines() if "uses: actions/" in line]

    assert all(PINNED.fullmatch(name) or name == ACTION for name in used)
    assert all(re.search(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line) for line in lines)


def test_zizmor_has_nothing_to_say() -> None:
    """The linter for the security of workflows, offline."""
    zizmor = shutil.which("zizmor", path=str(Path(sys.executable).parent)) or shutil.which("zizmor")
    if zizmor is None:
        pytest.skip("zizmor is not installed: pip install '.[dev]'")
    done = subprocess.run(
        [zizmor, "--offline", "--no-progress", *map(str, [*ALL, ACTION_FILE])],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )

    assert (done.returncode, "No findings to report" in done.stdout) == (0, True), done.stdout
