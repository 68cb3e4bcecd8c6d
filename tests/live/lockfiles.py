"""Lockfiles that point one alias at one real server."""

import json
from pathlib import Path
from typing import Any, Final

ALIAS: Final = "it"
_PATIENCE: Final = 120
"""Seconds: a server may load its model when it is first asked."""


def write_lockfiles(
    folder: Path, *, kind: str, url: str, task: str, locked: dict[str, Any], name: str | None = None
) -> Path:
    """Manifest and lock in `folder`, which is given back.

    Args:
        locked: The pin in the lock: model, revision, and contract if there is one.
        name: What the server calls the model, if not as the Hub does.
    """
    folder.mkdir(parents=True)
    route = "server" if name is None else {"provider": "server", "name": name}
    manifest = {
        "version": 1,
        "providers": {"server": {"kind": kind, "url": url}},
        "policy": {"retries": 0, "deadline": _PATIENCE, "attempt_timeout": _PATIENCE},
        "models": {ALIAS: {"task": task, "targets": [{"model": locked["model"], "routes": [route]}]}},
    }
    lock = {
        "lock_version": "1.0",
        "models": {ALIAS: {"task": task, "pins": [{"requested": "main", **locked}]}},
    }
    (folder / "models.yaml").write_text(json.dumps(manifest))
    (folder / "models.lock.yaml").write_text(json.dumps(lock))
    return folder
