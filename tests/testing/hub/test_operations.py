"""What somebody does to a repo, as the real huggingface_hub sees it."""

import hashlib

from resilient_infer.testing.sandbox.hub import Hub, Look, Repo, weights
from tests.testing.hub.client import WEIGHTS, Client, downloaded, sha_of


def test_a_push_moves_the_branch_and_keeps_the_old_commit(client: Client, repo: Repo) -> None:
    """Changed, added and removed files."""
    old = repo.head
    new = repo.push({"config.json": "{}", "added.txt": "x", "tokenizer.json": None})
    listed = "[f.path for f in api.list_repo_tree({repo}, revision={revision})]"

    assert sha_of(client, repo.name) == new != old
    assert set(client(listed, repo=repo.name, revision=old)) - set(
        client(listed, repo=repo.name, revision=new)
    ) == {"tokenizer.json"}
    assert downloaded(client, repo.name, "config.json") == b"{}"
    assert downloaded(client, repo.name, "config.json", revision=old) != b"{}"


def test_a_tag_moves_and_goes(client: Client, repo: Repo) -> None:
    """A moved tag is another commit; a deleted one is no revision."""
    repo.tag("v1")
    first = sha_of(client, repo.name, "v1")
    new = repo.push({"a.txt": "a"})
    repo.tag("v1")
    assert [first, sha_of(client, repo.name, "v1")] == [repo.log()[1], new]
    repo.delete_ref("v1")
    with client.raises("RevisionNotFoundError"):
        sha_of(client, repo.name, "v1")


def test_a_deleted_branch_takes_its_own_commits_along(client: Client, repo: Repo) -> None:
    """And leaves those that main reaches, too."""
    repo.branch("dev")
    own = repo.push({"a.txt": "a"}, branch="dev")
    repo.delete_ref("dev")
    for revision in ("dev", own):
        with client.raises("RevisionNotFoundError"):
            sha_of(client, repo.name, revision)
    assert sha_of(client, repo.name, repo.head) == repo.head


def test_a_rename_redirects_and_keeps_the_id(client: Client, hub: Hub, repo: Repo) -> None:
    """Silently, in the API and in downloads."""
    old = repo.name
    hub.rename(old, f"{old}-new")
    told = client("(i := api.model_info({repo})) and [i.id, i._id]", repo=old)

    assert told == [f"{old}-new", repo.hub_id]
    assert client("at({repo}, {path}).commit_hash", repo=old, path=WEIGHTS) == repo.head
    assert len(client("api.list_repo_commits({repo})", repo=old)) == 1


def test_a_name_registered_again_is_another_repo(client: Client, hub: Hub, repo: Repo) -> None:
    """By a stranger, after a deletion or a rename: another id, and the old commits are not there."""
    old, gone = repo.hub_id, repo.head
    hub.delete(repo.name)
    again = hub.model(repo.name, Look(labels=("BAD", "GOOD")))
    assert client("api.model_info({repo})._id", repo=repo.name) == again.hub_id != old
    with client.raises("RevisionNotFoundError"):
        sha_of(client, repo.name, gone)
    hub.rename(repo.name, f"{repo.name}-moved")
    squatted = hub.model(repo.name)
    assert client("api.model_info({repo})._id", repo=repo.name) == squatted.hub_id
    assert len({old, again.hub_id, squatted.hub_id}) == 3


def test_private_and_public_again(client: Client, hub: Hub, repo: Repo) -> None:
    """Only a token with access sees it meanwhile."""
    repo.make_private()
    hub.token("hf_owner", access=[repo.name])
    assert client("api.model_info({repo}, token='hf_owner').private", repo=repo.name) is True
    repo.make_public()
    assert client("api.model_info({repo}).private", repo=repo.name) is False


def test_a_squash_takes_the_old_commits_away(client: Client, repo: Repo) -> None:
    """The files are the same, at another commit."""
    old = repo.push({"a.txt": "a"})
    new = repo.squash()
    assert sha_of(client, repo.name) == new
    assert client("len(api.list_repo_commits({repo}))", repo=repo.name) == 1
    for ask in ("api.model_info({repo}, revision={old})", "at({repo}, 'config.json', {old})"):
        with client.raises("RevisionNotFoundError"):
            client(ask, repo=repo.name, old=old)
    assert downloaded(client, repo.name, "a.txt") == b"a"


def test_a_force_push_takes_the_old_head_away(client: Client, repo: Repo) -> None:
    """At once, if the API is up to date."""
    first = repo.head
    old = repo.push({"a.txt": "a"})
    repo.force_push(first)
    assert sha_of(client, repo.name) == first
    with client.raises("RevisionNotFoundError"):
        client("at({repo}, 'config.json', {old})", repo=repo.name, old=old)


def test_a_lost_lfs_object(client: Client, repo: Repo) -> None:
    """The commit is there and lists the file; the file cannot be had."""
    repo.lose(WEIGHTS)
    assert sha_of(client, repo.name, repo.head) == repo.head
    paths = client("[f.lfs.sha256 for f in api.get_paths_info({repo}, {path})]", repo=repo.name, path=WEIGHTS)
    assert paths == [repo.at("main").files[WEIGHTS].sha256]
    with client.raises("RemoteEntryNotFoundError"):
        client("at({repo}, {path})", repo=repo.name, path=WEIGHTS)
    assert downloaded(client, repo.name, "config.json")


def test_other_bytes_at_the_same_commit(client: Client, repo: Repo) -> None:
    """Another etag and size, in git and in LFS."""
    commit, other = repo.head, weights("evil", 600)
    before = client("(m := at({repo}, {path})) and [m.etag, m.size]", repo=repo.name, path=WEIGHTS)
    repo.tamper(WEIGHTS, other)
    repo.tamper("config.json", "{}", revision=commit)
    after = client(
        "(m := at({repo}, {path}, {commit})) and [m.etag, m.size, m.commit_hash]",
        repo=repo.name,
        path=WEIGHTS,
        commit=commit,
    )

    assert repo.head == commit
    assert after == [hashlib.sha256(other).hexdigest(), len(other), commit]
    assert after[:2] != before
    assert downloaded(client, repo.name, "config.json", revision=commit) == b"{}"


def test_a_strangers_pull_request_is_under_the_same_repo(client: Client, repo: Repo) -> None:
    """By its ref and by its commit, while no branch reaches it."""
    pull = repo.open_pull_request({WEIGHTS: weights("evil")})
    for revision in (pull.ref, pull.commit):
        told = client(
            "at({repo}, {path}, {revision}).commit_hash", repo=repo.name, path=WEIGHTS, revision=revision
        )
        assert told == pull.commit
    assert pull.commit not in client("[c.commit_id for c in api.list_repo_commits({repo})]", repo=repo.name)
    author = client("api.list_repo_commits({repo}, revision={ref})[0].authors", repo=repo.name, ref=pull.ref)
    assert author == ["a-stranger"]


def test_a_flagged_file(client: Client, repo: Repo) -> None:
    """Unsafe, suspicious, unscanned; in the listings and in short."""
    repo.push({"pytorch_model.bin": b"pickle", "odd.bin": b"odd", "new.bin": b"new"})
    repo.flag("pytorch_model.bin", "unsafe")
    repo.flag("odd.bin", "suspicious")
    repo.flag("new.bin", "unscanned")
    tree = client(
        "{{f.path: f.security.status for f in api.list_repo_tree({repo}, expand=True)}}", repo=repo.name
    )
    short = client("api.model_info({repo}, securityStatus=True).security_repo_status", repo=repo.name)

    assert {path: status for path, status in tree.items() if path.endswith(".bin")} == {
        "pytorch_model.bin": "unsafe",
        "odd.bin": "suspicious",
        "new.bin": "unscanned",
    }
    assert tree["config.json"] == "safe"
    assert short == {
        "scansDone": False,
        "filesWithIssues": [
            {"path": "odd.bin", "level": "suspicious"},
            {"path": "pytorch_model.bin", "level": "unsafe"},
        ],
    }


def test_another_license(client: Client, repo: Repo) -> None:
    """From now on; the old commit still says the old one."""
    old = repo.head
    new = repo.relicense("cc-by-nc-4.0")
    told = "api.model_info({repo}, revision={revision}).card_data.license"
    assert client(told, repo=repo.name, revision=new) == "cc-by-nc-4.0"
    assert client(told, repo=repo.name, revision=old) == "apache-2.0"
    assert client("api.model_info({repo}).pipeline_tag", repo=repo.name) == "text-classification"
