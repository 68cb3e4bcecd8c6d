"""Places: the line that a finding names holds what the finding is about, however the files are laid out."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.lock.findings import Finding, Level
from resilient_infer.lock.lockfile import survey_lock
from resilient_infer.lock.manifest import parse_manifest
from resilient_infer.lock.offline import check_offline
from resilient_infer.lock.verify import verify
from tests.lock.fake_hub import FakeHub

COMMIT = "714eb0fa89d2f80546fda750413ed43d93601a13"

BLANKS = st.lists(
    st.sampled_from(["", "# a remark", "  # org/alias-0: another", "      # revision:"]), max_size=3
)
NAMES = [f"alias-{number}" for number in range(4)]


def _model(name: str) -> str:
    return f"org/{name}"


def _one_line(name: str) -> list[str]:
    return [f"  {name}: {_model(name)}"]


def _block(name: str) -> list[str]:
    return [f"  {name}:", "    targets:", f"      - model: {_model(name)}"]


def _flow(name: str) -> list[str]:
    return [f"  {name}: {{", f"      targets: [{{model: {_model(name)}", "      }]", "    }"]


def _quoted(name: str) -> list[str]:
    return [f'  "{name}":', f"    {{targets: [{{model: {_model(name)}}}]}}"]


def _pinned(name: str) -> list[str]:
    return [
        f"  {name}:",
        "    pins:",
        f"      - model: {_model(name)}",
        "        requested: main",
        f'        revision: "{COMMIT}"',
        "        weights:",
        '          model.safetensors: "git:' + "0" * 40 + '"',
    ]


def _folded(name: str) -> list[str]:
    return [
        f"  {name}: {{pins: [",
        f"      {{model: {_model(name)},",
        f'        requested: main, revision: "{COMMIT}"',
        "      }] }",
    ]


@st.composite
def laid_out(
    draw: st.DrawFn, forms: list[Callable[[str], list[str]]], head: list[str], names: list[str]
) -> str:
    """A file with an entry for each name, with remarks and blank lines between them."""
    lines = [*draw(BLANKS), *head]
    for name in names:
        lines += [*draw(BLANKS), *draw(st.sampled_from(forms))(name)]
    return "\n".join(lines) + "\n"


MANIFESTS = laid_out([_one_line, _block, _flow, _quoted], ["version: 1", "models:"], NAMES)


def _locks(names: list[str]) -> st.SearchStrategy[str]:
    return laid_out([_pinned, _folded], ['lock_version: "1.0"', "models:"], names)


def _lines(findings: tuple[Finding, ...], files: dict[str, str]) -> Iterator[tuple[Finding, str]]:
    for finding in findings:
        yield finding, files[finding.file].splitlines()[finding.line - 1]


def _checked(manifest: str, lock: str) -> Iterator[tuple[Finding, str]]:
    asked = parse_manifest(manifest.encode(), "m", None)
    found = check_offline(asked, survey_lock(lock.encode(), "l"), file="l")
    return _lines(found, {"m": manifest, "l": lock})


@given(manifest=MANIFESTS, lock=_locks([*NAMES[:2], "zz-left-over"]))
def test_the_line_of_an_alias_names_the_alias(manifest: str, lock: str) -> None:
    """RI101 where it is asked for, RI102 where it is left over; the key's line, not the value's."""
    found = list(_checked(manifest, lock))

    assert [(finding.code, finding.alias) for finding, _ in found] == [
        ("RI102", "zz-left-over"),
        ("RI101", NAMES[2]),
        ("RI101", NAMES[3]),
    ]
    for finding, line in found:
        assert line.split("#")[0].split(":")[0].strip(' "') == finding.alias


@given(manifest=MANIFESTS, lock=_locks(NAMES))
def test_the_line_of_a_pin_names_its_model(manifest: str, lock: str) -> None:
    """What the Hub's answers come to stands where the pin does."""
    asked = parse_manifest(manifest.encode(), "m", None)
    report = verify(asked, survey_lock(lock.encode(), "l"), FakeHub(), file="l", has_token=True)

    found = list(_lines(report.findings, {"m": manifest, "l": lock}))

    assert [finding.code for finding, _ in found] == ["RI202"] * len(NAMES)
    for finding, line in found:
        assert f"model: {_model(finding.alias or '')}" in line


@given(manifest=MANIFESTS, lock=_locks(NAMES), name=st.sampled_from(NAMES))
def test_a_stale_alias_is_told_at_its_entry(manifest: str, lock: str, name: str) -> None:
    """The entry in the lock, which `lock` will replace."""
    ((finding, line),) = _checked(manifest.replace(_model(name), "org/other"), lock)

    assert (finding.code, finding.alias, finding.file) == ("RI101", name, "l")
    assert line.split(":")[0].strip() == name


@pytest.mark.parametrize(
    ("code", "was", "now", "on"),
    [
        ("RI103", f'revision: "{COMMIT}"', "revision: main", "revision: main"),
        ("RI103", f'revision: "{COMMIT}"', f"revision: {COMMIT}", f"revision: {COMMIT}"),
        ("RI105", f'revision: "{COMMIT}"', f'revision: "{COMMIT}"\n        check: "00000000"', "check:"),
    ],
    ids=["a branch", "bare", "check"],
)
def test_the_line_of_a_flaw_holds_the_flaw(code: str, was: str, now: str, on: str) -> None:
    """Not the entry's first line: the one to be mended."""
    names = [name for name in NAMES if name != NAMES[1]]
    rest = "\n".join(line for name in names for line in _pinned(name))
    flawed = "\n".join(_pinned(NAMES[1])).replace(was, now)
    lock = f'lock_version: "1.0"\nmodels:\n{flawed}\n{rest}\n'
    manifest = "version: 1\nmodels:\n" + "\n".join(line for name in NAMES for line in _one_line(name)) + "\n"

    ((finding, line),) = _checked(manifest, lock)

    assert (finding.code, finding.alias, finding.level) == (code, NAMES[1], Level.ERROR)
    assert on in line
