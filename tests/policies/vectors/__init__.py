"""Facts restated from the test suites of other libraries: inputs and what they gave.

Each file names its sources. `read` gives a file's groups; `left_out` of a test says
which of them do not fit the rule chosen here, and why.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def read(name: str) -> dict[str, Any]:
    """The groups of one file by their names, without its sources."""
    text = (Path(__file__).parent / f"{name}.json").read_text(encoding="utf-8")
    groups: dict[str, Any] = json.loads(text)
    del groups["sources"]
    return groups


def assert_complete(groups: Iterable[str], run: Iterable[str], left_out: Mapping[str, str]) -> None:
    """Fail if a group is neither run nor listed with a reason, or both, or listed in vain."""
    run = set(run)
    assert not run & set(left_out)
    assert set(groups) == run | set(left_out)
    assert all(left_out.values())
