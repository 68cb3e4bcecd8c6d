"""Way: what lies between two commits, and whether the one leads to the other."""

import pytest

from resilient_infer.core.outcome import Failure, FailureKind
from resilient_infer.lock.answers import HubFault, HubFaultKind
from resilient_infer.lock.files import FileClass
from resilient_infer.lock.way import Course, Steps, steps, way
from tests.lock.fake_hub import CLASSIFIER, FakeHub, fault

NAME = "acme/one"


def test_a_way_ahead_has_its_commits_its_files_and_their_sizes() -> None:
    """Commits newest first; weights before documents; what is to be fetched is what is new."""
    hub = FakeHub()
    repo = hub.create(NAME)
    old = repo.head
    first = repo.push({"model.safetensors": b"other weights", "README.md": None})
    last = repo.push({"vocab.txt": b"a b c"})

    found = way(hub, NAME, old, last)

    assert found.steps is not None
    assert found.content is not None
    assert found.steps.course is Course.AHEAD
    assert [commit.commit for commit in found.steps.commits] == [last, first]
    assert [(file.path, file.kind) for file in found.content.files] == [
        ("model.safetensors", FileClass.WEIGHTS),
        ("vocab.txt", FileClass.TOKENIZER),
        ("README.md", FileClass.DOCUMENTS),
    ]
    assert found.content.fetched == len(b"other weights") + len(b"a b c")
    assert found.content.before == sum(map(len, CLASSIFIER.values()))
    assert (found.faults, found.gone) == ((), False)
    assert len(hub.asked) == 3


def test_a_way_back_has_the_commits_that_are_taken_back() -> None:
    """From the newer commit to the older one."""
    hub = FakeHub()
    repo = hub.create(NAME)
    old = repo.head
    new = repo.push({"README.md": b"x"})

    told = steps(hub, NAME, new, old)

    assert isinstance(told, Steps)
    assert told.course is Course.BACK
    assert [commit.commit for commit in told.commits] == [new]


@pytest.mark.parametrize("forget", [True, False])
def test_after_a_squash_neither_commit_leads_to_the_other(forget: bool) -> None:
    """Whether or not the old one can still be asked for."""
    hub = FakeHub()
    repo = hub.create(NAME)
    old = repo.head
    new = repo.squash(forget=forget)

    found = way(hub, NAME, old, new)

    assert found.steps == Steps(course=Course.APART)
    assert (found.gone, found.content is None) == (forget, forget)
    assert found.faults == ()


def test_a_history_that_was_not_read_to_its_end_tells_nothing() -> None:
    """Unless the commit is gone: no history leads to that."""
    hub = FakeHub()
    repo = hub.create(NAME)
    old = repo.head
    for number in range(1_000):
        repo.push({"README.md": b"%d" % number})

    assert steps(hub, NAME, old, repo.head) == Steps(course=Course.UNKNOWN)
    assert steps(hub, NAME, "0" * 40, repo.head) == Steps(course=Course.APART)


@pytest.mark.parametrize("method", ["model", "history"])
@pytest.mark.parametrize("kind", [HubFaultKind.UNTOLD, HubFaultKind.DENIED, HubFaultKind.GATED])
def test_what_could_not_be_told_is_told(method: str, kind: HubFaultKind) -> None:
    """A refusal of the Hub is an answer; silence is not."""
    hub = FakeHub()
    repo = hub.create(NAME)
    old, new = repo.head, repo.push({"README.md": b"x"})

    def trouble(asked: str, name: str, revision: str | None) -> HubFault | None:
        return fault(kind) if asked == method else None

    hub.trouble = trouble
    found = way(hub, NAME, old, new)

    assert (found.content is None) is (method == "model")
    assert (found.steps is None) is (method == "history")
    assert bool(found.faults) is (kind is not HubFaultKind.GATED)


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_mirror_without_histories_is_no_hub_that_is_down(status: int) -> None:
    """The files are told, the commits are not, and nothing is at fault."""
    hub = FakeHub()
    repo = hub.create(NAME)
    old, new = repo.head, repo.push({"README.md": b"x"})
    failure = Failure(kind=FailureKind.GONE, reason="no such page", status=status)
    missing = HubFault(kind=HubFaultKind.UNTOLD, failure=failure)
    hub.trouble = lambda asked, name, revision: missing if asked == "history" else None

    found = way(hub, NAME, old, new)

    assert (found.steps, found.content is None, found.faults) == (None, False, ())
    hub.trouble = lambda asked, name, revision: missing if asked == "model" else None
    assert way(hub, NAME, old, new).faults
