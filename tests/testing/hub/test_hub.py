"""Hub: its life, its journal, its faults, and changes while clients ask."""

import json
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from resilient_infer.testing.sandbox import (
    Chunked,
    CutJson,
    Delay,
    Drip,
    Fault,
    Hang,
    Refused,
    Status,
    throttled,
)
from resilient_infer.testing.sandbox.hub import Hub, Kind, Repo
from tests.testing.hub.client import WEIGHTS, ask

INFO = "/api/models/acme/m"
DOWNLOAD = f"/acme/m/resolve/main/{WEIGHTS}"


@pytest.fixture
def model(bare: Hub) -> Repo:
    return bare.model("acme/m")


def statuses(hub: Hub, path: str, times: int) -> list[int]:
    return [ask(hub, path).status for _ in range(times)]


def connected(hub: Hub) -> socket.socket:
    host, _, port = hub.url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=5)


def hub_threads() -> int:
    return sum(thread.name.startswith("sandbox") for thread in threading.enumerate())


def test_the_journal_says_what_was_asked_for_and_by_whom(bare: Hub, model: Repo) -> None:
    """Kind, repo, token, number and moment of each request, in order; no secret."""
    bare.token("hf_secret")
    start = time.monotonic()
    ids = [ask(bare, INFO).headers["x-request-id"]]
    ids.append(ask(bare, DOWNLOAD, method="HEAD", token="hf_secret").headers["x-request-id"])
    ask(bare, "/api/whoami-v2", token="hf_wrong")
    ask(bare, "/v2/endpoint/a/b")
    told = [(asked.method, asked.kind, asked.repo, asked.token) for asked in bare.requests]

    assert told == [
        ("GET", "api", "acme/m", False),
        ("HEAD", "resolvers", "acme/m", True),
        ("GET", "api", None, True),
        ("GET", "endpoints", None, False),
    ]
    assert [asked.request_id for asked in bare.requests[:2]] == ids
    assert start <= bare.requests[0].moment <= bare.requests[1].moment <= time.monotonic()
    assert (bare.count(), bare.count("api"), bare.count("resolvers")) == (4, 2, 1)
    assert "hf_secret" not in repr((bare, bare.requests, bare.token("hf_secret")))
    bare.forget()
    assert bare.requests == ()


@pytest.mark.parametrize(
    ("kind", "expected"), [("api", [503, 302]), ("resolvers", [200, 503]), (None, [503, 503])]
)
def test_a_fault_of_one_kind_leaves_the_others_alone(
    bare: Hub, model: Repo, kind: Kind | None, expected: list[int]
) -> None:
    """The API may be down while downloads work, and the other way round."""
    bare.fail(Status(code=503), kind=kind)
    assert [ask(bare, INFO).status, ask(bare, DOWNLOAD).status] == expected


def test_a_fault_of_one_repo_and_of_some_attempts(bare: Hub, model: Repo) -> None:
    """Counted per repo's name; another one never meets it."""
    bare.model("acme/other")
    bare.fail(throttled(2), repo="acme/m", attempts=range(2, 4))
    assert statuses(bare, INFO, 4) == [200, 429, 429, 200]
    assert ask(bare, "/api/models/acme/other").status == 200


def test_a_fault_by_chance_hits_the_same_requests_every_time(bare: Hub, model: Repo) -> None:
    """A share of them, drawn from the seed."""
    seen = []
    for _ in range(2):
        bare.fail(Status(code=500), chance=0.5, seed=3)
        seen.append(statuses(bare, INFO, 30))
        bare.heal()
    assert seen[0] == seen[1]
    assert 5 < seen[0].count(500) < 25


def test_a_fault_speaks_like_the_hub(bare: Hub, model: Repo) -> None:
    """An error in its form; faults that only spoil the sending keep what the answer said."""
    bare.fail(Status(code=502), attempts=1)
    bare.fail(CutJson(), attempts=range(2, 3))
    bare.fail(Chunked(), attempts=range(3, 4))
    bad, cut, chunked = (ask(bare, INFO) for _ in range(3))

    assert (bad.status, bad.json) == (502, {"error": "Bad Gateway"})
    with pytest.raises(json.JSONDecodeError):
        assert cut.json
    assert '"api";r=' in cut.headers["ratelimit"]
    assert chunked.json["sha"] == model.head


@pytest.mark.parametrize("wrong", [{"kind": "api"}, {"repo": "acme/m"}, {"attempts": 1}, {"chance": 0.5}])
def test_a_hub_refuses_all_or_nobody(bare: Hub, wrong: dict[str, object]) -> None:
    """A limited refusal is refused; so is a chance that is no share."""
    with pytest.raises(ValueError, match="refuses all"):
        bare.fail(Refused(), **wrong)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(ValueError, match="share"):
        bare.fail(Hang(), chance=1.5)


def test_a_refusing_hub_listens_again_on_the_same_port(bare: Hub, model: Repo) -> None:
    """Until then nobody answers."""
    bare.fail(Refused())
    with pytest.raises(ConnectionRefusedError):
        ask(bare, INFO)
    bare.heal()
    assert ask(bare, INFO).status == 200


@pytest.mark.parametrize("fault", [Hang(), Hang(where="body"), Delay(seconds=60), Drip(rate=1)])
def test_closing_does_not_wait_for_what_hangs(fault: Fault) -> None:
    """Ten clients hang, and the Hub with all its threads is gone in less than 200 ms."""
    before = hub_threads()
    with Hub() as hub:
        hub.model("acme/m")
        hub.fail(fault)
        clients = [connected(hub) for _ in range(10)]
        for client in clients:
            client.sendall(f"GET {INFO} HTTP/1.1\r\nhost: hub\r\n\r\n".encode())
        limit = time.monotonic() + 2
        while hub.count() < 10 and time.monotonic() < limit:
            time.sleep(0.002)
        start = time.monotonic()
        hub.close()
        closing = time.monotonic() - start
    for client in clients:
        client.close()

    assert hub.count() == 10
    assert closing < 0.2
    assert hub_threads() == before
    hub.close()


def test_a_latency_is_everybodys_own(bare: Hub, model: Repo) -> None:
    """Twenty at once take hardly longer than one."""
    bare.fail(Delay(seconds=0.1))
    start = time.monotonic()
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: ask(bare, INFO).status, range(20)))
    assert answers == [200] * 20
    assert 0.1 <= time.monotonic() - start < 1


def test_answers_are_consistent_while_the_repo_changes(bare: Hub) -> None:
    """Every answer is of one moment: the file that it serves is the one of the commit that it names."""
    repo = bare.create("gpt2", {"a.txt": "0"})
    contents = {repo.head: b"0"}
    stop = threading.Event()

    def read() -> list[tuple[str, bytes]]:
        seen = []
        while not stop.is_set():
            answer = ask(bare, "/gpt2/resolve/main/a.txt")
            seen.append((answer.headers["x-repo-commit"], answer.body))
        return seen

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        for number in range(1, 60):
            contents[repo.push({"a.txt": str(number)})] = str(number).encode()
        repo.squash()
        contents[repo.head] = b"59"
        stop.set()
    seen = [pair for reader in readers for pair in reader.result()]

    assert seen
    assert all(contents[commit] == body for commit, body in seen)


def test_two_hubs_name_the_same_things_alike(bare: Hub) -> None:
    """Ids and commits depend on what was done, not on when or where."""

    def lived(hub: Hub) -> list[str]:
        repo = hub.model("acme/m")
        repo.push({"a.txt": "a"}, date=datetime(2026, 5, 1, 12, 30, 15, 250_000, tzinfo=UTC))
        hub.delete("acme/m")
        again = hub.model("acme/m")
        return [repo.hub_id, *repo.log(), again.hub_id, again.head]

    with Hub() as other:
        names = lived(bare)
        assert lived(other) == names
    assert len(set(names)) == len(names)


def test_a_chosen_date_is_told_to_the_millisecond(bare: Hub, model: Repo) -> None:
    """As the Hub writes dates."""
    model.push({"a.txt": "a"}, date=datetime(2026, 5, 1, 12, 30, 15, 250_000, tzinfo=UTC))
    assert ask(bare, INFO).json["lastModified"] == "2026-05-01T12:30:15.250Z"


@pytest.mark.parametrize("name", ["", "a/b/c", "/a", "a/", "-a", "a b", "ä", "a/.."])
def test_what_is_no_name_is_refused(bare: Hub, model: Repo, name: str) -> None:
    """When a repo is made, and when it is renamed."""
    with pytest.raises(ValueError, match="name"):
        bare.create(name, {})
    with pytest.raises(ValueError, match="name"):
        bare.rename("acme/m", name)


@pytest.mark.parametrize("path", ["", "/a", "a/", "a//b", "../a", "a/./b"])
def test_what_is_no_path_is_refused(bare: Hub, model: Repo, path: str) -> None:
    """In whatever makes or changes files."""
    with pytest.raises(ValueError, match="no path"):
        model.push({path: "x"})
    with pytest.raises(ValueError, match="no path"):
        bare.create("acme/new", {path: "x"})


MISTAKES: list[tuple[str, Callable[[Hub, Repo], object]]] = [
    ("already", lambda hub, repo: hub.create("acme/m", {})),
    ("no repo", lambda hub, repo: hub.repo("acme/nope")),
    ("no repo", lambda hub, repo: hub.delete("acme/nope")),
    ("no repo", lambda hub, repo: hub.rename("acme/nope", "acme/n")),
    ("taken", lambda hub, repo: hub.rename("acme/m", "acme/m")),
    ("no repo", lambda hub, repo: hub.token("hf_t", access=["acme/nope"])),
    ("no branch", lambda hub, repo: repo.push({}, branch="nope")),
    ("no branch", lambda hub, repo: repo.squash("nope")),
    ("no branch", lambda hub, repo: repo.force_push("main", branch="nope")),
    ("no revision", lambda hub, repo: repo.force_push("nope")),
    ("no revision", lambda hub, repo: repo.tag("v1", "nope")),
    ("no revision", lambda hub, repo: repo.branch("dev", "nope")),
    ("no ref", lambda hub, repo: repo.delete_ref("nope")),
    ("no file", lambda hub, repo: repo.tamper("nope", "x")),
    ("no file", lambda hub, repo: repo.lose("nope")),
    ("no file", lambda hub, repo: repo.flag("nope", "unsafe")),
    ("not in LFS", lambda hub, repo: repo.lose("config.json")),
    ("at least 1", lambda hub, repo: Hub(page=0)),
]


@pytest.mark.parametrize(("words", "mistake"), MISTAKES)
def test_a_mistake_in_a_test_is_said_at_once(
    bare: Hub, model: Repo, words: str, mistake: Callable[[Hub, Repo], object]
) -> None:
    """And leaves everything as it was."""
    before = ask(bare, INFO).json
    with pytest.raises(ValueError, match=words):
        mistake(bare, model)
    assert ask(bare, INFO).json == before


def test_a_repo_that_is_not_looked_at_costs_next_to_nothing(bare: Hub) -> None:
    """Nothing is hashed before somebody asks: these 200 would take half a minute."""
    content = bytes(64 * 1024 * 1024)
    start = time.monotonic()
    for number in range(200):
        bare.create(f"acme/m{number}", {"model.bin": content}).gate()
    assert time.monotonic() - start < 5
