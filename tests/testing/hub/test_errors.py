"""Each error of huggingface_hub, raised by huggingface_hub."""

import pytest

from resilient_infer.testing.sandbox.hub import Hub, Quota, Repo
from tests.testing.hub.client import NOT_FOUND, WEIGHTS, Client, Raised, downloaded, sha_of


@pytest.mark.parametrize("call", ["api.model_info({repo})", "at({repo}, 'config.json')"])
def test_a_missing_repo_and_a_private_one_look_alike(client: Client, hub: Hub, name: str, call: str) -> None:
    """With a token without access and without any."""
    hub.token("hf_stranger")
    with client.raises(NOT_FOUND) as missing:
        client(call, repo=name)
    repo = hub.model(name)
    repo.make_private()
    with client.raises(NOT_FOUND) as private:
        client(call, repo=name)
    with client.raises(NOT_FOUND) as known:
        client("api.model_info({repo}, token='hf_stranger')", repo=name)
    hub.delete(name)

    assert missing[0].said.partition("hub-")[0] == private[0].said.partition("hub-")[0]
    assert "401" in missing[0].said
    assert "404" in known[0].said


def test_no_such_revision(client: Client, repo: Repo) -> None:
    """A branch, and a full commit, that are not there."""
    for revision in ("nope", "0" * 40):
        with client.raises("RevisionNotFoundError"):
            sha_of(client, repo.name, revision)
        with client.raises("RevisionNotFoundError"):
            client("at({repo}, 'config.json', {revision})", repo=repo.name, revision=revision)


def test_no_such_file(client: Client, repo: Repo) -> None:
    """In a revision that is there."""
    with client.raises("RemoteEntryNotFoundError", "EntryNotFoundError"):
        client("at({repo}, 'nope')", repo=repo.name)
    with client.raises("RemoteEntryNotFoundError"):
        client("list(api.list_repo_tree({repo}, 'nope'))", repo=repo.name)


def test_a_gated_repo(client: Client, hub: Hub, repo: Repo) -> None:
    """The API tells of it, downloads need access; the error is a kind of "not found"."""
    hub.token("hf_stranger")
    hub.token("hf_friend")
    repo.gate("manual")
    repo.grant("hf_friend")
    assert client("api.model_info({repo}).gated", repo=repo.name) == "manual"
    for token in (False, "hf_stranger"):
        with client.raises("GatedRepoError", NOT_FOUND):
            downloaded(client, repo.name, "config.json", token=token)
    assert downloaded(client, repo.name, "config.json", token="hf_friend")
    repo.revoke("hf_friend")
    with client.raises("GatedRepoError"):
        client("hf.hf_hub_download({repo}, {path}, token='hf_friend')", repo=repo.name, path=WEIGHTS)
    repo.ungate()
    assert client("at({repo}, {path}).size", repo=repo.name, path=WEIGHTS)


def test_a_disabled_repo(client: Client, repo: Repo) -> None:
    """In the API and in downloads, until it is enabled."""
    repo.disable()
    with client.raises("DisabledRepoError"):
        sha_of(client, repo.name)
    with client.raises("DisabledRepoError"):
        client("at({repo}, 'config.json')", repo=repo.name)
    repo.enable()
    assert sha_of(client, repo.name) == repo.head


def test_a_token_nobody_has(client: Client, repo: Repo) -> None:
    """Is refused even for what is public, and that is not "not found"."""
    with pytest.raises(Raised) as caught:
        client("api.model_info({repo}, token='hf_wrong')", repo=repo.name)
    assert caught.value.kinds[0] == "HfHubHTTPError"
    assert "401" in caught.value.said


def test_a_quota_that_is_used_up(client: Client, hub: Hub, repo: Repo) -> None:
    """The API's is not that of downloads, and the library reads both from the headers."""
    client("hf.utils.get_session().get({url})", url=hub.url + "/api/agent-harnesses")
    hub.limit(Quota(api=2, resolvers=1, window=60))
    assert sha_of(client, repo.name) == sha_of(client, repo.name) == repo.head
    with client.raises("HfHubHTTPError") as api:
        sha_of(client, repo.name)
    assert client("at({repo}, {path}).size", repo=repo.name, path=WEIGHTS)
    with client.raises("HfHubHTTPError") as resolvers:
        client("at({repo}, {path})", repo=repo.name, path=WEIGHTS)

    assert "'api' rate limit" in api[0].said
    assert "(0/2 requests remaining in current 60s window)" in api[0].said
    assert "'resolvers' rate limit" in resolvers[0].said
