"""Where huggingface_hub says something else than one would think, shown by it."""

import pytest

from resilient_infer.testing.sandbox import Delay, Hang, Page, Refused, Status
from resilient_infer.testing.sandbox.hub import Hub, Repo
from tests.testing.hub.client import NOT_FOUND, Client, Raised, downloaded, sha_of


def needs(client: Client, name: str, where: str) -> None:
    """Releases before the trap cannot fall into it."""
    if not client(f"hasattr({where}, {{name}})", name=name):
        pytest.skip(f"this huggingface_hub has no {name} yet")


def test_resolving_a_full_commit_asks_nobody(client: Client, hub: Hub) -> None:
    """So it "succeeds" for what does not exist."""
    needs(client, "resolve_revision", "api")
    before = hub.count()
    assert client("api.resolve_revision('acme/nowhere', revision={sha}).resolved", sha="f" * 40) == "f" * 40
    assert hub.count() == before


def test_a_branch_is_resolved_to_a_stale_commit_while_the_hub_is_down(
    client: Client, hub: Hub, repo: Repo
) -> None:
    """503, and the library answers from its cache; what it answers prints as the branch."""
    needs(client, "resolve_revision", "api")
    resolve = "(r := api.resolve_revision({repo}, revision='main')) and [r.resolved, str(r)]"
    old = repo.head
    assert client(resolve, repo=repo.name) == [old, "main"]
    repo.push({"a.txt": "a"})
    hub.fail(Status(code=503), kind="api")
    assert client(resolve, repo=repo.name) == [old, "main"]


@pytest.mark.parametrize("happens", ["deleted", "gated"])
def test_downloads_come_from_the_cache_when_the_repo_is_gone(
    client: Client, hub: Hub, name: str, happens: str
) -> None:
    """As if nothing had happened."""
    repo = hub.model(name)
    assert downloaded(client, repo.name, "config.json")
    snapshot = client("hf.snapshot_download({repo})", repo=repo.name)
    if happens == "deleted":
        hub.delete(repo.name)
    else:
        repo.gate(listed=False)
    assert downloaded(client, repo.name, "config.json")
    assert client("hf.snapshot_download({repo})", repo=repo.name) == snapshot
    with client.raises("GatedRepoError" if happens == "gated" else NOT_FOUND, NOT_FOUND):
        client("at({repo}, 'config.json')", repo=repo.name)


def test_no_revision_of_a_gated_repo_exists(client: Client, repo: Repo) -> None:
    """Where the API does not tell of it: False, not an error."""
    exists = "api.revision_exists({repo}, {revision})"
    assert client(exists, repo=repo.name, revision=repo.head) is True
    repo.gate(listed=False)
    assert client(exists, repo=repo.name, revision=repo.head) is False


def test_after_a_force_push_the_api_may_name_a_dead_commit(client: Client, repo: Repo) -> None:
    """huggingface_hub#3406: it has all its files, and each of them is 404, until the next push."""
    first = repo.head
    dead = repo.push({"a.txt": "a"})
    alive = repo.force_push(first, {"b.txt": "b"}, stale=True)
    assert sha_of(client, repo.name) == sha_of(client, repo.name, "main") == dead
    assert sha_of(client, repo.name, dead) == dead
    with client.raises("RemoteEntryNotFoundError"):
        client("at({repo}, 'config.json', {dead})", repo=repo.name, dead=dead)
    assert client("at({repo}, 'config.json', 'main').commit_hash", repo=repo.name) == alive
    newest = repo.push({"c.txt": "c"})
    assert sha_of(client, repo.name) == newest
    with client.raises("RevisionNotFoundError"):
        sha_of(client, repo.name, dead)


def test_a_short_commit_is_good_for_the_api_only(client: Client, repo: Repo) -> None:
    """Downloads do not know it."""
    short = repo.head[:8]
    assert sha_of(client, repo.name, short) == repo.head
    with client.raises("RevisionNotFoundError"):
        client("at({repo}, 'config.json', {short})", repo=repo.name, short=short)


def test_a_page_with_a_good_status_is_no_answer_of_the_hub(client: Client, hub: Hub, repo: Repo) -> None:
    """HTML from a portal: a JSON error, and a download without a commit."""
    hub.fail(Page())
    with client.raises("JSONDecodeError", "ValueError"):
        sha_of(client, repo.name)
    assert client("at({repo}, 'config.json').commit_hash", repo=repo.name) is None


@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_a_hub_that_is_down_is_no_missing_revision(client: Client, hub: Hub, repo: Repo, code: int) -> None:
    """The library has one class for that, and it is none of those that say "gone"."""
    hub.fail(Status(code=code))
    for ask in ("api.model_info({repo}, revision='main')", "at({repo}, 'config.json')"):
        with client.raises("HfHubHTTPError") as seen:
            client(ask, repo=repo.name)
        assert str(code) in seen[0].said


def test_a_refused_connection_is_no_http_error(client: Client, hub: Hub, repo: Repo) -> None:
    """It is outside the library's own tree of errors."""
    hub.fail(Refused())
    with pytest.raises(Raised) as caught:
        sha_of(client, repo.name)
    hub.heal()

    assert caught.value.kinds[0] == "ConnectError"
    assert "HfHubHTTPError" not in caught.value.kinds
    assert sha_of(client, repo.name) == repo.head


def test_a_hub_that_hangs_is_bounded_only_by_a_time_limit(client: Client, hub: Hub, repo: Repo) -> None:
    """`model_info` takes one."""
    hub.fail(Hang())
    with client.raises("ReadTimeout"):
        client("api.model_info({repo}, timeout=0.05)", repo=repo.name)
    hub.heal()
    hub.fail(Delay(seconds=0.01))
    assert sha_of(client, repo.name) == repo.head


def test_the_list_of_harnesses_is_fetched_first(client: Client, hub: Hub, repo: Repo) -> None:
    """Once a day and HF_HOME, before anything else: it is on nobody's list of requests."""
    needs(client, "_fetch_registry", "hf.utils._detect_agent")
    client("hf.utils._detect_agent._fetch_registry()")
    assert [asked.path for asked in hub.requests] == ["/api/agent-harnesses"]
