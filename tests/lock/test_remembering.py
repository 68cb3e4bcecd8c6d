"""Remembering: what a commit holds is asked for once; where a branch is, each time."""

from resilient_infer.lock.answers import HubFault
from resilient_infer.lock.remembering import RememberingHub
from tests.lock.fake_hub import UNTOLD, FakeHub

NAME = "acme/one"


def test_what_a_commit_holds_is_asked_for_once() -> None:
    """Its files, their content, and the commits before it, for each question of its own."""
    asked = FakeHub()
    head = asked.create(NAME).head
    hub = RememberingHub(asked)

    for _ in range(3):
        assert hub.model(NAME, head) is hub.model(NAME, head)
        assert hub.read(NAME, head, "README.md") == b"# A classifier\n"
        assert hub.history(NAME, head) == hub.history(NAME, head)
    hub.history(NAME, head, most=1)
    hub.model("acme/two", head)

    assert [asked.asked_for(method) for method in ("model", "read", "history")] == [2, 1, 2]


def test_what_moves_is_asked_for_each_time() -> None:
    """Branches, tags, what may be downloaded now, and scans."""
    asked = FakeHub()
    repo = asked.create(NAME)
    hub = RememberingHub(asked)

    for number in range(2):
        hub.model(NAME, "main")
        hub.model(NAME, None)
        hub.refs(NAME)
        hub.history(NAME, "main")
        hub.head(NAME, repo.head, "README.md")
        hub.scanned(NAME, repo.head, ["README.md"])
        assert len(asked.asked) == 6 * (number + 1)


def test_what_was_no_answer_is_asked_for_again() -> None:
    """A Hub that was down for a moment."""
    asked = FakeHub()
    head = asked.create(NAME).head
    hub = RememberingHub(asked)
    asked.trouble = lambda method, repo, revision: UNTOLD
    assert isinstance(hub.model(NAME, head), HubFault)
    asked.trouble = lambda method, repo, revision: None

    assert not isinstance(hub.model(NAME, head), HubFault)
