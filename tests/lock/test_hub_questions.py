"""The questions of `answers.Hub` that `verify --deep` and `outdated` ask, through the real client.

The Hub is the sandbox's, on loopback.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from resilient_infer.lock.answers import HubFault, HubFaultKind, HubHistory, HubRefs, HubScan
from resilient_infer.lock.hub import SCANNED_AT_ONCE, HuggingFaceHub
from resilient_infer.lock.patience import PatientAsking
from resilient_infer.lock.quota import Quota
from resilient_infer.testing.sandbox import faults
from resilient_infer.testing.sandbox.hub import Hub, Repo
from resilient_infer.testing.sandbox.hub.repo import Contents

NAME = "acme/model"
PAGE = 3
FILES: Contents = {"README.md": "# A model\n", "config.json": "{}", "pytorch_model.bin": b"weights"}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A sandbox Hub with short pages that huggingface_hub takes for the real one."""
    import huggingface_hub

    with Hub(page=PAGE) as made:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", made.url)
        yield made
    huggingface_hub.close_session()


@pytest.fixture
def repo(hub: Hub) -> Repo:
    return hub.create(NAME, FILES)


def client(quota: Quota | None = None, token: str = "") -> HuggingFaceHub:
    asking = PatientAsking(
        quota or Quota(),
        jobs=8,
        max_wait=0.2,
        sleep=lambda seconds: None,
        now=time.monotonic,
        jitter=lambda: 0.0,
    )
    return HuggingFaceHub(timeout=5.0, wall=time.time, now=time.monotonic, asking=asking, token=token)


def history(revision: str = "main", *, until: str | None = None, most: int = 1000) -> HubHistory:
    told = client().history(NAME, revision, until=until, most=most)
    assert isinstance(told, HubHistory)
    return told


def pushed(repo: Repo, times: int) -> list[str]:
    """The commits of a repo after so many pushes, the newest first."""
    for number in range(times):
        repo.push({"config.json": f"{{{number}}}"}, title=f"Push {number}")
    return list(repo.log())


def test_refs_are_told_with_pull_requests(repo: Repo) -> None:
    """In one request."""
    first = repo.head
    repo.tag("v1")
    repo.branch("gptq/4bit")
    second = repo.push({"config.json": "{1}"})
    opened = repo.open_pull_request({"modeling.py": "import os"})
    asking = client()

    assert asking.refs(NAME) == HubRefs(
        branches={"main": second, "gptq/4bit": first},
        tags={"v1": first},
        requests={"refs/pr/1": opened.commit},
    )
    assert asking.requests == 1


@pytest.mark.parametrize("commits", [1, PAGE, PAGE + 1, 3 * PAGE])
def test_a_history_is_read_to_its_end(hub: Hub, repo: Repo, commits: int) -> None:
    """All its pages, and not one more."""
    log = pushed(repo, commits - 1)
    hub.forget()

    told = history()

    assert [commit.commit for commit in told.commits] == log
    assert told.whole
    assert hub.count() == -(-commits // PAGE)
    assert told.commits[-1].title == "initial commit"
    assert told.commits[-1].at == datetime(2026, 1, 1, tzinfo=UTC).timestamp()


def test_a_history_ends_where_it_was_asked_to(hub: Hub, repo: Repo) -> None:
    """With the commit that was looked for, and with the page that has it."""
    log = pushed(repo, 8)
    hub.forget()

    told = history(until=log[4])

    assert [commit.commit for commit in told.commits] == log[:5]
    assert (told.whole, hub.count()) == (False, 2)
    assert (told.ahead_of(log[4]), told.ahead_of(log[5])) == (4, None)
    assert history(until=log[-1]).whole


def test_a_history_ends_after_so_many(hub: Hub, repo: Repo) -> None:
    """A repo with a hundred thousand commits does not use up the quota."""
    log = pushed(repo, 8)
    hub.forget()

    told = history(until="0" * 40, most=4)

    assert [commit.commit for commit in told.commits] == log[:4]
    assert (told.whole, hub.count()) == (False, 2)
    assert history(most=9).whole


def test_a_push_between_two_pages_shifts_nothing(hub: Hub, repo: Repo) -> None:
    """The pages after the first are those of the commit that the first began with."""
    log = pushed(repo, 8)

    class PushingQuota(Quota):
        """Told of each reply: at that moment somebody pushes."""

        def note(self, header: str, now: float) -> None:
            repo.push({"config.json": f'["{header}"]'})

    asking = client(PushingQuota())
    told = asking.history(NAME, "main")

    assert isinstance(told, HubHistory)
    assert [commit.commit for commit in told.commits] == log


def test_scans_are_told_for_each_file(repo: Repo) -> None:
    """In the words of four; what the scanners have not said counts as not scanned."""
    words = {
        "safe": HubScan.SAFE,
        "queued": HubScan.UNSCANNED,
        "unscanned": HubScan.UNSCANNED,
        "error": HubScan.UNSCANNED,
        "caution": HubScan.SUSPICIOUS,
        "suspicious": HubScan.SUSPICIOUS,
        "unsafe": HubScan.UNSAFE,
    }
    repo.push({f"{word}.py": word for word in words})
    for word in words:
        repo.flag(f"{word}.py", word)  # type: ignore[arg-type]  # they are Scans

    told = client().scanned(NAME, repo.head, [*(f"{word}.py" for word in words), "not-there.py"])

    assert told == {f"{word}.py": scan for word, scan in words.items()}


def test_scans_of_many_files_are_asked_for_in_parts(hub: Hub, repo: Repo) -> None:
    """As many at a time as the Hub would list."""
    paths = [f"part-{number:03}.bin" for number in range(SCANNED_AT_ONCE + 1)]
    repo.push(dict.fromkeys(paths, "x"))
    hub.forget()

    told = client().scanned(NAME, repo.head, paths)

    assert not isinstance(told, HubFault)
    assert list(told) == paths
    assert hub.count() == 2
    assert client().scanned(NAME, repo.head, []) == {}
    assert hub.count() == 2


QUESTIONS: dict[str, Callable[[HuggingFaceHub, str], object]] = {
    "refs": lambda asking, name: asking.refs(name),
    "history": lambda asking, name: asking.history(name, "main"),
    "scanned": lambda asking, name: asking.scanned(name, "main", ["config.json"]),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_what_is_gone_or_closed_is_told_as_such(hub: Hub, repo: Repo, question: str) -> None:
    """Not there, renamed, disabled, gated and hidden."""
    ask = QUESTIONS[question]

    def kind_of(name: str = NAME) -> HubFaultKind | None:
        told = ask(client(), name)
        return told.kind if isinstance(told, HubFault) else None

    assert kind_of("acme/nowhere") is HubFaultKind.REPO_GONE
    hub.rename(NAME, "acme/renamed")
    assert kind_of() is None
    repo.disable()
    assert kind_of() is HubFaultKind.DISABLED
    repo.enable()
    repo.gate(listed=False)
    assert kind_of() is HubFaultKind.GATED


TROUBLES: dict[str, faults.Fault] = {
    "500": faults.Status(code=500),
    "404 of a proxy": faults.Status(code=404),
    "HTML": faults.Page(),
    "reset": faults.Reset(),
    "429": faults.Status(code=429),
}


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_hub_in_trouble_has_told_nothing(hub: Hub, repo: Repo, question: str, trouble: str) -> None:
    """It never reads as gone, nor as a repo without refs, commits or scans."""
    hub.fail(TROUBLES[trouble])

    told = QUESTIONS[question](client(), repo.name)

    assert isinstance(told, HubFault)
    assert told.kind is HubFaultKind.UNTOLD


def test_trouble_on_a_later_page_is_trouble(hub: Hub, repo: Repo) -> None:
    """Half a history would say that a commit is no ancestor."""
    pushed(repo, 8)
    hub.fail(faults.Status(code=500), attempts=range(2, 99))

    told = client().history(NAME, "main")

    assert isinstance(told, HubFault)
    assert told.kind is HubFaultKind.UNTOLD


def test_a_page_that_fails_once_is_asked_for_again(hub: Hub, repo: Repo) -> None:
    """Only that one."""
    log = pushed(repo, 8)
    hub.fail(faults.Status(code=500), attempts=[2])
    hub.forget()

    assert [commit.commit for commit in history().commits] == log
    assert hub.count() == 4


def test_a_revision_that_is_gone_has_no_history_and_no_scans(repo: Repo) -> None:
    """Clearly."""
    for told in (
        client().history(NAME, "0" * 40),
        client().scanned(NAME, "0" * 40, ["config.json"]),
    ):
        assert isinstance(told, HubFault)
        assert told.kind is HubFaultKind.REVISION_GONE


def test_the_token_stays_with_the_hub(hub: Hub, repo: Repo) -> None:
    """Large files lie on another host, whose address is a key already."""
    hub.token("hf_sandboxtoken123")

    assert client(token="hf_sandboxtoken123").read(NAME, repo.head, "pytorch_model.bin") == b"weights"

    assert {asked.kind: asked.token for asked in hub.requests} == {"resolvers": True, "storage": False}
