"""`resilient-infer lock`: what is asked, what is written, and what neither."""

import json
import time

import pytest
import yaml

from resilient_infer.testing.sandbox import Hang, Refused, Status
from resilient_infer.testing.sandbox.hub import Look

from .conftest import MANIFEST, Command, Project

QUICK = ("--timeout", "0.3", "--max-wait", "0.5")


def test_what_is_missing_is_pinned_and_told(project: Project, command: Command) -> None:
    """Alias, model, commit, ref and task of each, and what it took."""
    ended = command("lock")

    assert (ended.code, ended.err) == (0, "")
    lines = [line.split() for line in ended.out.splitlines()]
    assert ["added", "gpt2", "openai-community/gpt2", project.gpt2.head[:12], "main"] in lines
    assert ["added", "sentiment", "acme/sentiment", project.sentiment.head[:12], "main"] in lines
    assert "task text-classification: the repo's pipeline_tag" in ended.out
    assert f"2 added   {lines[-1][3]}" in ended.out
    # The redirects of a question are not counted.
    assert f"{sum('resolve-cache' not in asked.path for asked in project.hub.requests)} requests" in ended.out
    locked = yaml.safe_load(project.lock.read_text())["models"]
    assert locked["sentiment"]["pins"][0]["revision"] == project.sentiment.head


def test_lk1_a_second_lock_asks_nothing_and_changes_nothing(project: Project, command: Command) -> None:
    """`lock` twice gives the same bytes, the second time without a request and with the file untouched."""
    command("lock")
    before, stamp = project.files(), project.lock.stat().st_mtime_ns
    project.sentiment.push({"model.safetensors": b"new"})
    project.hub.forget()

    ended = command("lock")

    assert (ended.code, ended.err) == (0, "")
    assert ended.out == "lockfiles/models.lock.yaml is as it should be: 2 aliases\n"
    assert project.hub.requests == ()
    assert (project.files(), project.lock.stat().st_mtime_ns) == (before, stamp)


def test_lk2_after_lock_the_check_is_ok(project: Project, command: Command) -> None:
    """And stays so, whatever does not concern what is pinned."""
    assert command("lock", "--check").code == 1
    command("lock")
    project.hub.forget()
    edits = (
        MANIFEST,
        MANIFEST.replace("version: 1\n", "version: 1\npolicy: {retries: 5, deadline: 3}\n"),
        MANIFEST.replace("acme/sentiment", "{safe: false, targets: [{model: acme/sentiment, context: 5}]}"),
        "version: 1\nmodels: {sentiment: acme/sentiment@main, gpt2: openai-community/gpt2}\n",
    )
    for edit in edits:
        project.manifest.write_text(edit)
        ended = command("lock", "--check")
        assert (ended.code, ended.err) == (0, "")
        assert ended.out == "lockfiles/models.lock.yaml fits lockfiles/models.yaml: 2 aliases\n"
    assert project.hub.requests == ()


def test_lk3_a_changed_ref_fails_the_check_and_names_the_alias(project: Project, command: Command) -> None:
    """Exit 1, with file and line; nothing is asked and nothing written."""
    command("lock")
    project.manifest.write_text(MANIFEST.replace("gpt2@main", "gpt2@v2"))
    before = project.files()
    project.hub.forget()

    ended = command("lock", "--check")

    assert ended.code == 1
    assert ended.out.startswith("error RI101 lockfiles/models.lock.yaml:4 gpt2: the manifest asks for ")
    assert "lockfiles/models.lock.yaml does not fit lockfiles/models.yaml: 1 error" in ended.out
    assert (project.files(), project.hub.requests) == (before, ())


def test_a_lock_that_is_only_warned_of_fits(project: Project, command: Command) -> None:
    """Exit 0 and "does not fit" would contradict each other."""
    floating = "{task: chat, targets: [{provider: openai, name: gpt-4o, pin: versioned}]}"
    project.manifest.write_text(f"version: 1\nmodels:\n  chat: {floating}\n")
    command("lock")

    ended = command("lock", "--check")

    assert ended.code == 0
    assert "warning RI502 lockfiles/models.yaml:3 chat: " in ended.out
    assert ended.out.endswith("lockfiles/models.lock.yaml fits lockfiles/models.yaml: 1 alias; 1 warning\n")


def test_targets_that_answer_differently_are_not_locked(project: Project, command: Command) -> None:
    """RI406 for each, with the map that would mend it; nothing is written, and the check says the same."""
    project.hub.model("acme/other", Look(labels=("bad", "good")))
    project.hub.model("acme/stars", Look(labels=("1 star", "2 stars")))
    text = "version: 1\nmodels:\n  a:\n    targets:\n      - model: acme/sentiment\n{}"
    others = "      - model: acme/other\n      - model: acme/stars\n"
    project.manifest.write_text(text.format(others))

    ended = command("lock")

    assert ended.code == 1
    assert "nothing was written: 2 errors" in ended.err
    told = " ".join(ended.out.split())
    assert 'error RI406 lockfiles/models.yaml:6 a: target 2, acme/other: it answers "bad", "good"' in told
    assert 'write labels: {"bad": "BAD", "good": "GOOD"} at this target' in told
    assert "RI406 lockfiles/models.yaml:7 a: target 3, acme/stars" in told
    assert not project.lock.exists()
    mended = "      - {model: acme/other, labels: {bad: BAD, good: GOOD}}\n"
    project.manifest.write_text(text.format(mended))
    assert command("lock").code == command("lock", "--check").code == 0
    project.manifest.write_text(text.format("      - model: acme/other\n"))
    assert command("lock", "--check").code == 1


def test_a_dry_run_asks_and_writes_nothing(project: Project, command: Command) -> None:
    """It tells what would come about."""
    before = project.files()
    ended = command("lock", "--dry-run")

    assert ended.code == 0
    assert "2 added, not written" in ended.out
    assert project.files() == before
    assert not (project.lock.parent / ".models.lock").exists()


def test_a_changed_ref_moves_that_pin_alone(project: Project, command: Command) -> None:
    """With the commit that was locked before; orphans are dropped."""
    command("lock")
    old = project.sentiment.head
    project.sentiment.push({"model.safetensors": b"new"})
    project.sentiment.tag("v2")
    project.gpt2.push({"README.md": "x"})
    project.manifest.write_text("version: 1\nmodels:\n  sentiment: acme/sentiment@v2\n")

    ended = command("lock")

    assert f"{project.sentiment.head[:12]}  v2    was {old[:12]}" in ended.out
    assert "1 moved, 1 dropped" in ended.out
    assert list(yaml.safe_load(project.lock.read_text())["models"]) == ["sentiment"]


@pytest.mark.parametrize("existing", [False, True])
def test_lk4_one_model_that_cannot_be_locked_writes_nothing(
    project: Project, command: Command, existing: bool
) -> None:
    """All or nothing, exit 1; the finding stands at the alias's line of the manifest."""
    if existing:
        command("lock")
    project.manifest.write_text(f"{MANIFEST}  third: acme/third\n  fourth: acme/sentiment@v9\n")
    before = project.files()

    ended = command("lock")

    assert ended.code == 1
    assert "error RI202 lockfiles/models.yaml:6 third: acme/third@main: no such repo" in ended.out
    assert "error RI201 lockfiles/models.yaml:7 fourth: acme/sentiment@v9: no such branch" in ended.out
    assert ended.err == "error: nothing was written: 2 errors\n"
    assert project.files() == before


@pytest.mark.parametrize("fault", [Status(code=503), Refused(), Hang()], ids=["503", "refused", "hang"])
def test_lk5_a_hub_that_does_not_answer_changes_nothing(
    project: Project, command: Command, fault: Status | Refused | Hang
) -> None:
    """Exit 3 in bounded time, and the bytes stay."""
    command("lock")
    project.manifest.write_text(f"{MANIFEST}  third: acme/sentiment@v1\n")
    before = project.files()
    project.hub.fail(fault)

    started = time.monotonic()
    ended = command("lock", *QUICK)

    assert time.monotonic() - started < 5
    assert ended.code == 3
    assert "unchecked RI900 lockfiles/models.yaml:6 third: " in ended.out
    assert ended.err == "error: nothing was written: 1 not checked\n"
    assert project.files() == before


def test_a_merge_conflict_is_settled(project: Project, command: Command) -> None:
    """`--check` says what to run; `lock` keeps the side that fits, and every other pin."""
    command("lock")
    text = project.lock.read_text()
    pin = project.gpt2.head
    line = next(line for line in text.splitlines() if pin in line)
    other = line.replace(pin, "f" * 40)
    project.lock.write_text(text.replace(line, f"<<<<<<< ours\n{line}\n=======\n{other}\n>>>>>>> theirs"))
    project.sentiment.push({"model.safetensors": b"new"})

    checked = command("lock", "--check")
    assert (checked.code, checked.out) == (2, "")
    assert 'run "resilient-infer lock"' in checked.err
    ended = command("lock")

    assert (ended.code, ended.err) == (0, "")
    assert "gpt2: kept as on the one side that fits the manifest" in ended.out
    assert project.lock.read_text() == text


def test_a_hand_edit_is_seen_and_mended(project: Project, command: Command) -> None:
    """The commit that was written by hand is looked up, and all that is said of it with it."""
    command("lock")
    old, new = project.gpt2.head, project.gpt2.push({"model.safetensors": b"new"})
    project.lock.write_text(project.lock.read_text().replace(old, new))

    checked = command("lock", "--check")
    assert checked.code == 1
    assert "error RI105 lockfiles/models.lock.yaml:" in checked.out
    assert command("lock").code == 0
    assert command("lock", "--check").code == 0
    assert yaml.safe_load(project.lock.read_text())["models"]["gpt2"]["pins"][0]["revision"] == new


ENVIRONMENTS = f"""{MANIFEST}environments:
  prod: {{sentiment: acme/sentiment@stable}}
  test: {{}}
"""


def test_an_environment_has_a_file_of_what_it_replaces(project: Project, command: Command) -> None:
    """--env makes that file only, --all-envs every one; one that replaces nothing has none."""
    project.sentiment.branch("stable")
    project.manifest.write_text(ENVIRONMENTS)

    assert command("lock", "--env", "prod").code == 0
    prod = project.lock.with_name("models.prod.lock.yaml")
    assert not project.lock.exists()
    assert list(yaml.safe_load(prod.read_text())["models"]) == ["sentiment"]
    before = prod.read_bytes()
    checked = command("lock", "--check", "--all-envs")
    assert checked.code == 1
    assert "models.prod.lock.yaml fits lockfiles/models.yaml: 1 alias\n" in checked.out
    assert command("lock", "--all-envs").code == 0
    assert command("lock", "--check", "--all-envs").code == 0
    assert prod.read_bytes() == before
    assert sorted(path.name for path in project.lock.parent.glob("models*lock*")) == [
        "models.lock.yaml",
        "models.prod.lock.yaml",
    ]


def test_the_lock_of_an_environment_that_is_no_more_is_told_and_left(
    project: Project, command: Command
) -> None:
    """RI102 with `--check`, a note with `lock`: people delete files. Another environment does not care."""
    project.sentiment.branch("stable")
    project.manifest.write_text(ENVIRONMENTS)
    command("lock", "--all-envs")
    project.manifest.write_text(ENVIRONMENTS.replace("prod:", "live:"))
    said = 'lockfiles/models.yaml has no environment "prod", so nothing keeps this lock'
    before = project.lock.with_name("models.prod.lock.yaml").read_bytes()

    locked = command("lock", "--all-envs")
    again = command("lock", "--format", "json")
    checked = command("lock", "--check")

    assert locked.code == 0
    assert f"  lockfiles/models.prod.lock.yaml: {said}; delete the file, or mend the name" in locked.out
    assert json.loads(again.out)["notes"][-1].startswith("lockfiles/models.prod.lock.yaml: ")
    assert checked.code == 1
    assert " ".join(checked.out.split()).startswith(
        f"lockfiles/models.lock.yaml fits lockfiles/models.yaml: 2 aliases "
        f"error RI102 lockfiles/models.prod.lock.yaml: {said} delete the file, or mend the name"
    )
    assert command("lock", "--check", "--env", "live").code == 0
    assert project.lock.with_name("models.prod.lock.yaml").read_bytes() == before


def test_lk4_one_environment_that_cannot_be_locked_writes_none(project: Project, command: Command) -> None:
    """All or nothing, over the environments too."""
    project.manifest.write_text(ENVIRONMENTS)
    before = project.files()

    assert command("lock", "--all-envs").code == 1
    assert project.files() == before


def test_lk6_if_one_file_cannot_be_written_none_is(project: Project, command: Command) -> None:
    """The second is a symlink: the first is taken back."""
    project.sentiment.branch("stable")
    project.manifest.write_text(ENVIRONMENTS)
    (project.root / "elsewhere.yaml").write_text('lock_version: "1.0"\nmodels: {}\n')
    project.lock.with_name("models.prod.lock.yaml").symlink_to(project.root / "elsewhere.yaml")
    before = project.files()

    ended = command("lock", "--all-envs")

    assert ended.code == 2
    assert "is a symlink" in ended.err
    assert project.files() == before


def test_relocate_moves_to_the_same_content_and_no_further(project: Project, command: Command) -> None:
    """Only pins whose commit is gone; then `lock` and `verify` have nothing to say."""
    command("lock")
    old = project.sentiment.head
    new = project.sentiment.squash()
    project.gpt2.push({"model.safetensors": "new"})
    assert "--relocate" in command("verify").out
    before = project.lock.read_text()

    tried = command("lock", "--relocate", "--dry-run")
    unchanged = project.lock.read_text()
    ended = command("lock", "--relocate", "sentiment")

    assert (tried.code, unchanged) == (0, before)
    assert "1 relocated, not written" in tried.out
    assert (ended.code, ended.err) == (0, "")
    assert f"relocated  sentiment  acme/sentiment  {new[:12]}  main  was {old[:12]}" in ended.out
    changed = [line for line in project.lock.read_text().splitlines() if line not in before.splitlines()]
    assert [line.split(":")[0].strip() for line in changed] == ["revision", "check"]
    assert command("lock").out == "lockfiles/models.lock.yaml is as it should be: 2 aliases\n"
    assert command("verify").code == 0
    again = command("lock", "--relocate")
    assert (again.code, again.out) == (0, "lockfiles/models.lock.yaml is as it should be: 2 aliases\n")


def test_relocate_refuses_other_content_and_writes_nothing(project: Project, command: Command) -> None:
    """Exit 1; the other pin could be moved, and is not."""
    command("lock")
    project.sentiment.squash()
    project.gpt2.push({"model.safetensors": "new"})
    project.gpt2.squash()
    before = project.files()

    ended = command("lock", "--relocate", "--format", "json")

    assert (ended.code, project.files()) == (1, before)
    record = json.loads(ended.out)
    assert [finding["code"] for finding in record["findings"]] == ["RI201"]
    assert "with other files (other weights)" in record["findings"][0]["message"]
    assert (record["relocate"], record["files"][0]["written"]) == (True, False)
    assert ended.err == "error: nothing was written: 1 error\n"


@pytest.mark.parametrize("fault", [Status(code=503), Refused(), Hang()], ids=["503", "refused", "hang"])
def test_relocate_with_a_hub_that_does_not_answer_changes_nothing(
    project: Project, command: Command, fault: Status | Refused | Hang
) -> None:
    """Exit 3 in bounded time."""
    command("lock")
    project.sentiment.squash()
    before = project.files()
    project.hub.fail(fault)

    ended = command("lock", "--relocate", *QUICK)

    assert (ended.code, project.files()) == (3, before)
    assert "unchecked RI900 lockfiles/models.lock.yaml:" in ended.out


def test_relocate_of_an_environment(project: Project, command: Command) -> None:
    """Its own lock; with --all-envs every one; an alias that it does not hold is named."""
    project.sentiment.branch("stable")
    project.manifest.write_text(ENVIRONMENTS)
    command("lock", "--all-envs")
    project.sentiment.squash()
    project.sentiment.squash("stable")

    wrong = command("lock", "--relocate", "--env", "prod", "gpt2")
    prod = command("lock", "--relocate", "--env", "prod", "sentiment")
    both = command("lock", "--relocate", "--all-envs", "sentiment")

    assert wrong.code == 2
    assert 'environment "prod" does not replace gpt2' in wrong.err
    assert (prod.code, both.code) == (0, 0)
    assert "models.prod.lock.yaml: 1 relocated" in prod.out
    assert "models.lock.yaml: 1 relocated" in both.out
    assert "models.prod.lock.yaml is as it should be" in both.out
    assert command("verify", "--env", "prod").code == command("verify").code == 0


def test_relocate_refuses_a_lock_that_cannot_be_trusted(project: Project, command: Command) -> None:
    """Writing would seal what somebody touched."""
    command("lock")
    project.lock.write_text(project.lock.read_text().replace("license: apache-2.0", "license: mit"))
    before = project.files()

    ended = command("lock", "--relocate")

    assert (ended.code, project.files()) == (2, before)
    assert "RI105" in ended.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--check", "--relocate"], "--check and --relocate exclude each other"),
        (["sentiment"], "aliases are named with --relocate only"),
        (["--relocate", "sentimant"], 'did you mean "sentiment"?'),
        (["--env", "prod", "--all-envs"], "--env and --all-envs exclude each other"),
        (["--env", "prod"], 'no environment "prod"'),
        (["--timeout", "0"], "--timeout"),
        (["--timeout", "nan"], "--timeout"),
        (["--max-wait", "-1"], "--max-wait"),
        (["--max-wait", "inf"], "--max-wait"),
        (["--jobs", "0"], "--jobs"),
        (["--lockfiles", "nowhere"], "does not exist"),
        (["--format", "yaml"], "--format"),
    ],
)
def test_exit_2_when_what_was_given_cannot_be_used(
    project: Project, command: Command, arguments: list[str], said: str
) -> None:
    """Nothing is asked or written."""
    before = project.files()
    ended = command("lock", *arguments)

    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert (project.files(), project.hub.requests) == (before, ())


def test_without_a_manifest_there_is_nothing_to_lock(project: Project, command: Command) -> None:
    """Exit 2, for `--check` as well."""
    command("lock")
    project.manifest.unlink()
    for arguments in (["lock"], ["lock", "--check"], ["verify"]):
        ended = command(*arguments)
        assert ended.code == 2
        assert "holds no models.yaml" in ended.err


KEYS = {
    "schema_version",
    "command",
    "exit_code",
    "check",
    "dry_run",
    "relocate",
    "files",
    "changes",
    "notes",
    "findings",
    "elapsed",
    "requests",
    "error",
}


def test_json_is_one_object_with_the_same_keys_always(project: Project, command: Command) -> None:
    """After a success, a refusal, an unreadable manifest; of --check too."""
    done = json.loads(command("lock", "--format", "json").out)
    assert (done["exit_code"], done["error"], done["files"][0]["written"]) == (0, None, True)
    assert [change["alias"] for change in done["changes"]] == ["gpt2", "sentiment"]
    assert done["changes"][1]["revision"] == project.sentiment.head

    project.manifest.write_text(f"{MANIFEST}  third: acme/third\n")
    checked = json.loads(command("lock", "--check", "--format", "json").out)
    assert (checked["exit_code"], checked["findings"][0]["code"]) == (1, "RI101")
    refused = json.loads(command("lock", "--format", "json").out)
    assert (refused["exit_code"], refused["findings"][0]["code"]) == (1, "RI202")
    assert not refused["files"][0]["written"]

    project.manifest.write_text("version: 1\nmodels: []\n")
    ended = command("lock", "--format", "json")
    broken = json.loads(ended.out)
    assert (ended.code, broken["exit_code"]) == (2, 2)
    assert broken["error"]["problems"][0].startswith("lockfiles/models.yaml:2:9: ")
    assert all(set(record) == KEYS for record in (done, checked, refused, broken))


def test_github_actions_gets_annotations_of_the_check(
    project: Project, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the lines of the manifest, beside the lines for people; none without --check, none elsewhere."""
    assert "::" not in command("lock", "--check").out
    monkeypatch.setenv("GITHUB_ACTIONS", "true")

    ended = command("lock", "--check")
    assert ended.code == 1
    assert ended.out.startswith("error RI101 lockfiles/models.yaml:4 gpt2: not locked")
    assert "\n::error file=lockfiles/models.yaml,line=4,title=RI101 not locked%2C or not " in ended.out
    assert "::" not in command("lock").out

    project.manifest.write_text("version: 1\nmodels: {a: 7}\n")
    assert command("lock", "--check").out.startswith(
        "::error file=lockfiles/models.yaml,line=2,col=13,title="
    )
    assert "::" not in command("lock", "--check", "--format", "json").out
