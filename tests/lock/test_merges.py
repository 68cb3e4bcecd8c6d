"""Merges by git itself, in repositories of their own: branches that lock different aliases get on."""

import os
import random
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from resilient_infer.errors import ConfigError
from resilient_infer.lock.heal import heal
from resilient_infer.lock.lockfile import parse_lock, survey_lock
from resilient_infer.lock.offline import check_offline
from tests.lock import locks as made
from tests.lock.merges import Entries, entry, hurried, lock_bytes, manifest_of, union

LOCK = "models.lock.yaml"

FEW, MANY = 12, 300
"""Merges: in the fast run, and in the slow one."""

SIZE = 30
"""Aliases that are locked before."""

NAMES = [f"alias-{number:03}" for number in range(2 * SIZE)]

amounts = pytest.mark.parametrize(
    "merges", [FEW, pytest.param(MANY, marks=pytest.mark.slow)], ids=["few", "many"]
)


class Repository:
    """A git repository that holds one lock. Nothing of this machine's configuration is read."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._environment = {"PATH": os.environ["PATH"], "HOME": str(root), "GIT_CONFIG_NOSYSTEM": "1"}
        self._git("init", "-q", "-b", "main")
        for key, value in (("user.name", "x"), ("user.email", "x@example.org")):
            self._git("config", key, value)

    def merged(self, base: bytes, ours: bytes, theirs: bytes) -> tuple[bytes, bool]:
        """What `git merge` leaves of two branches, and whether it could not settle it."""
        commits = [
            _commit("base", 1, base, None),
            _commit("ours", 2, ours, 1),
            _commit("theirs", 3, theirs, 1),
        ]
        self._git("fast-import", "--quiet", "--force", told=b"".join(commits))
        self._git("reset", "-q", "--hard", "ours")
        code = self._git("merge", "-q", "--no-edit", "theirs", codes=(0, 1))
        return (self._root / LOCK).read_bytes(), code == 1

    def _git(self, *arguments: str, told: bytes = b"", codes: tuple[int, ...] = (0,)) -> int:
        ran = subprocess.run(
            ["git", *arguments],
            cwd=self._root,
            env=self._environment,
            input=told,
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert ran.returncode in codes, (arguments, ran.stdout, ran.stderr)
        return ran.returncode


def _commit(branch: str, mark: int, text: bytes, parent: int | None) -> bytes:
    """A commit of the lock alone, as `git fast-import` reads it."""
    head = f"commit refs/heads/{branch}\nmark :{mark}\ncommitter x <x@example.org> 0 +0000\ndata 0\n"
    after = "" if parent is None else f"from :{parent}\n"
    return f"{head}{after}M 644 inline {LOCK}\ndata {len(text)}\n".encode() + text + b"\n"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def _base(dice: random.Random) -> Entries:
    return {alias: entry(alias, 1) for alias in sorted(dice.sample(NAMES, SIZE))}


def _locks(*sides: Mapping[str, object]) -> list[bytes]:
    return [lock_bytes(side) for side in sides]  # type: ignore[arg-type]  # entries


@amounts
def test_branches_that_update_different_aliases_never_conflict(repository: Repository, merges: int) -> None:
    """Neighbours too: between the lines that an update changes stand some that it does not."""
    dice = random.Random(21)
    for _ in range(merges):
        base = _base(dice)
        first, second = dice.sample(sorted(base), 2)
        ours, theirs = {**base, first: entry(first, 2)}, {**base, second: entry(second, 3)}

        text, conflict = repository.merged(*_locks(base, ours, theirs))

        assert not conflict
        assert made.bare(parse_lock(text, "l.yaml")).entries == union(base, ours, theirs)


@amounts
def test_branches_that_add_different_aliases_seldom_conflict(repository: Repository, merges: int) -> None:
    """Only neighbours do, and `lock` heals those: nothing is lost and nothing is asked anew."""
    dice = random.Random(22)
    conflicts = 0
    for _ in range(merges):
        base = _base(dice)
        first, second = dice.sample([name for name in NAMES if name not in base], 2)
        ours, theirs = {**base, first: entry(first, 2)}, {**base, second: entry(second, 3)}
        want = union(base, ours, theirs)

        text, conflict = repository.merged(*_locks(base, ours, theirs))

        conflicts += conflict
        healed = heal(text, "l.yaml", manifest_of(want))
        assert (dict(made.bare(healed.lock).entries), healed.resolve_anew) == (want, ())
        if not conflict:
            assert made.bare(parse_lock(text, "l.yaml")).entries == want
    assert conflicts <= merges * 0.1


@amounts
def test_ri105_no_merge_is_a_mix_that_nobody_sees(repository: Repository, merges: int) -> None:
    """Whatever two branches change, and however a conflict is settled by hand.

    An entry that neither branch locked is told by `lock --check`: by its check, or, where the whole pin of
    one alias has come to stand below the name of another, by its model. `lock` keeps what a branch locked.
    """
    dice = random.Random(23)
    told = 0
    for _ in range(merges):
        base = _base(dice)
        ours, theirs = (_changed(dice, base, seed) for seed in (2, 3))
        manifest = manifest_of({**ours, **theirs})
        known = [*base.items(), *ours.items(), *theirs.items()]
        text, _ = repository.merged(*_locks(base, ours, theirs))

        healed = heal(text, "l.yaml", manifest)
        assert all(found in known for found in made.bare(healed.lock).entries.items())
        assert {*healed.lock.entries, *healed.resolve_anew} == {*ours, *theirs}

        try:
            careless = survey_lock(hurried(text, dice), "l.yaml")
        except ConfigError:
            told += 1
            continue
        findings = check_offline(manifest, careless, file="l.yaml")
        mixed = {
            alias for alias, found in made.bare(careless.lock).entries.items() if (alias, found) not in known
        }
        assert mixed <= {finding.alias for finding in findings}
        told += bool(mixed)
    assert told


def _changed(dice: random.Random, base: Entries, seed: int) -> Entries:
    """Four aliases dropped, moved or added, some of them the other branch's, too."""
    found = dict(base)
    for alias in dice.sample([*sorted(base)[:8], *NAMES[:8]], 4):
        if alias in found and dice.random() < 0.25:
            del found[alias]
        else:
            found[alias] = entry(alias, seed)
    return found
