"""The traps of the real Hub and its library, sprung under `lock` and `verify`.

The commands run with huggingface_hub 1.x and 2.x, each in an interpreter of its own; the
Hub is the sandbox's. What must hold in every one: nothing that is only down
reads as gone, nothing dead or strange is locked, the bytes of a lock stay, and
all of it ends in time.
"""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from resilient_infer.testing.sandbox import faults
from resilient_infer.testing.sandbox.hub import Hub, Look, Quota, Repo
from tests.testing.hub.client import interpreters

from .conftest import QUICK, STRANGERS_TOKEN, TOKEN, Project, environ_of


def test_telemetry_and_all_else_stays_off_the_wire(project: Project) -> None:
    """Every request is about this repo; the library asks nothing of its own."""
    project.run("lock")
    project.run("verify")

    assert {asked.repo for asked in project.hub.requests} == {project.repo.name}


def test_a_dead_commit_after_a_force_push_is_not_locked(project: Project) -> None:
    """huggingface_hub#3406: the API goes on naming a commit whose files are gone. Exit 3, no lock."""
    first = project.repo.head
    project.repo.push({"a.txt": "a"})
    project.repo.force_push(first, {"b.txt": "b"}, stale=True)

    ended = project.run("lock")

    assert (ended.code, ended.codes) == (3, {"RI900"})
    assert "moved by force" in ended.out
    assert not project.lock.exists()


def test_a_pin_behind_a_force_push_is_gone_and_stays_in_the_lock(locked: Project) -> None:
    """Exit 1; `lock` asks nothing and moves nothing, for the ref that was asked for is the same."""
    before = locked.lock.read_bytes()
    locked.repo.squash()

    ended = locked.run("verify")
    assert (ended.code, ended.codes) == (1, {"RI201"})
    assert f"the same files are at {locked.repo.head}" in ended.out
    locked.hub.forget()
    assert locked.run("lock").code == 0
    assert locked.hub.requests == ()
    assert locked.lock.read_bytes() == before


def test_a_commit_that_does_not_exist_is_not_locked(project: Project) -> None:
    """`resolve_revision` "succeeds" for it without a request."""
    project.ask_for("f" * 40)
    ended = project.run("lock")

    assert (ended.code, ended.codes) == (1, {"RI201"})
    assert not project.lock.exists()


def test_a_short_commit_becomes_a_full_one(project: Project) -> None:
    """The API takes one, downloads do not: the lock has all 40 digits, and `verify` has nothing to follow."""
    project.ask_for(project.repo.head[:10])

    assert project.run("lock").code == 0
    assert project.revision == project.repo.head
    ended = project.run("verify")
    assert (ended.code, ended.codes) == (0, set())
    assert "1 pin: 1 ok" in ended.out


def test_no_stale_commit_comes_out_of_a_cache(locked: Project) -> None:
    """On a 503 `resolve_revision` answers what main was; here the tag's commit is not told. Exit 3."""
    locked.repo.push({"model.safetensors": b"new"})
    locked.ask_for("v1")
    locked.repo.tag("v1")
    before = locked.lock.read_bytes()
    locked.hub.fail(faults.Status(code=503))

    ended = locked.run("lock")
    assert (ended.code, ended.codes) == (3, {"RI900"})
    assert locked.lock.read_bytes() == before
    locked.hub.heal()
    assert locked.run("lock").code == 0
    assert locked.revision == locked.repo.head


def test_no_cached_file_makes_a_deleted_repo_look_alive(locked: Project) -> None:
    """Downloads come from the cache; `verify` does not."""
    locked.hub.delete(locked.repo.name)

    assert locked.run("verify").codes == {"RI202"}


@pytest.mark.parametrize("listed", [True, False], ids=["told by the API", "not told"])
def test_a_gated_repo_is_not_a_missing_one(locked: Project, listed: bool) -> None:
    """Its error is a subclass of "not found". Exit 1, as access is missing; with access all is well."""
    locked.repo.gate(listed=listed)
    ended = locked.run("verify")
    assert (ended.code, ended.codes) == (1, {"RI205"})

    locked.repo.grant(TOKEN)
    granted = locked.run("verify", token=TOKEN)
    assert (granted.code, granted.codes) == (0, {"RI205"})
    assert "warning RI205" in granted.out
    assert locked.run("verify", token=STRANGERS_TOKEN).code == 1


def test_a_gated_repo_that_was_locked_as_one_needs_its_token(project: Project) -> None:
    """Without one it cannot be told: exit 3, which is no statement about the model."""
    project.repo.gate()
    assert project.run("lock").code == 1
    project.repo.grant(TOKEN)
    assert project.run("lock", token=TOKEN).code == 0

    assert project.run("verify", token=TOKEN).codes == set()
    ended = project.run("verify")
    assert (ended.code, ended.codes) == (3, {"RI900"})
    assert "there is no token" in ended.out


def test_a_private_repo_needs_its_token(project: Project) -> None:
    """Missing and private look alike without access."""
    project.repo.make_private()
    assert project.run("lock").codes == {"RI202"}
    project.repo.grant(TOKEN)
    assert project.run("lock", token=TOKEN).code == 0
    assert project.run("verify", token=TOKEN).code == 0
    assert project.run("verify").code == 3


def test_a_token_that_is_wrong_says_nothing_about_the_model(locked: Project) -> None:
    """401 for everything: not checked."""
    ended = locked.run("verify", token="hf_nobodyknowsthis1")

    assert (ended.code, ended.codes) == (3, {"RI900"})


def test_a_renamed_repo_is_told_though_it_redirects(locked: Project) -> None:
    """The old name works until somebody takes it: a warning, exit 0."""
    locked.hub.rename(locked.repo.name, f"{locked.repo.name}-renamed")

    ended = locked.run("verify")
    assert (ended.code, ended.codes) == (0, {"RI203"})
    assert f"now called {locked.repo.name}" in ended.out


def test_a_name_taken_by_a_stranger_is_a_security_finding(locked: Project) -> None:
    """Deleted, and registered again with the very same files: `lock` does not move there either."""
    name, before = locked.repo.name, locked.lock.read_bytes()
    locked.hub.delete(name)
    stranger = locked.hub.model(name, Look(labels=("BAD", "GOOD")))

    ended = locked.run("verify")
    assert (ended.code, ended.codes) == (1, {"RI204"})
    assert "SECURITY" in ended.out
    stranger.tag("v2")
    locked.ask_for("v2")
    refused = locked.run("lock")
    assert (refused.code, refused.codes) == (1, {"RI204"})
    assert locked.lock.read_bytes() == before


def test_a_weight_file_that_was_deleted_is_told(locked: Project) -> None:
    """The commit is there and lists it; its bytes are gone."""
    locked.repo.lose("model.safetensors")

    assert locked.run("verify").codes == {"RI207"}


@pytest.mark.parametrize(("path", "arguments"), [("model.safetensors", ()), ("config.json", ("--deep",))])
def test_other_bytes_at_a_locked_commit_are_a_security_finding(
    locked: Project, path: str, arguments: tuple[str, ...]
) -> None:
    """What a commit holds never changes: the mirror or the lock was tampered with."""
    locked.repo.tamper(path, b'{"evil": true}')

    ended = locked.run("verify", *arguments)
    assert (ended.code, ended.codes) == (1, {"RI104"})
    assert "SECURITY" in ended.out


def test_a_disabled_repo_is_told(locked: Project) -> None:
    """By the Hub's moderators."""
    locked.repo.disable()

    assert locked.run("verify").codes == {"RI206"}


TROUBLES: dict[str, faults.Fault | faults.Refused] = {
    "503": faults.Status(code=503),
    "500": faults.Status(code=500),
    "404 without a reason": faults.Status(code=404),
    "403 without a reason": faults.Status(code=403),
    "a page": faults.Page(),
    "nothing": faults.Empty(),
    "garbage": faults.Garbage(),
    "half an answer": faults.CutJson(),
    "another answer": faults.WrongShape(),
    "refused": faults.Refused(),
    "reset": faults.Reset(),
    "closed": faults.Close(),
    "hang": faults.Hang(),
    "drip": faults.Drip(),
    "drip of headers": faults.Drip(where="headers"),
    "late": faults.Delay(seconds=5.0),
    "a redirection to nowhere": faults.Redirect(location="http://127.0.0.1:9/"),
    "429": faults.Status(code=429),
}

WITH_THE_BODY = {"half an answer", "closed", "drip"}
"""What goes wrong behind the headers: `verify` asks for headers only, and is answered well."""


@pytest.mark.parametrize("trouble", TROUBLES)
def test_hb1_what_is_only_down_never_reads_as_gone(locked: Project, trouble: str) -> None:
    """A Hub that is down, slow or limiting: no code but RI900, exit 3, in bounded time, and no byte moves."""
    before = locked.lock.read_bytes()
    locked.ask_for("v1")
    locked.repo.tag("v1")
    locked.hub.fail(TROUBLES[trouble])
    relock = locked.run("lock")
    locked.ask_for("main")
    verify = locked.run("verify")

    expected = (0, set()) if trouble in WITH_THE_BODY else (3, {"RI900"})
    assert (verify.code, verify.codes) == expected
    assert (relock.code, relock.codes) == (3, {"RI900"})
    assert locked.lock.read_bytes() == before


def test_a_429_with_a_window_is_waited_for(locked: Project) -> None:
    """The window's end is in the reply: within --max-wait it is waited for, and the answer is the answer."""
    locked.hub.limit(Quota(api=1, resolvers=1, window=0.3))
    started = time.monotonic()
    ended = locked.shell("verify", "--max-wait", "5", folder=locked.root, environ={})

    assert (ended.code, ended.codes) == (0, set())
    assert 0.3 < time.monotonic() - started < 6


def test_a_429_with_a_long_window_is_not(locked: Project) -> None:
    """It is told how long, and nothing more is asked."""
    locked.hub.limit(Quota(api=1, resolvers=1, window=300.0))
    ended = locked.run("verify")

    assert (ended.code, ended.codes) == (3, {"RI900"})
    assert locked.hub.count() <= 2


CHANGES: dict[str, tuple[Callable[[Repo], object], set[str]]] = {
    "a document": (lambda repo: repo.push({"NOTES.md": "new"}), {"RI301"}),
    "weights": (lambda repo: repo.push({"model.safetensors": b"new"}), {"RI302"}),
    "the config": (lambda repo: repo.push({"config.json": "{}"}), {"RI302"}),
    "code": (lambda repo: repo.push({"modeling_x.py": "1"}), {"RI302"}),
    "another branch": (lambda repo: repo.branch("dev"), set()),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_branch_that_has_moved_is_told_by_what_changed(locked: Project, change: str) -> None:
    """Exit 0 unless --fail-on drift; the pin stays."""
    before = locked.lock.read_bytes()
    happens, codes = CHANGES[change]
    happens(locked.repo)

    ended = locked.run("verify")
    assert (ended.code, ended.codes) == (0, codes)
    assert locked.run("verify", "--fail-on", "drift").code == (1 if codes == {"RI302"} else 0)
    assert locked.lock.read_bytes() == before


@pytest.mark.parametrize("python", interpreters())
def test_hf_hub_offline_is_obeyed_and_told(python: str, tmp_path: Path) -> None:
    """Nothing is asked; exit 3, as nothing could be told."""
    with Hub() as hub:
        hub.model("acme/one")
        ended = subprocess.run(
            [python, "-m", "resilient_infer", "add", "a", "acme/one", *QUICK],
            env={**environ_of(hub, tmp_path), "HF_HUB_OFFLINE": "1"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert hub.requests == ()

    assert ended.returncode == 3
    assert "HF_HUB_OFFLINE is set, so the Hub is not asked; unset it" in ended.stdout
    assert not (tmp_path / "lockfiles").exists()
