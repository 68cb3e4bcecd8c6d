"""Pinning: the demo's fourth step. Real commands, and a Hub on this machine that everything happens to.

The commands run as processes of their own, as in a shell: huggingface_hub
reads where its Hub is when it is imported.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import resilient_infer
from resilient_infer.cli.exit_codes import ExitCode
from resilient_infer.cli.story import NotShown
from resilient_infer.testing.sandbox import Refused
from resilient_infer.testing.sandbox.hub import Hub, Look, Repo

MODEL: Final = "acme/sentiment"
MANIFEST: Final = f"version: 1\nmodels:\n  sentiment: {MODEL}\n"

_LONGEST: Final = 60.0
"""Seconds for one command; they take one at the most."""

_LEADS_ASTRAY: Final = (
    "HF_",
    "HUGGING",
    "RESILIENT_INFER_",
    "SSL_CERT_",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
)
"""What variables begin with that would tell the commands of another Hub, a token or a certificate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A command and what it left behind.

    Attributes:
        line: As typed.
        out: What it printed, on either stream.
    """

    line: str
    code: int
    out: str


def pinning(happens: Callable[[str], None], saw: Callable[[Ran], None]) -> None:
    """Lock, and verify or update whenever something has happened to the model.

    Args:
        happens: Told what happens to the model, or to the Hub.
        saw: Told each command when it has ended.
    """
    with tempfile.TemporaryDirectory(prefix="resilient-infer-") as folder, Hub() as hub:
        root = Path(folder)
        model = hub.model(MODEL, Look(labels=("NEGATIVE", "POSITIVE")))
        (root / "lockfiles").mkdir()
        (root / "lockfiles" / "models.yaml").write_text(MANIFEST)

        def run(command: str) -> Ran:
            ran = _run(command, root, _environ(os.environ, hub.url, root))
            saw(ran)
            return ran

        _pinned(run, model, root)
        _moved(run, happens, model, root)
        before = _files(root)
        _let_go(run, happens, model, hub)
        if _files(root) != before:
            raise NotShown("verify writes no file")


def _pinned(run: Callable[[str], Ran], model: Repo, root: Path) -> None:
    _claim(run("lock"), ExitCode.OK, "added")
    _claim_locked(model.head, root)


def _moved(run: Callable[[str], Ran], happens: Callable[[str], None], model: Repo, root: Path) -> None:
    pinned = model.head
    model.push({"model.safetensors": b"other weights"})
    happens("its author pushes other weights to main; the pinned commit is still there")
    _claim(run("verify"), ExitCode.OK, f"main is at {model.head[:12]} now: weights")
    _claim_locked(pinned, root)
    happens("they have been tested, and are wanted")
    _claim(run("update"), ExitCode.OK, f"was {pinned[:12]}")
    _claim_locked(model.head, root)


def _let_go(run: Callable[[str], Ran], happens: Callable[[str], None], model: Repo, hub: Hub) -> None:
    model.squash()
    happens("its author squashes the history; the pinned commit is gone")
    _claim(run("verify"), ExitCode.NO, "RI201")
    hub.fail(Refused())
    happens("the Hub goes down")
    down = run("verify")
    _claim(down, ExitCode.UNKNOWN, "RI900")
    if "RI201" in down.out:
        raise NotShown("a Hub that is down never reads as a commit that is gone")


def _claim_locked(commit: str, root: Path) -> None:
    if commit.encode() not in _files(root).get("models.lock.yaml", b""):
        raise NotShown(f"the lock holds commit {commit[:12]}, which main was at when it was asked")


def _claim(ran: Ran, code: ExitCode, said: str) -> None:
    if ran.code != code or said not in ran.out:
        raise NotShown(f'"{ran.line}" ends with {int(code)} and says "{said}" (it was {ran.code}: {ran.out})')


def _run(command: str, root: Path, environ: Mapping[str, str]) -> Ran:
    done = subprocess.run(
        [sys.executable, "-m", "resilient_infer", *command.split()],
        cwd=root,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=_LONGEST,
        check=False,
    )
    return Ran(line=f"resilient-infer {command}", code=done.returncode, out=done.stdout)


def _environ(ours: Mapping[str, str], hub: str, root: Path) -> dict[str, str]:
    """The environment of a command: the user's, without what would lead it astray."""
    kept = {
        name: value
        for name, value in ours.items()
        if not name.upper().startswith(_LEADS_ASTRAY) and not name.upper().endswith("_PROXY")
    }
    package = str(Path(resilient_infer.__file__).parents[1])
    path = os.pathsep.join(part for part in (package, ours.get("PYTHONPATH")) if part)
    own = {"HF_ENDPOINT": hub, "HF_HOME": str(root / "hub"), "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"}
    return {**kept, **own}


def _files(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (root / "lockfiles").glob("models*")}
