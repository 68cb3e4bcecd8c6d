"""The Hub as a command asks it: only if there is a question."""

from resilient_infer.cli.hub import CommandHub, Patience
from resilient_infer.lock.answers import HubHead, HubHistory, HubModel, HubRefs, HubScan
from resilient_infer.lock.bounded import gather

from .conftest import Project

PATIENCE = Patience(timeout=5.0, max_wait=1.0, jobs=2)


def test_the_hub_is_made_with_the_first_question(project: Project) -> None:
    """Once, and questions are counted."""
    hub = CommandHub(PATIENCE)
    assert hub.requests == 0
    answers = gather([lambda: hub.model("acme/sentiment", None)] * 8, jobs=8)

    assert all(isinstance(answer, HubModel) and answer.commit == project.sentiment.head for answer in answers)
    assert hub.requests == len(project.hub.requests) == 8
    assert not hub.has_token
    assert isinstance(hub.head("acme/sentiment", "main", "README.md"), HubHead)
    assert isinstance(hub.read("acme/sentiment", project.sentiment.head, "README.md"), bytes)
    head = project.sentiment.head
    assert isinstance(hub.refs("acme/sentiment"), HubRefs)
    assert isinstance(hub.history("acme/sentiment", "main", until=head, most=1), HubHistory)
    assert hub.scanned("acme/sentiment", head, ["config.json"]) == {"config.json": HubScan.SAFE}
