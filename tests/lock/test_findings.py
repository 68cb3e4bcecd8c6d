"""Findings: codes that keep their meaning, and the exit code that follows from them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.errors import Problem
from resilient_infer.lock.findings import (
    ALIAS,
    CODES,
    Finding,
    Level,
    Said,
    exit_code,
    finding_of,
    raised,
    worst,
)

SECURITY = {"RI104", "RI204"}
FAIL_ON = ("error", "warning", "info", "drift")

codes = st.sampled_from(sorted(CODES))
findings = st.lists(
    st.builds(lambda code: Said(code=code, message="x").of("a", "l.yaml", 1), codes), max_size=4
)


def of(*named: str) -> list[Finding]:
    return [Said(code=code, message="what and why").of("a", "l.yaml", 3) for code in named]


def test_the_table_is_the_documents() -> None:
    """Levels and security as the documentation has them."""
    assert {code: row.level.value for code, row in CODES.items()} == {
        **dict.fromkeys(["RI101", "RI103", "RI104", "RI105"], "error"),
        **dict.fromkeys(["RI201", "RI202", "RI204", "RI205", "RI206", "RI207"], "error"),
        **dict.fromkeys(["RI401", "RI402", "RI406", "RI501"], "error"),
        **dict.fromkeys(["RI203", "RI303", "RI304", "RI404", "RI405", "RI502"], "warning"),
        **dict.fromkeys(["RI102", "RI301", "RI302", "RI403", "RI503"], "info"),
        "RI900": "unchecked",
    }
    assert {code for code, row in CODES.items() if row.security} == SECURITY


@pytest.mark.parametrize(
    ("environment", "command"),
    [(None, "resilient-infer lock a"), ("prod", "resilient-infer lock a --env prod")],
)
def test_a_hint_names_the_alias_it_is_for(environment: str | None, command: str) -> None:
    """A finding about a pin is said of each alias that has it, with the command for that one."""
    said = Said(code="RI201", message=f"{ALIAS} stays", hint=f"run: resilient-infer lock {ALIAS}")

    found = said.of("a", "l.yaml", 3, environment=environment)

    assert (found.message, found.hint) == (f"{ALIAS} stays", f"run: {command}")


@given(found=findings, fail_on=st.lists(st.sampled_from(FAIL_ON)), allow=st.booleans(), zero=st.booleans())
def test_security_is_never_silenced_and_unchecked_never_passes_as_checked(
    found: list[Finding], fail_on: list[str], allow: bool, zero: bool
) -> None:
    """No flag silences RI104; only --allow-unchecked makes 3 a 0, and an error comes before it."""
    code = exit_code(found, fail_on=fail_on, allow_unchecked=allow, exit_zero=zero)  # type: ignore[arg-type]  # words drawn from those it takes

    names = {finding.code for finding in found}
    if names & SECURITY:
        assert code == 1
    elif "RI900" in names and not allow:
        assert code in (1, 3)
        assert code == 3 or not zero
    else:
        assert code in (0, 1)
        assert not (zero and code)
    if any(CODES[name].level is Level.ERROR for name in names) and not zero:
        assert code == 1
    if not found:
        assert code == 0


@pytest.mark.parametrize(
    ("named", "fail_on", "code"),
    [
        (["RI302", "RI301", "RI102"], ("error",), 0),
        (["RI203"], ("error",), 0),
        (["RI203"], ("warning",), 1),
        (["RI302"], ("warning",), 0),
        (["RI302"], ("drift",), 1),
        (["RI301"], ("drift",), 0),
        (["RI203"], ("drift",), 0),
        (["RI301"], ("info",), 1),
        (["RI900"], ("error",), 3),
        (["RI900", "RI201"], ("error",), 1),
        (["RI900", "RI203"], ("warning",), 1),
        (["RI900", "RI203"], ("error",), 3),
    ],
)
def test_what_fails(named: list[str], fail_on: tuple[str, ...], code: int) -> None:
    """1 before 3 before 0; a level and all above it; drift for itself."""
    assert exit_code(of(*named), fail_on=fail_on) == code  # type: ignore[arg-type]  # words that it takes


def test_drift_is_an_error_where_it_is_to_fail() -> None:
    """The reader of the output must see why it failed."""
    assert [finding.level for finding in raised(of("RI302", "RI301"), ["drift"])] == [Level.ERROR, Level.INFO]
    assert list(raised(of("RI302"), ["error"])) == of("RI302")


@given(given_codes=st.lists(st.sampled_from([0, 1, 2, 3])))
def test_several_codes_make_one(given_codes: list[int]) -> None:
    """2 > 1 > 3 > 0: unusable files, a clear no, not told, fine."""
    ranked = [code for code in (2, 1, 3) if code in given_codes]

    assert worst(given_codes) == (ranked[0] if ranked else 0)


@pytest.mark.parametrize("alias", ["a", "a.pins", "x.y", "pins"])
def test_a_flaw_becomes_a_finding(alias: str) -> None:
    """Code, alias, place, and the command as the hint."""
    what = 'RI105: check does not fit: a hand edit, or a merge; run "resilient-infer lock"'
    path = f"models.{alias}.pins[1].check"

    finding = finding_of(Problem(file="l.yaml", line=7, column=9, path=path, what=what))

    assert (finding.code, finding.alias, finding.line, finding.level) == ("RI105", alias, 7, Level.ERROR)
    assert finding.message == "check does not fit: a hand edit, or a merge"
    assert finding.hint == 'run "resilient-infer lock"'
    assert str(finding) == f"RI105 l.yaml:7 {alias}: check does not fit: a hand edit, or a merge"


def test_what_is_no_flaw_is_refused() -> None:
    """A mistake of ours, told at once."""
    with pytest.raises(ValueError, match="no flaw"):
        finding_of(Problem(file="l.yaml", line=7, column=9, path="", what="anything else"))
