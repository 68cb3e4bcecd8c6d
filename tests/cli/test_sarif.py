"""SARIF: valid by the standard's schema, with rules, places and fingerprints that code scanners can use."""

import json
import os
import re
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given

from resilient_infer.cli.sarif import sarif_log
from resilient_infer.cli.verified import Verified
from resilient_infer.core.task import Json
from resilient_infer.errors import ConfigError, LockError, Problem
from resilient_infer.lock.findings import CODES, Finding, Level

from .hostile import SECRETS, VERIFIED, a_finding

ROOT = Path(__file__).parents[2]

OFFICIAL = "RESILIENT_INFER_SARIF_SCHEMA"
"""Variable that names the file of the standard's own schema; the npm package @microsoft/jest-sarif has it."""


def _object(required: str, **properties: object) -> dict[str, object]:
    return {"type": "object", "required": required.split(), "properties": properties}


MESSAGE = _object("text", text={"type": "string", "minLength": 1})
LOCATIONS = {
    "type": "array",
    "items": _object(
        "physicalLocation",
        physicalLocation=_object(
            "artifactLocation",
            artifactLocation=_object("uri", uri={"type": "string", "pattern": r"^[!-~]*$"}),
            region=_object("startLine", startLine={"type": "integer", "minimum": 1}),
        ),
    ),
}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
NOTIFICATIONS = {
    "type": "array",
    "items": _object("message level", message=MESSAGE, level=LEVEL, locations=LOCATIONS),
}
REQUIRED_PARTS = _object(
    "version runs",
    version={"const": "2.1.0"},
    runs={
        "type": "array",
        "minItems": 1,
        "items": _object(
            "tool results",
            tool=_object("driver", driver=_object("name rules", rules={"items": _object("id")})),
            invocations={
                "items": _object(
                    "executionSuccessful",
                    executionSuccessful={"type": "boolean"},
                    toolExecutionNotifications=NOTIFICATIONS,
                    toolConfigurationNotifications=NOTIFICATIONS,
                )
            },
            results={
                "type": "array",
                "items": _object(
                    "ruleId ruleIndex level message locations partialFingerprints",
                    message=MESSAGE,
                    level=LEVEL,
                    locations={**LOCATIONS, "minItems": 1},
                ),
            },
        ),
    },
)
"""What we use of the standard, where its own schema is not at hand."""

VALIDATOR = jsonschema.Draft202012Validator(REQUIRED_PARTS)


def run_of(done: Verified) -> dict[str, Json]:
    log = json.loads(json.dumps(sarif_log(done)))
    (run,) = log["runs"]
    assert isinstance(run, dict)
    return run


@given(done=VERIFIED)
def test_the_log_has_the_required_parts_whatever_was_found(done: Verified) -> None:
    """One run, a place for each result, no token, nothing that a viewer takes for a link or an argument."""
    log = sarif_log(done)

    VALIDATOR.validate(log)
    text = json.dumps(log, ensure_ascii=False)
    assert not any(secret in text for secret in SECRETS)
    messages = [result["message"]["text"] for result in log["runs"][0]["results"]]  # type: ignore[index, call-overload, union-attr]  # JSON
    assert not any("](" in message or re.search(r"(?<!\{)\{[0-9]+\}", message) for message in messages)


@given(done=VERIFIED)
def test_the_log_is_valid_by_the_official_schema(done: Verified) -> None:
    """That of OASIS for 2.1.0."""
    if OFFICIAL not in os.environ:
        pytest.skip(f"{OFFICIAL} does not name the schema of the standard")
    schema = json.loads(Path(os.environ[OFFICIAL]).read_bytes())

    errors = [error.message for error in jsonschema.Draft4Validator(schema).iter_errors(sarif_log(done))]

    assert errors == []


def test_every_code_is_a_rule_or_a_notification() -> None:
    """With its level, its remedy, and for what is a matter of security how grave it is."""
    driver = run_of(Verified())["tool"]["driver"]
    rules = {rule["id"]: rule for rule in driver["rules"]}
    notifications = {rule["id"]: rule for rule in driver["notifications"]}

    assert set(rules) | set(notifications) == set(CODES)
    assert set(notifications) == {"RI900"}
    for code, rule in {**rules, **notifications}.items():
        assert rule["help"]["markdown"] == f"What to do: {CODES[code].remedy}"
        severity = rule["properties"].get("security-severity")
        assert (severity is not None) == CODES[code].security == ("security" in rule["properties"]["tags"])
        assert severity is None or float(severity) > 9.0
    assert rules["RI201"]["defaultConfiguration"]["level"] == "error"
    assert rules["RI302"]["defaultConfiguration"]["level"] == "note"


def test_a_result_names_its_rule_its_level_and_its_place() -> None:
    """The index is that of the rule."""
    run = run_of(Verified(findings=(a_finding("RI203", message="moved", hint="do this"),), code=0))

    (result,) = run["results"]
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "RI203"
    assert (result["kind"], result["level"]) == ("fail", "warning")
    assert result["message"] == {"text": "a: moved\ndo this"}
    (location,) = result["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "lockfiles/models.lock.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 7},
    }
    assert run["invocations"][0]["executionSuccessful"] is True


@pytest.mark.parametrize(("level", "told"), [("error", "error"), ("warning", "warning"), ("info", "note")])
def test_levels_have_the_names_of_the_standard(level: str, told: str) -> None:
    """That of the finding, not that of the rule."""
    (result,) = run_of(Verified(findings=(a_finding("RI205", level=Level(level)),)))["results"]

    assert result["level"] == told


def test_what_could_not_be_checked_is_no_result_but_a_notification() -> None:
    """No alert is opened, and none is taken for mended: the run is not successful."""
    run = run_of(Verified(findings=(a_finding("RI900"), a_finding("RI302")), code=3))

    (invocation,) = run["invocations"]
    assert [result["ruleId"] for result in run["results"]] == ["RI302"]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 3)
    (told,) = invocation["toolExecutionNotifications"]
    assert (told["descriptor"]["id"], told["level"]) == ("RI900", "error")
    assert told["locations"]


def test_a_failure_is_a_log_too() -> None:
    """Each problem with its place; no results, and no success."""
    problem = Problem(file="m.yaml", line=2, column=3, path="models.a", what="is odd")
    broken = run_of(Verified(error=ConfigError("odd", problems=(problem,), hint="mend it"), code=2))
    failed = run_of(Verified(error=LockError("no answer"), code=3))

    (told,) = broken["invocations"][0]["toolConfigurationNotifications"]
    assert told["message"]["text"] == "models.a: is odd\nmend it"
    assert told["locations"][0]["physicalLocation"]["region"] == {"startLine": 2, "startColumn": 3}
    assert broken["results"] == failed["results"] == []
    assert failed["invocations"][0]["executionSuccessful"] is False
    assert failed["invocations"][0]["toolConfigurationNotifications"] == [
        {"level": "error", "message": {"text": "no answer"}}
    ]


def fingerprints(*findings: Finding) -> list[str]:
    results = run_of(Verified(findings=findings))["results"]
    return [result["partialFingerprints"]["primaryLocationLineHash"] for result in results]


def test_a_fingerprint_stays_when_lines_move_and_branches_do() -> None:
    """And differs for another code, alias or file, and for the second pin of an alias."""
    first = a_finding("RI302", message="main is at 1 now")
    moved = a_finding("RI302", message="main is at 2 now", line=90)
    others = [
        a_finding("RI301"),
        a_finding("RI302", alias="b"),
        a_finding("RI302", file="lockfiles/models.prod.lock.yaml"),
        moved,
    ]

    assert fingerprints(first) == fingerprints(moved)
    assert len(set(fingerprints(first, *others))) == 5
    assert fingerprints(first, moved) == fingerprints(moved, first)


def test_runs_of_environments_are_told_apart() -> None:
    """GitHub keeps the alerts of each category by themselves."""
    assert run_of(Verified())["automationDetails"] == {"id": "resilient-infer/default/"}
    assert run_of(Verified(environment="prod"))["automationDetails"] == {"id": "resilient-infer/prod/"}


def test_a_path_is_a_relative_uri_from_the_root_of_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spaces and other signs are escaped; a file outside has an address of its own."""
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "repo")
    inside, outside = run_of(
        Verified(findings=(a_finding(file="a b/ü%.yaml"), a_finding(file=str(tmp_path / "m.yaml"), line=0)))
    )["results"]

    assert inside["locations"][0]["physicalLocation"]["artifactLocation"] == {
        "uri": "a%20b/%C3%BC%25.yaml",
        "uriBaseId": "%SRCROOT%",
    }
    assert outside["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": (tmp_path / "m.yaml").as_uri()},
        "region": {"startLine": 1},
    }


def test_the_documentation_says_of_each_code_what_the_log_says() -> None:
    """The table of `lockfiles/README.md`."""
    text = (ROOT / "lockfiles" / "README.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    table = {row[0]: row[2] for row in rows if len(row) == 3 and row[0].startswith("RI")}

    assert table == {code: row.remedy for code, row in CODES.items()}
