"""SARIF: what `verify` found, as the format that code scanners share.

Source: SARIF 2.1.0, OASIS standard. What could not be checked is no result: the
rule was not evaluated, and a result would open an alert that says nothing. It is
a notification of the tool (section 3.20.21), of level "error" as the analysis is
incomplete (3.58.6), and the run then counts as not successful (3.20.14), so that
nobody takes the missing results for mended ones.
"""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final
from urllib.parse import quote

from resilient_infer.cli.files import in_repository
from resilient_infer.cli.render import one_block, one_line
from resilient_infer.cli.verified import Verified
from resilient_infer.core.task import Json
from resilient_infer.errors import ConfigError, Problem, ResilientInferError
from resilient_infer.lock.findings import CODES, Code, Finding, Level

_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

_ROOT: Final = "%SRCROOT%"
"""What paths are relative to; the name that GitHub knows."""

_LEVELS: Final[Mapping[Level, str]] = {
    Level.ERROR: "error",
    Level.UNCHECKED: "error",
    Level.WARNING: "warning",
    Level.INFO: "note",
}

_SECURITY_SEVERITY: Final = "9.3"
"""Of a finding that no flag silences; GitHub calls what is over 9.0 critical."""

_PLACEHOLDER: Final = re.compile(r"\{([0-9]+)\}")

_RULES: Final = tuple(code for code in CODES.values() if code.level is not Level.UNCHECKED)
_INDEX: Final = {code.code: number for number, code in enumerate(_RULES)}
_NOTIFICATIONS: Final = tuple(code for code in CODES.values() if code.level is Level.UNCHECKED)


def sarif_log(done: Verified) -> dict[str, Json]:
    """One run of the tool, also after a failure."""
    complete = all(finding.level is not Level.UNCHECKED for finding in done.findings)
    invocation: dict[str, Json] = {
        "executionSuccessful": done.error is None and complete,
        "exitCode": done.code,
        "toolExecutionNotifications": [
            _notification(finding) for finding in done.findings if not _is_result(finding)
        ],
        "toolConfigurationNotifications": [] if done.error is None else _of_error(done.error),
    }
    run: dict[str, Json] = {
        "tool": {"driver": _driver()},
        "automationDetails": {"id": f"resilient-infer/{done.environment or 'default'}/"},
        "originalUriBaseIds": {_ROOT: {"description": _message("The root of the repository.")}},
        "columnKind": "unicodeCodePoints",
        "invocations": [invocation],
        "results": _results(filter(_is_result, done.findings)),
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _is_result(finding: Finding) -> bool:
    return finding.level is not Level.UNCHECKED and finding.code in _INDEX


def _driver() -> dict[str, Json]:
    release = version("resilient-infer")
    return {
        "name": "resilient-infer",
        "version": release,
        "semanticVersion": release,
        "rules": [_rule(code) for code in _RULES],
        "notifications": [_rule(code) for code in _NOTIFICATIONS],
    }


def _rule(code: Code) -> dict[str, Json]:
    """A row of the table of codes. There is no page on the web to name as `helpUri`: the text is all here."""
    tags: list[Json] = ["security", "supply-chain"] if code.security else ["reproducibility"]
    properties: dict[str, Json] = {"tags": tags}
    if code.security:
        properties["security-severity"] = _SECURITY_SEVERITY
    return {
        "id": code.code,
        "shortDescription": {"text": _sentence(code.state)},
        "help": {
            "text": f"What to do: {code.remedy}".replace("`", ""),
            "markdown": f"What to do: {code.remedy}",
        },
        "defaultConfiguration": {"level": _LEVELS[code.level]},
        "properties": properties,
    }


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _results(findings: Iterable[Finding]) -> list[Json]:
    """The findings; those of one kind about one alias of a file are numbered, so that each is recognized."""
    seen: Counter[str] = Counter()
    results: list[Json] = []
    for finding in findings:
        identity = _identity(finding)
        seen[identity] += 1
        results.append(_result(finding, f"{identity}:{seen[identity]}"))
    return results


def _identity(finding: Finding) -> str:
    """What stays the same when lines move, or the branch does: not the line, not the message."""
    parts = (finding.code, in_repository(finding.file) or Path(finding.file).name, finding.alias or "")
    return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()[:16]


def _result(finding: Finding, fingerprint: str) -> dict[str, Json]:
    return {
        "ruleId": finding.code,
        "ruleIndex": _INDEX[finding.code],
        "kind": "fail",
        "level": _LEVELS[finding.level],
        "message": _message(_said(finding)),
        "locations": [_location(finding.file, finding.line, 0)],
        "partialFingerprints": {"primaryLocationLineHash": fingerprint},
        "properties": {"alias": one_line(finding.alias or ""), "security": finding.security},
    }


def _notification(finding: Finding) -> dict[str, Json]:
    return {
        "descriptor": {"id": finding.code},
        "level": _LEVELS[finding.level],
        "message": _message(_said(finding)),
        "locations": [_location(finding.file, finding.line, 0)],
    }


def _of_error(error: ResilientInferError) -> list[Json]:
    problems = error.problems if isinstance(error, ConfigError) else ()
    if not problems:
        return [{"level": "error", "message": _message(_with_hint(error.message, error.hint))}]
    return [_of_problem(problem, error.hint) for problem in problems]


def _of_problem(problem: Problem, hint: str) -> dict[str, Json]:
    text = f"{problem.path}: {problem.what}" if problem.path else problem.what
    found: dict[str, Json] = {"level": "error", "message": _message(_with_hint(text, hint))}
    if problem.file:
        found["locations"] = [_location(problem.file, problem.line, problem.column)]
    return found


def _said(finding: Finding) -> str:
    concerned = f"{finding.alias}: " if finding.alias else ""
    return _with_hint(f"{concerned}{finding.message}", finding.hint)


def _with_hint(text: str, hint: str) -> str:
    return f"{text}\n{hint}" if hint else text


def _message(text: str) -> dict[str, Json]:
    """A message of plain text: `[…](…)` would be a link, `{0}` the place of an argument (3.11.5, 3.11.6)."""
    return {"text": _PLACEHOLDER.sub(r"{{\1}}", one_block(text).replace("](", "] ("))}


def _location(file: str, line: int, column: int) -> dict[str, Json]:
    """A place; a finding about a whole file stands at its first line, as viewers show none without."""
    region: dict[str, Json] = {"startLine": max(1, line)}
    if line and column:
        region["startColumn"] = column
    return {"physicalLocation": {"artifactLocation": _artifact(file), "region": region}}


def _artifact(file: str) -> dict[str, Json]:
    inside = in_repository(file)
    if inside is None:
        return {"uri": Path(one_line(os.path.abspath(file))).as_uri()}
    return {"uri": quote(one_line(inside)), "uriBaseId": _ROOT}
