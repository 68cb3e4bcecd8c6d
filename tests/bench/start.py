"""Bench 3: what an import and the first call cost a fresh process, in CPU time of that process.

    python -m tests.bench.start

Import: over a bare Python, and what it must not load. First call: all of it,
from the interpreter's start to the answer. Bytecode is written before, into a
folder of its own, as an installation would have done.
"""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.bench.loopback import ALIAS, TEXT, serving
from tests.bench.measure import verdict

ROUNDS: Final = 15
IMPORT_BAR: Final = 60.0
CALL_BAR: Final = 0.4
HEAVY: Final = ("requests", "urllib3", "yaml", "pybreaker", "huggingface_hub", "click", "asyncio", "socket")
BARE: Final = "pass"
IMPORT: Final = "import resilient_infer"
CALL: Final = """
from resilient_infer import Client
with Client(lockfiles={folder!r}) as client:
    assert client.call({alias!r}, {{"inputs": {text!r}}}).output
"""
LOADED: Final = "import resilient_infer, sys; print(*(set({heavy!r}) & set(sys.modules)))"


def main() -> bool:
    """Print the figures; whether all bars are met."""
    with serving() as server, TemporaryDirectory() as bytecode:
        os.environ["PYTHONPYCACHEPREFIX"] = bytecode
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        call = CALL.format(folder=str(server.folder), alias=ALIAS, text=TEXT)
        scripts = {"bare": BARE, "import": IMPORT, "call": call}
        for script in scripts.values():
            cpu_of(script)  # writes the bytecode, and brings the files into memory
        taken = {name: [] for name in scripts}
        for _ in range(ROUNDS):
            for name, script in scripts.items():
                taken[name].append(cpu_of(script))
    bare, imported, called = (min(taken[name]) for name in scripts)
    print(
        f"CPU of a bare Python {bare * 1e3:.0f} ms, with the import {imported * 1e3:.0f} ms; best of {ROUNDS}"
    )
    loaded = _loaded()
    print(f"heavy modules that the import loads: {' '.join(loaded) or 'none'}")
    return all(
        (
            verdict(
                "import resilient_infer over bare Python, CPU",
                (imported - bare) * 1e3,
                IMPORT_BAR,
                unit=" ms",
            ),
            verdict("heavy modules loaded by it", len(loaded), 0),
            verdict("first call in a fresh process, CPU in all", called, CALL_BAR, unit=" s"),
        )
    )


def cpu_of(script: str) -> float:
    """Seconds of CPU that a fresh Python takes for a script, start and end included."""
    process = subprocess.Popen([sys.executable, "-c", script], cwd=_project())
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"the script ended with exit code {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def _loaded() -> list[str]:
    script = LOADED.format(heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=_project(), capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def _project() -> Path:
    return Path(__file__).parents[2]


if __name__ == "__main__":
    sys.exit(not main())
