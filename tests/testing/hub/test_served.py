"""What the Hub serves, through the eyes of the real huggingface_hub, 1.x and 2.x."""

import hashlib

import pytest

from resilient_infer.testing.sandbox.hub import Hub, Look, Repo
from tests.testing.hub.client import WEIGHTS, Client, downloaded, sha_of


def test_model_info_and_its_files(client: Client, repo: Repo) -> None:
    """Sizes and digests are those of the bytes, computed here by other means."""
    files = repo.at("main").files
    told = client(
        "(i := api.model_info({repo}, files_metadata=True, timeout=5)) and "
        "[i.sha, i.id, i._id, i.gated, i.private, i.pipeline_tag, i.card_data.license, i.library_name]",
        repo=repo.name,
    )
    siblings = client(
        "[[s.rfilename, s.size, s.blob_id, s.lfs and [s.lfs.sha256, s.lfs.size]] "
        "for s in api.model_info({repo}, files_metadata=True).siblings]",
        repo=repo.name,
    )

    assert told[:3] == [repo.head, repo.name, repo.hub_id]
    assert told[3:] == [False, False, "text-classification", "apache-2.0", "transformers"]
    assert [sibling[0] for sibling in siblings] == sorted(files)
    for path, size, oid, lfs in siblings:
        content = files[path].content
        assert size == len(content)
        if path == WEIGHTS:
            assert lfs == [hashlib.sha256(content).hexdigest(), size]
        else:
            assert lfs is None
            assert oid == hashlib.sha1(b"blob %d\0" % size + content).hexdigest()


def test_expand_gives_only_what_it_names(client: Client, repo: Repo) -> None:
    """With the inference providers' mapping, which comes only when it is asked for."""
    repo.offer("groq", task="text-classification", name="senti-8b")
    told = client(
        "(i := api.model_info({repo}, expand=['inferenceProviderMapping', 'gated'])) and "
        "[i.sha, i.gated, i.inference_provider_mapping[0].provider_id]",
        repo=repo.name,
    )

    assert told == [None, False, "senti-8b"]


def test_refs(client: Client, repo: Repo) -> None:
    """Branches, tags, and pull requests for those who ask."""
    first = repo.head
    repo.tag("v1")
    repo.push({"a.txt": "a"})
    repo.branch("feat/x")
    pull = repo.open_pull_request({"b.txt": "b"})
    told = client(
        "(r := api.list_repo_refs({repo}, include_pull_requests=True)) and "
        "[{{x.name: x.target_commit for x in refs}} for refs in (r.branches, r.tags, r.pull_requests)]",
        repo=repo.name,
    )

    assert told == [
        {"main": repo.head, "feat/x": repo.head},
        {"v1": first},
        {pull.ref: pull.commit},
    ]
    assert client("api.list_repo_refs({repo}).pull_requests", repo=repo.name) is None


def test_commits_over_several_pages(client: Client, hub: Hub, repo: Repo) -> None:
    """All of them, newest first, though a page has three."""
    for number in range(7):
        repo.push({"count.txt": str(number)}, title=f"count {number}")
    told = client(
        "[[c.commit_id, c.title, c.created_at.isoformat()] for c in api.list_repo_commits({repo})]",
        repo=repo.name,
    )

    assert [commit for commit, _, _ in told] == list(repo.log())
    assert told[0][1:] == ["count 6", "2026-01-01T07:00:00+00:00"]
    assert hub.count() - 1 in (2, 3), "three pages, and once a process the list of harnesses"


def test_a_tree_over_several_pages(client: Client, hub: Hub, name: str) -> None:
    """Folders and files, recursive or not, and below a folder."""
    repo = hub.model(name, Look(task="sentence-similarity", sentence=True, dense=True, dimension=128))
    listing = "[f.path for f in api.list_repo_tree({repo}, recursive={deep}, path_in_repo={path})]"
    deep = client(listing, repo=repo.name, deep=True, path=None)
    flat = client(listing, repo=repo.name, deep=False, path=None)
    below = client(listing, repo=repo.name, deep=False, path="2_Dense")

    assert set(deep) == {*repo.at("main").files, "1_Pooling", "2_Dense"}
    assert {path for path in deep if "/" not in path} == set(flat)
    assert below == ["2_Dense/config.json", f"2_Dense/{WEIGHTS}"]


def test_paths_info(client: Client, repo: Repo) -> None:
    """What is there, with the commit it comes from; what is not is left out."""
    repo.push({"late.txt": "late"}, title="late")
    told = client(
        "[[f.path, f.last_commit.title, f.security.status] for f in "
        "api.get_paths_info({repo}, ['late.txt', 'config.json', 'nope'], expand=True)]",
        repo=repo.name,
    )

    assert told == [["late.txt", "late", "safe"], ["config.json", "initial commit", "safe"]]


@pytest.mark.parametrize("path", ["config.json", WEIGHTS])
def test_metadata_of_a_file(client: Client, repo: Repo, path: str) -> None:
    """One HEAD proves commit, access and content, in git and in LFS."""
    blob = repo.at("main").files[path]
    told = client("(m := at({repo}, {path})) and [m.commit_hash, m.etag, m.size]", repo=repo.name, path=path)

    assert told == [repo.head, blob.sha256 if path == WEIGHTS else blob.oid, blob.size]


def test_downloads_and_a_snapshot(client: Client, repo: Repo) -> None:
    """Byte by byte what was pushed."""
    files = repo.at("main").files
    assert downloaded(client, repo.name, "config.json") == files["config.json"].content
    assert downloaded(client, repo.name, WEIGHTS) == files[WEIGHTS].content
    assert client("names(hf.snapshot_download({repo}))", repo=repo.name) == sorted(files)


def test_a_token_is_not_shown_to_the_place_of_lfs_objects(client: Client, hub: Hub, repo: Repo) -> None:
    """That is another host, as it is in the wild."""
    repo.make_private()
    hub.token("hf_reader", access=[repo.name])
    assert downloaded(client, repo.name, WEIGHTS, token="hf_reader") == repo.at("main").files[WEIGHTS].content

    assert [asked.token for asked in hub.requests if asked.kind == "storage"] == [False]
    assert all(asked.token for asked in hub.requests if asked.kind == "resolvers")


def test_whoami(client: Client, hub: Hub) -> None:
    """Whose token it is."""
    hub.token("hf_ada", user="ada")
    assert client("api.whoami('hf_ada')['name']") == "ada"
    with client.raises("HfHubHTTPError"):
        client("api.whoami('hf_nobody')")


def test_an_inference_endpoint(client: Client, hub: Hub, repo: Repo) -> None:
    """Deployed, updating, failed, paused: what the management API tells the library of it."""
    hub.token("hf_ada", user="ada")
    old = repo.head
    deployed = hub.deploy("acme/risk", model=repo.name, revision=old, replicas=2, url="http://127.0.0.1:1")
    client("setattr(hf.constants, 'INFERENCE_ENDPOINTS_ENDPOINT', {url})", url=hub.endpoints_url)

    def told() -> list[object]:
        endpoint = (
            "(e := api.get_inference_endpoint('risk', namespace='acme', token='hf_ada')) and "
            "[e.repository, e.revision, e.status, e.raw['status']['readyReplica'], "
            "e.raw['status']['targetReplica'], e.url]"
        )
        return list(client(endpoint))

    assert told() == [repo.name, old, "running", 2, 2, "http://127.0.0.1:1"]
    new = repo.push({"a.txt": "a"})
    deployed.update(new)
    assert told()[1:5] == [new, "updating", 2, 2]
    deployed.fail()
    assert told()[2] == "updateFailed"
    deployed.settle()
    assert told()[2:5] == ["running", 2, 2]
    deployed.pause()
    assert told()[2:] == ["paused", 0, 2, None]
    deployed.start()
    assert told()[2:4] == ["initializing", 0]
    deployed.fail()
    assert told()[2:4] == ["failed", 0]
    deployed.scale_to_zero()
    assert told()[2] == "scaledToZero"
    with client.raises("HfHubHTTPError") as seen:
        client("api.get_inference_endpoint('risk', namespace='acme', token=False)")
    assert "401" in seen[0].said


def test_a_name_without_a_namespace(client: Client, hub: Hub) -> None:
    """Until it is moved to an organisation, and then by a redirect."""
    repo = hub.model("gpt2", Look(task="text-generation", chat=True))
    assert sha_of(client, "gpt2") == repo.head
    assert client("at('gpt2', 'config.json').commit_hash") == repo.head
    hub.rename("gpt2", "openai-community/gpt2")
    assert client("api.model_info('gpt2').id") == "openai-community/gpt2"
    assert client("at('gpt2', 'config.json').commit_hash") == repo.head
    assert client("len(api.get_paths_info('gpt2', ['config.json']))") == 1


def test_a_branch_with_a_slash(client: Client, repo: Repo) -> None:
    """In the API and in downloads."""
    repo.branch("feat/x")
    new = repo.push({"config.json": "{}"}, branch="feat/x")
    assert sha_of(client, repo.name, "feat/x") == new
    assert client("at({repo}, 'config.json', 'feat/x').commit_hash", repo=repo.name) == new
    assert downloaded(client, repo.name, "config.json", revision="feat/x") == b"{}"
