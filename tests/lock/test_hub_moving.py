"""The commands that move and compare pins, with huggingface_hub 1.x and 2.x and all that goes wrong."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from resilient_infer.testing.sandbox.hub import Quota

from .conftest import Project
from .test_hub import TROUBLES

MOVING = {
    "update": ("update",),
    "update --min-age": ("update", "--min-age", "0d"),
    "lock --relocate": ("lock", "--relocate"),
    "outdated": ("outdated",),
    "diff": ("diff",),
}


def test_hm1_each_command_does_what_it_says(locked: Project) -> None:
    """Behind, told file by file, moved in part, moved, and then up to date."""
    now = datetime.now(UTC)
    old = locked.repo.push({"config.json": "{}"}, date=now - timedelta(days=9))
    new = locked.repo.push({"model.safetensors": b"new"}, title="New weights", date=now)

    behind = json.loads(locked.run("outdated", "--format", "json").out)["pins"][0]
    assert (behind["commits"], behind["classes"]) == (2, ["weights", "config"])
    told = json.loads(locked.run("diff", "--format", "json").out)["differences"][0]["pins"][0]
    assert [commit["title"] for commit in told["commits"]] == ["New weights", "Update"]
    assert [file["path"] for file in told["files"]] == ["model.safetensors", "config.json"]
    assert locked.run("update", "--min-age", "7d").code == 0
    assert locked.revision == old
    assert locked.run("update").code == 0
    assert locked.revision == new
    assert locked.run("outdated", "--exit-code").code == locked.run("diff", "--exit-code").code == 0
    assert locked.run("update", "a", "--to", old[:10]).code == 0
    assert locked.revision == old
    assert locked.run("lock", "--check").code == locked.run("verify").code == 0


def test_hm2_a_squashed_history_is_relocated_or_followed(locked: Project) -> None:
    """The same content by --relocate; other content by update alone."""
    squashed = locked.repo.squash()
    assert locked.run("outdated").codes == {"RI201", "RI304"}
    assert locked.run("lock", "--relocate").code == 0
    assert locked.revision == squashed
    locked.repo.push({"model.safetensors": b"new"})
    other = locked.repo.squash()
    before = locked.lock.read_bytes()

    refused = locked.run("lock", "--relocate")

    assert (refused.code, refused.codes, locked.lock.read_bytes()) == (1, {"RI201"}, before)
    assert locked.run("update").code == 0
    assert locked.revision == other


def test_hm3_a_strangers_commit_is_refused(locked: Project) -> None:
    """A pull request under the repo's name; a repo that was registered anew under its name."""
    request = locked.repo.open_pull_request({"model.safetensors": b"evil"})
    locked.repo.push({"README.md": "x"})
    before = locked.lock.read_bytes()

    impostor = locked.run("update", "a", "--to", request.commit)
    locked.hub.delete(locked.repo.name)
    locked.hub.model(locked.repo.name)
    taken = [locked.run(*arguments) for arguments in MOVING.values()]

    assert (impostor.code, impostor.codes) == (1, {"RI401"})
    assert [(ended.code, ended.codes) for ended in taken] == [(1, {"RI204"})] * len(MOVING)
    assert locked.lock.read_bytes() == before


def test_hm4_a_dead_commit_after_a_force_push_is_not_moved_to(locked: Project) -> None:
    """huggingface_hub#3406: the API goes on naming a commit whose files are gone; downloads know better."""
    first = locked.repo.head
    dead = locked.repo.push({"a.txt": "a"})
    alive = locked.repo.force_push(first, {"b.txt": "b"}, stale=True)

    ended = locked.run("update")

    assert (ended.code, ended.codes, locked.revision) == (0, set(), alive)
    assert dead not in locked.lock.read_text()


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("command", MOVING)
def test_hm5_what_is_only_down_moves_nothing(locked: Project, command: str, trouble: str) -> None:
    """A Hub that is down, slow or limiting: no code but RI900, in bounded time, and no byte moves.

    What has gone wrong behind the headers alone does not stop a question that asks for headers.
    """
    locked.repo.push({"model.safetensors": b"new"})
    before = locked.lock.read_bytes()
    locked.hub.fail(TROUBLES[trouble])

    ended = locked.run(*MOVING[command])

    assert (ended.code, ended.codes) in ((3, {"RI900"}), (0, set()))
    assert ended.code == 3 or command == "lock --relocate"
    assert locked.lock.read_bytes() == before


@pytest.mark.parametrize("calls", range(1, 6))
def test_hm6_a_quota_that_ends_in_the_midst_moves_nothing(locked: Project, calls: int) -> None:
    """After so many calls of the API the Hub limits for a long time: all of it was told, or no byte moves."""
    locked.repo.push({"model.safetensors": b"new"})
    before = locked.lock.read_bytes()
    locked.hub.limit(Quota(api=calls, resolvers=100, window=300.0))

    ended = locked.run("update")

    if ended.code == 0:
        assert locked.revision == locked.repo.head
    else:
        assert (ended.code, ended.codes, locked.lock.read_bytes()) == (3, {"RI900"}, before)
    assert (ended.code == 0) is (calls >= 3)
