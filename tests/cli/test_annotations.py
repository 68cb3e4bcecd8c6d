"""Annotations: what the runner of GitHub Actions reads from the log, and nothing else."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.cli.annotations import MOST, annotations
from resilient_infer.cli.verified import Verified
from resilient_infer.errors import ConfigError, LockError, Problem
from resilient_infer.lock.findings import Level

from .hostile import SECRETS, VERIFIED, a_finding


def obeyed(line: str) -> tuple[str, dict[str, str], str] | None:
    """The command that the runner reads from a line, told as its source does it (ActionCommand.cs)."""
    found = re.match(r"\s*::([^ :]+)(?: (.*?))?::(.*)", line, re.DOTALL)
    if found is None:
        return None
    pairs = [pair.split("=", 1) for pair in (found[2] or "").split(",") if "=" in pair]
    unescaped = {key: _back(value, ":%3A", ",%2C") for key, value in pairs}
    return found[1], unescaped, _back(found[3])


def _back(text: str, *more: str) -> str:
    for pair in ("\r%0D", "\n%0A", *more, "%%25"):
        text = text.replace(pair[1:], pair[0])
    return text


@given(done=VERIFIED)
def test_every_line_is_one_annotation_whatever_it_says(done: Verified) -> None:
    """No text begins a second command, ends a property, moves a cursor or holds a token."""
    for line in annotations(done.findings, done.error):
        assert all(char.isprintable() for char in line)
        assert not any(secret in line for secret in SECRETS)
        assert "##[" not in line
        command = obeyed(line)
        assert command is not None
        kind, properties, _ = command
        assert kind in ("error", "warning", "notice")
        assert set(properties) <= {"file", "line", "col", "title"}
        assert "title" in properties
        assert all(number.isdigit() for key in ("line", "col") for number in [properties.get(key, "1")])


def test_an_annotation_says_what_where_and_what_to_do() -> None:
    """What is escaped reads back as it was."""
    finding = a_finding(message="100% so, and: more", hint="do\nthis", file="a,b:c.yaml")

    assert annotations([finding]) == [
        "::error file=a%2Cb%3Ac.yaml,line=7,title=RI201 commit gone::a: 100%25 so, and: more%0Ado%0Athis"
    ]
    (line,) = annotations([finding])
    assert obeyed(line) == (
        "error",
        {"file": "a,b:c.yaml", "line": "7", "title": "RI201 commit gone"},
        "a: 100% so, and: more\ndo\nthis",
    )


def test_a_finding_about_a_whole_file_names_no_line() -> None:
    """GitHub puts it on top of the file."""
    (line,) = annotations([a_finding("RI102", line=0)])

    assert line.startswith("::notice file=lockfiles/models.lock.yaml,title=RI102 ")


def test_levels_are_kinds_and_errors_come_first() -> None:
    """What could not be checked is a warning; a matter of security stands before other errors."""
    findings = [
        a_finding("RI302"),
        a_finding("RI203"),
        a_finding("RI900"),
        a_finding("RI201"),
        a_finding("RI104"),
    ]

    lines = annotations(findings)

    assert [line.split()[0] for line in lines] == ["::error", "::error", "::warning", "::warning", "::notice"]
    assert "title=RI104 security%3A other content" in lines[0]
    assert "title=RI900 " in lines[2]


@given(errors=st.integers(0, 30), notices=st.integers(0, 30))
def test_of_each_kind_there_are_ten_at_the_most_and_the_last_tells_how_many_more(
    errors: int, notices: int
) -> None:
    """GitHub drops the eleventh; nothing is left out in silence."""
    findings = [a_finding("RI302")] * notices + [a_finding("RI201")] * errors

    lines = annotations(findings)

    for kind, count in (("error", errors), ("notice", notices)):
        told = [line for line in lines if line.startswith(f"::{kind} ")]
        assert len(told) == min(count, MOST)
        if count > MOST:
            more = count - MOST + 1
            assert told[-1].endswith(
                f"::and {more} {kind}{'' if more == 1 else 's'} more; the log of this step has all of them"
            )


def test_a_failure_is_an_annotation_for_each_problem() -> None:
    """Each at its place; without one, the message alone."""
    problems = tuple(
        Problem(file="m.yaml", line=line, column=3, path="models.a", what="is odd") for line in (1, 2)
    )

    assert annotations([], ConfigError("two", problems=problems, hint="mend them")) == [
        f"::error file=m.yaml,line={line},col=3,title=resilient-infer could not do its work"
        "::models.a: is odd%0Amend them"
        for line in (1, 2)
    ]
    assert annotations([], LockError("no answer")) == [
        "::error title=resilient-infer could not do its work::no answer"
    ]


def test_paths_count_from_the_root_of_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever folder the command runs in; a file outside has no place in it, and is named in the text."""
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    (tmp_path / "repo" / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "repo" / "deep")

    (inside,) = annotations([a_finding(file="../lockfiles/m.yaml")])
    (outside,) = annotations([a_finding(file="../../m.yaml", level=Level.WARNING)])

    assert inside.startswith("::error file=lockfiles/m.yaml,line=7,")
    assert outside == "::warning title=RI201 commit gone::../../m.yaml: a: it is so"
