"""Live: what servers say is compared with the lock; how they are asked is another matter."""

from collections.abc import Callable

import pytest

from resilient_infer.lock.findings import Level, exit_code
from resilient_infer.lock.live import LiveRoute, LiveRow, Runs, Told, Unasked, Unheard, live
from resilient_infer.lock.manifest import parse_manifest
from tests.lock.locking import manifest_of, surveyed
from tests.lock.samples import COMMIT, lock_of, pin

FILE = "lockfiles/models.yaml"
OTHER = "f" * 40
HEAD = """\
providers:
  ours: {kind: tei, url: "http://127.0.0.1:1"}
  spare: {kind: tei, url: "http://127.0.0.1:2"}
"""
ONE = """\
  a:
    task: feature-extraction
    targets:
      - {model: org/one, routes: [ours, hf-inference]}
"""


def lock(**pins: str) -> str:
    return lock_of(**pins).decode().replace("    pins:", "    task: feature-extraction\n    pins:")


def asked(
    answer: Callable[[LiveRoute], Told], models: str = ONE, held: str | None = ""
) -> tuple[tuple[LiveRow, ...], list[str]]:
    """The rows, and which routes were asked."""
    heard: list[str] = []

    def reported_commit(route: LiveRoute) -> Told:
        heard.append(f"{route.alias.name} {route}")
        return answer(route)

    manifest = parse_manifest(manifest_of(models, head=HEAD).encode(), FILE, None)
    text = lock(a=pin("org/one")) if held == "" else held
    return live(manifest, surveyed(text), reported_commit, jobs=4), sorted(heard)


def test_the_locked_commit_is_attested_and_no_finding() -> None:
    rows, heard = asked(lambda route: Runs(commit=COMMIT))

    assert [(row.route, row.state, row.reported) for row in rows] == [
        ("ours:org/one", "attested", COMMIT),
        ("hf-inference:org/one", "attested", COMMIT),
    ]
    assert all(row.findings == () for row in rows)
    assert heard == ["a hf-inference:org/one", "a ours:org/one"]


def test_ri501_another_commit_is_an_error_in_the_line_of_the_route() -> None:
    rows, _ = asked(lambda route: Runs(commit=OTHER))

    assert {row.state for row in rows} == {"mismatch"}
    (finding,) = rows[0].findings
    assert (finding.code, finding.level, finding.alias) == ("RI501", Level.ERROR, "a")
    assert (finding.file, finding.line) == (FILE, 9)
    assert finding.message == (
        f"ours:org/one: pinned to org/one@{COMMIT[:7]} but the endpoint serves @{OTHER[:7]}"
    )
    assert finding.hint.endswith(f"to accept what it serves: resilient-infer update a --to {OTHER}")
    assert exit_code([finding]) == 1


def test_ri503_a_server_that_names_none_is_told_and_no_failure() -> None:
    """Null, a branch and a missing field all come as None: nothing is attested, nothing contradicted."""
    rows, _ = asked(lambda route: Runs(commit=None, remedy="start it so"))

    assert {(row.state, row.says) for row in rows} == {("silent", "names no commit in full; start it so")}
    (finding,) = rows[0].findings
    assert (finding.code, finding.level, finding.hint) == ("RI503", Level.INFO, "start it so")
    assert exit_code([finding]) == 0
    assert exit_code([finding], fail_on=["info"]) == 1


def test_who_cannot_be_asked_is_said_to_be_unasked_and_is_no_finding() -> None:
    rows, _ = asked(lambda route: Unasked(reason="nobody tells"))

    assert [(row.state, row.says, row.findings) for row in rows] == [("unasked", "nobody tells", ())] * 2


def test_ri900_who_was_not_reached_is_unchecked() -> None:
    rows, _ = asked(lambda route: Unheard(reason="refused", hint="start it"))

    (finding,) = rows[0].findings
    assert (rows[0].state, rows[0].says) == ("unchecked", "refused")
    assert (finding.code, finding.level) == ("RI900", Level.UNCHECKED)
    assert finding.message == "not checked: ours:org/one: refused"
    assert finding.hint == "start it"
    assert exit_code([finding]) == 3


def test_a_server_of_several_aliases_is_asked_about_a_pin_once() -> None:
    models = ONE + ONE.replace("  a:", "  b:")
    rows, heard = asked(lambda route: Runs(commit=COMMIT), models, lock(a=pin("org/one"), b=pin("org/one")))

    assert [(row.alias, row.state) for row in rows] == [(name, "attested") for name in ("a", "a", "b", "b")]
    assert len(heard) == 2


def test_the_same_server_is_asked_again_about_another_pin() -> None:
    """What it tells may depend on the model that is asked for."""
    models = ONE + ONE.replace("  a:", "  b:").replace("org/one", "org/two")
    _, heard = asked(lambda route: Runs(commit=COMMIT), models, lock(a=pin("org/one"), b=pin("org/two")))

    assert len(heard) == 4


def test_an_alias_that_is_not_locked_as_asked_is_not_asked_about() -> None:
    """RI101 says why; the server of the target that is well is told as unchecked, and no other alias."""
    models = ONE + "      - {model: org/two, routes: [spare]}\n" + ONE.replace("  a:", "  b:")
    rows, heard = asked(lambda route: Runs(commit=COMMIT), models, lock(a=pin("org/one"), b=pin("org/one")))

    assert [(row.alias, row.state) for row in rows[:2]] == [("a", "unchecked")] * 2
    assert {row.state for row in rows[2:]} == {"attested"}
    assert heard == ["b hf-inference:org/one", "b ours:org/one"]


@pytest.mark.parametrize("held", [None, 'lock_version: "1.0"\nmodels: {}\n'], ids=["no lock", "empty"])
def test_without_a_pin_nobody_is_asked(held: str | None) -> None:
    assert asked(lambda route: Runs(commit=COMMIT), held=held) == ((), [])


def test_a_model_that_only_its_provider_knows_has_no_commit_to_compare() -> None:
    models = ONE + "      - {provider: openai, name: text-embedding-004, pin: versioned}\n"
    text = lock(a=pin("org/one") + "      - {provider: openai, name: text-embedding-004, pin: versioned}\n")
    rows, _ = asked(lambda route: Runs(commit=COMMIT), models, text)

    assert [row.route for row in rows] == ["ours:org/one", "hf-inference:org/one"]


def test_a_revision_that_is_no_commit_is_not_compared() -> None:
    """RI103 says so."""
    assert asked(lambda route: Runs(commit=COMMIT), held=lock(a=pin("org/one", revision="main"))) == ((), [])
