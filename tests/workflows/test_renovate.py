"""The snippet for Renovate: it finds our pins, and what it does to one is noticed and made whole."""

import json
import re
from typing import Any

from .conftest import App
from .runner import PROJECT, git

README = PROJECT / "lockfiles" / "README.md"


def _manager() -> dict[str, Any]:
    """The manager of the snippet that people copy."""
    snippet = re.search(r"```json\n(\{\n *\"customManagers\".+?)```", README.read_text(), re.DOTALL)
    assert snippet is not None
    (manager,) = json.loads(snippet[1])["customManagers"]
    found: dict[str, Any] = manager
    return found


def _pattern() -> re.Pattern[str]:
    """Its expression: RE2 and Python write the names of groups differently."""
    (text,) = _manager()["matchStrings"]
    return re.compile(text.replace("(?<", "(?P<"))


def test_it_finds_the_locks_of_all_environments() -> None:
    """And no manifest."""
    (pattern,) = _manager()["managerFilePatterns"]
    assert pattern[:1] == pattern[-1:] == "/"
    files = ["lockfiles/models.lock.yaml", "models.prod.lock.yaml", "lockfiles/models.yaml", "uv.lock"]

    assert [bool(re.search(pattern[1:-1], file)) for file in files] == [True, True, False, False]


def test_it_finds_each_pin_with_what_it_asks_for(app: App) -> None:
    """Names and refs in quotes as well as plain ones."""
    app.model.branch("1e5")
    app.manifest.write_text("version: 1\nmodels:\n  a: acme/sentiment\n  b: acme/sentiment@1e5\n")
    app.command("lock")
    found = [match.groupdict() for match in _pattern().finditer(app.lock.read_text())]

    assert found == [
        {"depName": "acme/sentiment", "currentValue": ref, "currentDigest": app.model.head}
        for ref in ("main", "1e5")
    ]
    assert _manager()["packageNameTemplate"].replace("{{{depName}}}", "acme/sentiment") == (
        "https://huggingface.co/acme/sentiment"
    )


def test_a_bumped_pin_is_noticed_and_lock_makes_it_whole(app: App) -> None:
    """RI105 offline; `resilient-infer lock` looks at the new commit and writes the rest of its entry."""
    old, new = app.model.head, app.model.push({"model.safetensors": b"new"})
    app.lock.write_text(app.lock.read_text().replace(old, new))
    app.publish("bumped")

    assert "RI105" in app.said("lock", "--check")
    app.command("lock")
    app.command("lock", "--check")
    assert f'revision: "{new}"' in app.lock.read_text()
    assert git("diff", "--numstat", cwd=app.work).split()[2] == "lockfiles/models.lock.yaml"
