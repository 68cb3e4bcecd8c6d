"""Findings: what `lock --check` and `verify` say of a pin, and the exit code that follows.

The table of codes is the one of the documentation; a code keeps its meaning for ever.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, Literal

from resilient_infer.errors import Problem


class Level(Enum):
    """How bad a finding is. `UNCHECKED` is no finding but the want of one: it could not be told."""

    INFO = "info"
    WARNING = "warning"
    UNCHECKED = "unchecked"
    ERROR = "error"


ALIAS: Final = "<alias>"
"""Stands in the hint of a `Said` for the alias it will be said of, as a command line names it."""

_LOCK: Final = '"resilient-infer lock"'

FailOn = Literal["error", "warning", "info", "drift"]
"""What `--fail-on` takes: a level and all above it, or `drift`, which makes RI302 an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """One row of the table.

    Attributes:
        state: What has come about, for people.
        level: Unless a finding says otherwise.
        remedy: What to do, in Markdown; the documentation's table says the same.
        security: Somebody may be at work. No flag silences it.
    """

    code: str
    state: str
    level: Level
    remedy: str
    security: bool = False


CODES: Final[Mapping[str, Code]] = {
    row.code: row
    for row in (
        Code(
            code="RI101",
            state="not locked, or not as the manifest asks",
            level=Level.ERROR,
            remedy="`resilient-infer lock`",
        ),
        Code(
            code="RI102",
            state="locked, but not in the manifest",
            level=Level.INFO,
            remedy="`resilient-infer lock` drops it",
        ),
        Code(
            code="RI103",
            state="revision is no full commit in quotes",
            level=Level.ERROR,
            remedy="write all 40 hex digits in quotes, or lock again",
        ),
        Code(
            code="RI104",
            state="other content at the locked commit",
            level=Level.ERROR,
            security=True,
            remedy="do not deploy; compare with a copy you trust, then ask the Hub; "
            "a cache that was changed is deleted and filled anew",
        ),
        Code(
            code="RI105",
            state="check does not fit the entry",
            level=Level.ERROR,
            remedy="delete the entry and lock again",
        ),
        Code(
            code="RI201",
            state="commit gone",
            level=Level.ERROR,
            remedy="same content elsewhere: `lock --relocate`; else look at what replaced it, and update",
        ),
        Code(
            code="RI202",
            state="repo gone or made private",
            level=Level.ERROR,
            remedy="is the token set? else pin another model, and keep a copy next time",
        ),
        Code(
            code="RI203",
            state="repo renamed or moved",
            level=Level.WARNING,
            remedy="write the new name into the manifest: the old one can be taken by others; "
            "`resilient-infer update ALIAS --to SHA` then keeps the commit",
        ),
        Code(
            code="RI204",
            state="the name belongs to another repo",
            level=Level.ERROR,
            security=True,
            remedy="do not deploy; find out where the model went",
        ),
        Code(
            code="RI205",
            state="repo gated",
            level=Level.ERROR,
            remedy="ask for access with the account of the token",
        ),
        Code(code="RI206", state="repo disabled", level=Level.ERROR, remedy="pin another model"),
        Code(code="RI207", state="weight file gone", level=Level.ERROR, remedy="as RI201"),
        Code(code="RI301", state="branch ahead, behaviour the same", level=Level.INFO, remedy="nothing"),
        Code(
            code="RI302",
            state="branch ahead, behaviour changed",
            level=Level.INFO,
            remedy="nothing, until you want the new version and have tested it: `resilient-infer update`",
        ),
        Code(
            code="RI303",
            state="branch or tag gone, or a tag moved",
            level=Level.WARNING,
            remedy="ask for another one in the manifest; of a tag, find out why it moved",
        ),
        Code(
            code="RI304",
            state="history rewritten",
            level=Level.WARNING,
            remedy="the Hub may delete it: look at what replaced it, and update",
        ),
        Code(
            code="RI401",
            state="commit of a pull request that nobody merged",
            level=Level.ERROR,
            remedy="do not deploy before you know who wrote it; pin a commit of a branch",
        ),
        Code(
            code="RI402",
            state="file not known to be safe",
            level=Level.ERROR,
            remedy="look at the file's page on the Hub before you load it",
        ),
        Code(
            code="RI403",
            state="only pickled weights",
            level=Level.INFO,
            remedy="prefer a revision with safetensors",
        ),
        Code(
            code="RI404",
            state="license changed",
            level=Level.WARNING,
            remedy="read the new terms before you move the pin",
        ),
        Code(
            code="RI405",
            state="runs code of its own, or loads a repo that is not locked",
            level=Level.WARNING,
            remedy="read the code; `resilient-infer lock` locks what it loads, as far as it can be read",
        ),
        Code(
            code="RI406",
            state="targets of one alias answer differently",
            level=Level.ERROR,
            remedy="write a label map, or an alias of its own; `fallback: any` if that is meant",
        ),
        Code(
            code="RI501",
            state="the server runs another commit",
            level=Level.ERROR,
            remedy="deploy the pinned commit; or, if the other is wanted, "
            "`resilient-infer update ALIAS --to SHA`",
        ),
        Code(
            code="RI502",
            state="declared versioned, and the name moves",
            level=Level.WARNING,
            remedy="take a name that does, or declare `pin: floating`",
        ),
        Code(
            code="RI503",
            state="the server names no commit",
            level=Level.INFO,
            remedy="start it as the table above says; until then its pin is declared",
        ),
        Code(
            code="RI900",
            state="not checked",
            level=Level.UNCHECKED,
            remedy="run it again; with a token the limits are wider",
        ),
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing found about one alias.

    Attributes:
        alias: None: it concerns the whole file.
        file: Path as the user gave it.
        line: From 1; 0 if it concerns the whole file.
        message: What and why, without the alias.
        hint: What to do; may be empty.
    """

    code: str
    level: Level
    alias: str | None
    file: str
    line: int
    message: str
    hint: str = ""

    @property
    def security(self) -> bool:
        """Somebody may be at work. No flag silences it."""
        return CODES[self.code].security

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return " ".join(part for part in (self.code, place, self.alias) if part) + f": {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A finding before it is known whom it concerns: what is found about a pin is said of each alias.

    Attributes:
        hint: What to do; `ALIAS` in it stands for the alias.
        level: None: as the table says.
    """

    code: str
    message: str
    hint: str = ""
    level: Level | None = None

    @property
    def how_bad(self) -> Level:
        """Its level: its own, else the table's."""
        return self.level or CODES[self.code].level

    @property
    def security(self) -> bool:
        """Somebody may be at work."""
        return CODES[self.code].security

    @property
    def settles(self) -> bool:
        """Whether it makes no sense to look at the pin any further."""
        return self.how_bad in (Level.ERROR, Level.UNCHECKED)

    def of(self, alias: str | None, file: str, line: int, *, environment: str | None = None) -> Finding:
        """The finding about `alias`, whose place is `file:line`.

        Args:
            environment: The one whose lock that is; commands of the hint name it.
        """
        flag = "" if environment is None else f" --env {environment}"
        hint = self.hint.replace(ALIAS, f"{alias or ''}{flag}").replace(_LOCK, f'{_LOCK[:-1]}{flag}"')
        return Finding(
            code=self.code,
            level=self.how_bad,
            alias=alias,
            file=file,
            line=line,
            message=self.message,
            hint=hint,
        )


_FLAW: Final = re.compile(r"(RI[0-9]{3}): (.*?)(?:; (run \"resilient-infer [^;]*))?", re.DOTALL)
_ALIAS: Final = re.compile(r"models\.(.+?)\.(?:pins|needed)(?:\[|$)")


def finding_of(flaw: Problem, environments: Mapping[str, str | None] | None = None) -> Finding:
    """A flaw that `survey_lock` found, as a finding.

    Args:
        environments: By alias, the one whose lock has it; commands of the hint name it.
    """
    said, path = _FLAW.fullmatch(flaw.what), _ALIAS.match(flaw.path)
    if said is None:
        raise ValueError(f"no flaw of a pin: {flaw}")
    alias = path[1] if path else None
    environment = None if environments is None or alias is None else environments.get(alias)
    told = Said(code=said[1], message=said[2], hint=said[3] or "")
    return told.of(alias, flaw.file, flaw.line, environment=environment)


def raised(findings: Iterable[Finding], fail_on: Collection[FailOn]) -> tuple[Finding, ...]:
    """The findings, with RI302 an error if drift is to fail."""
    if "drift" not in fail_on:
        return tuple(findings)
    return tuple(
        replace(finding, level=Level.ERROR) if finding.code == "RI302" else finding for finding in findings
    )


FAIL_ON_ERROR: Final[tuple[FailOn, ...]] = ("error",)

_FAILS: Final[Mapping[FailOn, frozenset[Level]]] = {
    "error": frozenset({Level.ERROR}),
    "drift": frozenset({Level.ERROR}),
    "warning": frozenset({Level.ERROR, Level.WARNING}),
    "info": frozenset({Level.ERROR, Level.WARNING, Level.INFO}),
}


def exit_code(
    findings: Iterable[Finding],
    *,
    fail_on: Collection[FailOn] = FAIL_ON_ERROR,
    allow_unchecked: bool = False,
    exit_zero: bool = False,
) -> int:
    """What a command that found this ends with: 0 nothing, 1 findings, 3 it could not be told.

    An error always counts, whatever `fail_on` says.

    Args:
        allow_unchecked: What could not be told is no failure.
        exit_zero: What was found is no failure, unless it is a security finding.
    """
    found = raised(findings, fail_on)
    failing = frozenset({Level.ERROR}).union(*(_FAILS[word] for word in fail_on))
    codes = {1 for finding in found if finding.level in failing and (finding.security or not exit_zero)}
    if not allow_unchecked and any(finding.level is Level.UNCHECKED for finding in found):
        codes.add(3)
    return worst(codes)


_PRECEDENCE: Final = (2, 1, 3, 0)


def worst(codes: Collection[int]) -> int:
    """The exit code that stands for several: unusable files, then a clear no, then what could not be told."""
    return next((code for code in _PRECEDENCE if code in codes), 0)
