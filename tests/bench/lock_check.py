"""Bench 7: what `lock --check` of 1,000 aliases costs, in process and as a whole.

    python -m tests.bench.lock_check

In process: both files read with libyaml and compared, CPU time of the best
round. As a whole: the command beside `uv lock --check` on a project with 180
packages, wall time, side by side. uv is installed from PyPI into a folder of
the bench; its packages are made here, so that the index is not asked.
"""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import yaml

from resilient_infer.lock.lockfile import survey_lock
from resilient_infer.lock.manifest import parse_manifest
from resilient_infer.lock.offline import check_offline
from tests.bench.locked import alias_name, full_pin, write_locked
from tests.bench.measure import BEST_OF, Act, alternating, ratio, spent, verdict, wall

ALIASES: Final = 1_000
BAR: Final = 200.0
"""ms of CPU time."""

PACKAGES: Final = 180
RATIO_BAR: Final = 1.0
_NEEDED: Final = 3
"""How many packages each package of the project needs."""


def main() -> bool:
    """Print the figures; whether all bars are met."""
    if not hasattr(yaml, "CSafeLoader"):
        print("PyYAML is here without libyaml, for which the bar is: not measured", flush=True)
        return False
    with TemporaryDirectory() as place:
        folder = Path(place)
        write_locked(
            folder,
            {alias_name(number): full_pin(f"org-{number % 50}/model-{number}") for number in range(ALIASES)},
        )
        return all((_in_process(folder), _whole(folder)))


def _run(command: list[str], folder: Path) -> None:
    environment = {**os.environ, "UV_CACHE_DIR": str(folder.parent / "cache")}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True, text=True)


def _in_process(folder: Path) -> bool:
    manifest, lock = ((folder / name).read_bytes() for name in ("models.yaml", "models.lock.yaml"))

    def check() -> None:
        parsed = parse_manifest(manifest, "models.yaml", None)
        survey = survey_lock(lock, "models.lock.yaml")
        assert check_offline(parsed, survey, file="models.lock.yaml") == ()

    check()
    best = min(spent(check, 1).cpu for _ in range(BEST_OF))
    return verdict(f"lock --check of {ALIASES:,} aliases in process, CPU", best * 1e3, BAR, unit=" ms")


def _whole(folder: Path) -> bool:
    command = [sys.executable, "-m", "resilient_infer", "lock", "--check", "--lockfiles", str(folder)]
    acts: dict[str, Act] = {"ours": lambda: _run(command, Path(__file__).parents[2])}
    with TemporaryDirectory() as place:
        try:
            theirs = _uv_check(Path(place))
        except subprocess.CalledProcessError as error:
            last = (error.stderr.strip().splitlines() or ["it said nothing"])[-1]
            seconds = min(each.wall for each in alternating(acts, times=1)["ours"])
            print(f"not measured beside uv, which could not be set up: {last}")
            print(f"the whole command takes {seconds * 1e3:,.0f} ms of wall time", flush=True)
            return False
        acts["uv"] = lambda: _run(theirs, Path(place) / "project")
        taken = alternating(acts, times=1)
    for name, rounds in taken.items():
        print(f"{name:>6}: {min(each.wall for each in rounds) * 1e3:,.0f} ms wall, best", flush=True)
    return verdict(
        "the whole command beside uv lock --check, wall",
        ratio(taken["ours"], taken["uv"], wall),
        RATIO_BAR,
        unit=" x",
    )


def _uv_check(place: Path) -> list[str]:
    """A project with a lock of so many packages, made without an index; the command that checks it."""
    target = place / "tools"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "--target", str(target), "uv"], place)
    for number in range(PACKAGES):
        needs = [f"package-{other}" for other in range(number + 1, min(number + 1 + _NEEDED, PACKAGES))]
        _write_project(place / "packages" / f"package-{number}", f"package-{number}", needs)
    every = [f"package-{number}" for number in range(PACKAGES)]
    project = place / "project"
    _write_project(project, "whole", every)
    with (project / "pyproject.toml").open("a", encoding="utf-8") as out:
        out.write("[tool.uv]\npackage = false\n[tool.uv.sources]\n")
        out.writelines(f'{name} = {{path = "../packages/{name}"}}\n' for name in every)
    return _locked_by_uv(target / "bin" / "uv", project)


def _locked_by_uv(uv: Path, project: Path) -> list[str]:
    options = ["--offline", "--no-python-downloads", "--python", sys.executable]
    _run([str(uv), "lock", *options], project)
    return [str(uv), "lock", "--check", *options]


def _write_project(folder: Path, name: str, needs: list[str]) -> None:
    folder.mkdir(parents=True)
    listed = ", ".join(f'"{need}"' for need in needs)
    text = (
        f'[project]\nname = "{name}"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = [{listed}]\n'
    )
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(not main())
