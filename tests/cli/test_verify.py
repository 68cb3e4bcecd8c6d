"""`resilient-infer verify`: what is said of each pin, and the exit code that CI sees."""

import json
import re
from collections.abc import Callable

import pytest

from resilient_infer.cli.summary import LARGEST
from resilient_infer.testing.sandbox import Hang, Refused, Status
from resilient_infer.testing.sandbox.hub import Quota

from .conftest import MANIFEST, Command, Ended, Project

QUICK = ("--timeout", "0.3", "--max-wait", "0.5")
TOKEN = "hf_0123456789abcdef"


@pytest.fixture
def locked(project: Project, command: Command) -> Project:
    """The project with both aliases locked."""
    assert command("lock").code == 0
    project.hub.forget()
    return project


def state_of(ended: Ended, alias: str) -> str:
    found = re.search(rf"^  (\w+) +{alias} ", ended.out, re.MULTILINE)
    return found[1] if found else ""


def test_pins_that_hold_are_a_row_each(locked: Project, command: Command) -> None:
    """Two requests a pin, exit 0, nothing on stderr, nothing written."""
    before = locked.files()
    ended = command("verify")

    assert (ended.code, ended.err) == (0, "")
    rows = [line.split() for line in ended.out.splitlines()]
    assert rows[:-1] == [
        ["ok", "gpt2", "openai-community/gpt2", locked.gpt2.head[:12], "main"],
        ["ok", "sentiment", "acme/sentiment", locked.sentiment.head[:12], "main"],
    ]
    assert ended.out.splitlines()[-1].startswith("2 pins: 2 ok   ")
    assert ended.out.endswith(", 4 requests\n")
    assert locked.hub.count() == 4
    assert locked.files() == before


def test_a_branch_that_has_moved_is_told_and_fails_only_if_asked(locked: Project, command: Command) -> None:
    """Documents are no drift; weights are, and exit 1 with --fail-on drift alone."""
    locked.gpt2.push({"NOTES.md": "new"})
    locked.sentiment.push({"model.safetensors": b"new"})

    ended = command("verify")
    assert (ended.code, state_of(ended, "gpt2"), state_of(ended, "sentiment")) == (0, "ok", "drift")
    assert f"main is at {locked.sentiment.head[:12]} now: weights  RI302" in ended.out
    assert "2 pins: 1 ok, 1 drift" in ended.out
    assert not re.search(r"^(error|info) ", ended.out, re.MULTILINE)

    failing = command("verify", "--fail-on", "drift")
    assert failing.code == 1
    assert "error RI302 lockfiles/models.lock.yaml:" in failing.out
    advice = re.search(r"resilient-infer (diff \w+); to take it: resilient-infer (update \w+)\n", failing.out)
    assert advice is not None
    assert command(*advice[1].split()).code == command(*advice[2].split(), "--dry-run").code == 0
    assert command("verify", "--fail-on", "info").code == 1
    assert command("verify", "--fail-on", "warning").code == 0


FATES: dict[str, tuple[Callable[[Project], object], str, str]] = {
    "squashed": (lambda on: on.sentiment.squash(), "RI201", "error"),
    "deleted": (lambda on: on.hub.delete("acme/sentiment"), "RI202", "error"),
    "made private": (lambda on: on.sentiment.make_private(), "RI202", "error"),
    "renamed": (lambda on: on.hub.rename("acme/sentiment", "acme/feeling"), "RI203", "warning"),
    "gated": (lambda on: on.sentiment.gate(), "RI205", "error"),
    "disabled": (lambda on: on.sentiment.disable(), "RI206", "error"),
    "a weight file deleted": (lambda on: on.sentiment.lose("model.safetensors"), "RI207", "error"),
    "other bytes": (lambda on: on.sentiment.tamper("model.safetensors", b"evil"), "RI104", "error"),
}


@pytest.mark.parametrize("fate", FATES)
def test_what_has_become_of_a_pin_is_said_with_its_place_and_what_to_do(
    locked: Project, command: Command, fate: str
) -> None:
    """Code, file:line, alias, and a hint; the other pin is still looked at."""
    happens, code, state = FATES[fate]
    before = locked.files()
    happens(locked)

    ended = command("verify")

    assert ended.code == (1 if state == "error" else 0)
    assert (state_of(ended, "gpt2"), state_of(ended, "sentiment")) == ("ok", state)
    assert re.search(
        rf"^{state} {code} (SECURITY )?lockfiles/models\.lock\.yaml:\d+ sentiment: .+\n {{6}}\S",
        ended.out,
        re.MULTILINE,
    )
    assert f"2 pins: 1 ok, 1 {state}" in ended.out
    assert locked.files() == before
    assert command("verify", "--fail-on", "warning").code == 1


def test_a_security_finding_is_called_one_and_no_flag_silences_it(locked: Project, command: Command) -> None:
    """Another repo under the old name: --exit-zero does not help; it does for what is no security matter."""
    locked.hub.delete("acme/sentiment")
    assert command("verify", "--exit-zero").code == 0
    locked.hub.model("acme/sentiment")

    ended = command("verify", "--exit-zero", "--allow-unchecked")

    assert ended.code == 1
    assert "error RI204 SECURITY lockfiles/models.lock.yaml:" in ended.out


@pytest.mark.parametrize("fault", [Status(code=503), Refused(), Hang()], ids=["503", "refused", "hang"])
def test_vf1_a_hub_that_does_not_answer_is_never_gone(
    locked: Project, command: Command, fault: Status | Refused | Hang
) -> None:
    """Exit 3, each pin unchecked; --allow-unchecked makes it 0, and says so."""
    before = locked.files()
    locked.hub.fail(fault)

    ended = command("verify", *QUICK)
    assert (ended.code, ended.err) == (3, "")
    assert "2 pins: 2 unchecked" in ended.out
    assert set(re.findall(r"RI\d{3}", ended.out)) == {"RI900"}
    allowed = command("verify", *QUICK, "--allow-unchecked")
    assert allowed.code == 0
    assert allowed.err == "warning: 2 not checked, and --allow-unchecked says that this is no failure\n"
    assert locked.files() == before


def test_an_error_weighs_more_than_what_could_not_be_told(locked: Project, command: Command) -> None:
    """Precedence 1 before 3; allowing the unchecked does not allow the error."""
    locked.hub.fail(Status(code=503), repo="openai-community/gpt2")
    locked.sentiment.squash()

    ended = command("verify", *QUICK)
    assert ended.code == 1
    assert "2 pins: 1 unchecked, 1 error" in ended.out
    assert command("verify", *QUICK, "--allow-unchecked").code == 1
    assert command("verify", *QUICK, "--exit-zero").code == 3


def test_a_quota_that_is_used_up_is_waited_for_no_longer_than_allowed(
    locked: Project, command: Command
) -> None:
    """What is left over is not checked, and the wait is told."""
    locked.hub.limit(Quota(api=500, resolvers=2, window=300.0))

    ended = command("verify", "--max-wait", "1")

    assert ended.code == 3
    assert "quota" in ended.out or "429" in ended.out
    assert locked.hub.count() <= 4


def test_of_a_quota_no_request_is_sent_in_vain(project: Project, command: Command) -> None:
    """Twelve pins, eight threads, sixteen requests a window: all are told, after one wait, without a 429."""
    names = [f"acme/m{number}" for number in range(12)]
    for name in names:
        project.hub.model(name)
    lines = "".join(f"  a{number}: {name}\n" for number, name in enumerate(names))
    project.manifest.write_text(f"version: 1\nmodels:\n{lines}")
    assert command("lock").code == 0
    project.hub.limit(Quota(api=500, resolvers=16, window=0.5))
    project.hub.forget()

    ended = command("verify", "--jobs", "8", "--max-wait", "5")

    assert ended.code == 0
    assert "12 pins: 12 ok" in ended.out
    assert project.hub.count() == 24


def test_what_is_wrong_in_the_files_is_told_with_the_rest(locked: Project, command: Command) -> None:
    """An alias that is not locked is an error; one only in the lock is worth a word."""
    locked.manifest.write_text("version: 1\nmodels:\n  sentiment: acme/sentiment\n  third: acme/third\n")

    ended = command("verify")

    assert ended.code == 1
    assert "error RI101 lockfiles/models.yaml:4 third: not locked" in ended.out
    assert "info RI102 lockfiles/models.lock.yaml:4 gpt2: no alias of lockfiles/models.yaml" in ended.out
    assert "1 pin: 1 ok; in the files: 1 error, 1 for information" in ended.out


def test_without_a_lock_every_alias_is_a_finding(project: Project, command: Command) -> None:
    """Exit 1, and nothing is asked."""
    ended = command("verify")

    assert ended.code == 1
    assert ended.out.count("error RI101 ") == 2
    assert project.hub.requests == ()


def test_an_environment_sees_its_own_pins_before_the_others(project: Project, command: Command) -> None:
    """What it does not replace comes from the default file; a flaw there that is replaced is none."""
    project.sentiment.branch("stable")
    project.manifest.write_text(f"{MANIFEST}environments:\n  prod: {{sentiment: acme/sentiment@stable}}\n")
    command("lock", "--all-envs")
    revision = project.sentiment.head
    text = project.lock.read_text()
    project.lock.write_text(text.replace(revision, "f" * 40))

    ended = command("verify", "--env", "prod")

    assert ended.code == 0
    assert [line.split()[-1] for line in ended.out.splitlines()[:2]] == ["main", "stable"]
    assert command("verify").code == 1


def test_the_lock_of_an_environment_that_is_no_more_is_told(locked: Project, command: Command) -> None:
    """For information: nothing is called by it."""
    (locked.lock.parent / "models.old.lock.yaml").write_text('lock_version: "1.0"\nmodels: {}\n')

    ended = command("verify")

    assert ended.code == 0
    assert (
        'info RI102 lockfiles/models.old.lock.yaml: lockfiles/models.yaml has no environment "old"'
        in ended.out
    )
    assert "in the files: 1 for information" in ended.out


def test_few_pins_and_a_token_are_looked_at_in_depth(
    locked: Project, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API is asked too: it sees a file that was exchanged beside the weights."""
    locked.sentiment.tamper("tokenizer.json", "evil")
    assert command("verify").code == 0
    assert command("verify", "--deep").code == 1
    locked.hub.token(TOKEN)
    monkeypatch.setenv("HF_TOKEN", TOKEN)

    ended = command("verify")

    assert ended.code == 1
    assert "error RI104 SECURITY" in ended.out
    assert TOKEN not in ended.out + ended.err


KEYS = {
    *("schema_version", "command", "exit_code", "pins", "routes", "findings", "elapsed", "requests", "error")
}


def test_json_is_one_object_with_the_same_keys_always(locked: Project, command: Command) -> None:
    """After a success, a finding, and a file that cannot be read."""
    good = json.loads(command("verify", "--format", "json").out)
    locked.sentiment.squash()
    bad = json.loads(command("verify", "--format", "json").out)
    locked.lock.write_text("models: {}\n")
    ended = command("verify", "--format", "json")
    broken = json.loads(ended.out)

    assert all(set(record) == KEYS for record in (good, bad, broken))
    assert [(pin["alias"], pin["state"]) for pin in good["pins"]] == [("gpt2", "ok"), ("sentiment", "ok")]
    assert (good["exit_code"], good["findings"], good["error"]) == (0, [], None)
    assert bad["pins"][1]["codes"] == ["RI201"]
    assert bad["findings"][0]["file"] == "lockfiles/models.lock.yaml"
    assert bad["findings"][0]["hint"]
    assert (ended.code, broken["exit_code"], broken["error"]["kind"]) == (2, 2, "ConfigError")


def test_a_terminal_gets_rows_that_fit(locked: Project, command: Command) -> None:
    """Long names lose their middle, not the columns behind them; in a pipe they stay whole up to a point."""
    name = "acme/a-model-whose-name-goes-on-and-on-and-tells-everything-it-was-trained-on-twice"
    locked.hub.model(name)
    locked.manifest.write_text(f"version: 1\nmodels:\n  long: {name}\n")
    command("lock")

    ended = command("verify")
    assert ended.code == 0
    row = ended.out.splitlines()[0]
    assert "acme/" in row
    assert "…" in row
    assert row.endswith(f"{locked.hub.repo(name).head[:12]}  main")


def test_under_github_actions_the_log_has_text_and_annotations(
    locked: Project, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without being asked; the page of the run gets a summary behind what is there already."""
    page = locked.root / "page.md"
    page.write_text("# before\n")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(locked.root.parent))
    locked.sentiment.squash()

    ended = command("verify")

    assert (ended.code, ended.err) == (1, "")
    assert "error RI201 lockfiles/models.lock.yaml:" in ended.out
    assert re.search(
        r"^::error file=project/lockfiles/models\.lock\.yaml,line=\d+,title=RI201 commit gone::sentiment: ",
        ended.out,
        re.MULTILINE,
    )
    assert page.read_text().startswith("# before\n## resilient-infer verify: 2 pins: 1 ok, 1 error\n")
    assert "::" not in command("verify", "--format", "text").out
    assert json.loads(command("verify", "--format", "sarif").out)["version"] == "2.1.0"


def test_a_page_that_is_full_already_gets_no_more(
    locked: Project, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GitHub refuses all that a step wrote if it is too much, whoever wrote it."""
    page = locked.root / "page.md"
    page.write_bytes(b"x" * (LARGEST - 200) + b"\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(page))

    ended = command("verify", "--format", "github")

    assert (ended.code, ended.err) == (0, "")
    assert LARGEST - 200 < page.stat().st_size <= LARGEST
    assert page.read_text().endswith("*cut here: the rest is in the log of the step*\n")


def test_a_broken_file_is_annotated_where_it_is_broken(
    locked: Project, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The failure is told on stderr as ever; a page that cannot be written is worth a warning."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(locked.root / "no" / "page.md"))
    locked.manifest.write_text("version: 1\nmodels: {a: 7}\n")

    ended = command("verify", "--format", "github")

    assert ended.code == 2
    assert ended.out.startswith("::error file=lockfiles/models.yaml,line=2,col=13,title=resilient-infer ")
    assert "error: lockfiles/models.yaml:2:13: models.a: " in ended.err
    assert "warning: the step's summary cannot be written: No such file or directory" in ended.err


def test_reports_are_written_beside_what_is_printed(locked: Project, command: Command) -> None:
    """In the form that the suffix says, whatever the form on stdout; exactly what would be printed."""
    locked.sentiment.squash()
    names = ("r.txt", "r.md", "r.json", "R.SARIF", "r.sarif.json")

    ended = command("verify", *(part for name in names for part in ("--report", name)))

    text, page, record, log, same = ((locked.root / name).read_text() for name in names)
    assert ended.code == 1
    assert text == ended.out
    assert page.startswith("## resilient-infer verify: 2 pins: 1 ok, 1 error\n")
    assert json.loads(record)["exit_code"] == 1
    assert json.loads(log) == json.loads(same)
    assert json.loads(log)["runs"][0]["results"][0]["ruleId"] == "RI201"


def test_reports_are_written_after_a_failure_too(locked: Project, command: Command) -> None:
    """Whoever reads them learns that nothing could be told, not what was told last week."""
    locked.manifest.write_text("version: 1\nmodels: {a: 7}\n")
    names = ("r.txt", "r.md", "r.json", "r.sarif")

    ended = command("verify", *(part for name in names for part in ("--report", name)))

    text, page, record, log = ((locked.root / name).read_text() for name in names)
    assert ended.code == 2
    assert text.startswith("error: lockfiles/models.yaml:2:13: models.a: ")
    assert "it could not be told" in page
    assert json.loads(record)["error"]["kind"] == "ConfigError"
    assert json.loads(log)["runs"][0]["invocations"][0]["executionSuccessful"] is False


def test_a_report_that_cannot_be_written_is_exit_2_behind_the_result(
    locked: Project, command: Command
) -> None:
    """What was found is printed all the same, and the other reports are written."""
    ended = command("verify", "--report", "no/r.json", "--report", "r.json")

    assert ended.code == 2
    assert "2 pins: 2 ok" in ended.out
    assert ended.err.startswith("error: no/r.json cannot be written: no such file or directory; ")
    assert " hint: make its folder first: mkdir -p no\n" in ended.err
    assert json.loads((locked.root / "r.json").read_text())["exit_code"] == 0
    (locked.root / "link.json").symlink_to("r.json")
    assert "is a symlink" in command("verify", "--report", "link.json").err


def test_a_report_of_an_unknown_kind_is_refused_before_anything_is_asked(
    locked: Project, command: Command
) -> None:
    """The suffix is the only thing that says what is wanted."""
    ended = command("verify", "--report", "r.html")

    assert (ended.code, ended.out) == (2, "")
    assert '"r.html" ends in none of .txt, .md, .json, .sarif' in ended.err
    assert locked.hub.requests == ()


def test_a_hub_that_cannot_be_reached_is_named(locked: Project, command: Command) -> None:
    """A wrong HF_ENDPOINT or a proxy in the way is found by the host and the error."""
    locked.hub.fail(Refused())

    ended = command("verify", *QUICK)

    assert f"the Hub ({locked.hub.url.removeprefix('http://')}) could not be reached: " in ended.out


def test_what_ri203_tells_to_do_keeps_the_commit(locked: Project, command: Command) -> None:
    """The new name in the manifest alone would lock what its branch is at today."""
    locked.hub.rename("acme/sentiment", "acme/feeling")
    pinned = locked.sentiment.head
    locked.sentiment.push({"model.safetensors": b"new"})
    advice = re.search(r"write (\S+) into the manifest; .*: resilient-infer (.+)", command("verify").out)
    assert advice is not None
    locked.manifest.write_text(locked.manifest.read_text().replace("acme/sentiment", advice[1]))

    assert command(*advice[2].split()).code == 0
    assert command("lock", "--check").code == 0
    assert locked.lock.read_text().count(pinned) == 1
    assert "RI203" not in command("verify").out


def test_an_endpoint_without_a_host_is_told(
    locked: Project, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HF_ENDPOINT=huggingface.co, without its https://."""
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "huggingface.co")

    assert "the Hub (HF_ENDPOINT names no host) could not be reached: " in command("verify", *QUICK).out
