"""Downloads: the three shapes of the real Hub, seen without a library that hides them."""

import re
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resilient_infer.testing.sandbox.hub import Hub, Look, Repo
from tests.testing.hub.client import WEIGHTS, Answer, ask


@pytest.fixture
def model(bare: Hub) -> Repo:
    return bare.model("acme/m", Look(task="text-generation"))


def place_of(hub: Hub, answer: Answer) -> str:
    """Where a redirect leads, as a path: both hosts are this one."""
    return re.sub(r"^http://[^/]+", "", answer.headers["location"])


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_small_public_file_is_behind_a_cache_on_the_same_host(bare: Hub, model: Repo, method: str) -> None:
    """307 with the commit and the linked etag, but no etag of its own; there it is whole."""
    blob = model.at("main").files["config.json"]
    first = ask(bare, "/acme/m/resolve/main/config.json", method=method)
    second = ask(bare, place_of(bare, first), method=method)

    assert first.status == 307
    assert first.headers["location"].startswith(f"/api/resolve-cache/models/acme/m/{model.head}/config.json?")
    assert first.headers["x-repo-commit"] == model.head
    assert first.headers["x-linked-etag"] == f'"{blob.oid}"'
    assert "etag" not in first.headers
    assert second.status == 200
    assert second.headers["etag"] == f'"{blob.oid}"'
    assert second.headers["x-repo-commit"] == model.head
    assert second.headers["content-length"] == str(blob.size)
    assert second.body == (blob.content if method == "GET" else b"")


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_an_lfs_file_is_on_another_host_that_knows_no_repo(bare: Hub, model: Repo, method: str) -> None:
    """302 with all that is known of it; what follows has neither commit nor quota."""
    blob = model.at("main").files[WEIGHTS]
    first = ask(bare, f"/acme/m/resolve/main/{WEIGHTS}", method=method)
    second = ask(bare, place_of(bare, first), method=method, token="whatever")

    assert first.status == 302
    assert first.headers["location"].startswith("http://localhost:")
    assert bare.url.startswith("http://127.0.0.1:")
    assert first.headers["x-repo-commit"] == model.head
    assert first.headers["x-linked-etag"] == f'"{blob.sha256}"'
    assert first.headers["x-linked-size"] == str(blob.size)
    assert second.status == 200
    assert not {"x-repo-commit", "ratelimit"} & set(second.headers)
    assert second.body == (blob.content if method == "GET" else b"")


@pytest.mark.parametrize("shape", ["private", "gated", "canonical", "empty"])
def test_all_else_comes_at_once(bare: Hub, shape: str) -> None:
    """What is private or gated, has no namespace or is empty."""
    name = "gpt2" if shape == "canonical" else "acme/m"
    repo = bare.create(name, {"a.txt": "" if shape == "empty" else "a"})
    if shape == "private":
        repo.make_private()
    if shape == "gated":
        repo.gate("auto")
    bare.token("hf_reader", access=[name])
    answer = ask(bare, f"/{name}/resolve/main/a.txt", token="hf_reader")

    assert answer.status == 200
    assert answer.headers["x-repo-commit"] == repo.head
    assert answer.headers["etag"] == f'"{repo.at("main").files["a.txt"].oid}"'


def test_a_slash_in_a_revision_must_be_encoded(bare: Hub, model: Repo) -> None:
    """Else its first part is taken for the revision, as on the real Hub."""
    model.open_pull_request({"a.txt": "a"})
    good = ask(bare, "/acme/m/resolve/refs%2Fpr%2F1/a.txt", method="HEAD")
    bad = ask(bare, "/acme/m/resolve/refs/pr/1/a.txt", method="HEAD")

    assert good.status == 307
    assert bad.status == 404
    assert bad.headers["x-error-code"] == "RevisionNotFound"
    assert bad.headers["x-error-message"] == "Invalid rev id: refs"


def test_a_file_that_is_not_there_still_proves_the_commit(bare: Hub, model: Repo) -> None:
    """404 as text, with the commit: the library remembers that the file is not in it."""
    answer = ask(bare, "/acme/m/resolve/main/nope.txt")

    assert (answer.status, answer.body) == (404, b"Entry not found")
    assert answer.headers["x-error-code"] == "EntryNotFound"
    assert answer.headers["x-repo-commit"] == model.head


def test_a_lost_object_is_gone_from_both_places(bare: Hub, model: Repo) -> None:
    """Also for those who were told where it is before."""
    before = ask(bare, f"/acme/m/resolve/main/{WEIGHTS}")
    model.lose(WEIGHTS)
    after = ask(bare, f"/acme/m/resolve/main/{WEIGHTS}")

    assert (after.status, after.headers["x-error-code"]) == (404, "EntryNotFound")
    assert after.headers["x-repo-commit"] == model.head
    assert ask(bare, place_of(bare, before)).status == 404
    assert ask(bare, "/lfs/of/nobody").status == 404


@pytest.mark.parametrize("path", ["config.json", "nope.txt"])
def test_the_cache_keeps_no_secret(bare: Hub, model: Repo, path: str) -> None:
    """Where a 307 leads is refused, too, once the repo is private, and says nothing of what is not there."""
    place = f"/api/resolve-cache/models/acme/m/{model.head}/{path}"
    before = ask(bare, place).status
    model.make_private()

    assert before == (200 if path == "config.json" else 404)
    assert ask(bare, place).status == 401


def test_a_renamed_repo_leads_on_with_the_rest_of_the_path(bare: Hub) -> None:
    """Query and encoding untouched, even where the old name is part of the path before it."""
    repo = bare.create("models", {"a b.txt": "a"})
    bare.rename("models", "acme/api")
    download = ask(bare, "/models/resolve/main/a%20b.txt?download=true")
    told = ask(bare, "/api/models/models/revision/main?blobs=true")

    assert (download.status, download.headers["location"]) == (
        307,
        "/acme/api/resolve/main/a%20b.txt?download=true",
    )
    assert (told.status, told.headers["location"]) == (307, "/api/models/acme/api/revision/main?blobs=true")
    assert ask(bare, told.headers["location"]).json["sha"] == repo.head


def test_a_name_that_was_given_up_twice_leads_nowhere(bare: Hub) -> None:
    """Neither after a stranger registered and left it, nor once what it led to is gone."""
    bare.create("acme/a", {"a.txt": "a"})
    bare.rename("acme/a", "acme/b")
    bare.create("acme/a", {"a.txt": "b"})
    bare.delete("acme/a")
    assert ask(bare, "/acme/a/resolve/main/a.txt").status == 401
    bare.rename("acme/b", "acme/c")
    assert ask(bare, "/acme/b/resolve/main/a.txt").status == 307
    bare.delete("acme/c")
    assert ask(bare, "/acme/b/resolve/main/a.txt").status == 401


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.integers(0, 30) | st.none(), end=st.integers(0, 30) | st.none())
def test_a_range_is_that_part_of_the_file(bare: Hub, start: int | None, end: int | None) -> None:
    """The bytes, said in Content-Range; past the end 416; what is no range gets it all."""
    content = bytes(range(20))
    with suppress(ValueError):  # made by an earlier example
        bare.create("gpt2", {"a.txt": content})
    spans = f"{'' if start is None else start}-{'' if end is None else end}"
    answer = ask(bare, "/gpt2/resolve/main/a.txt", headers={"range": f"bytes={spans}"})
    if start is None:
        wanted = content if end is None else content[max(0, 20 - end) :]
    else:
        wanted = content[start : None if end is None else end + 1]

    if (start is None and end is None) or (start is not None and end is not None and end < start < 20):
        assert (answer.status, answer.body) == (200, content)
    elif not wanted:
        assert (answer.status, answer.headers["content-range"]) == (416, "bytes */20")
    else:
        assert (answer.status, answer.body) == (206, wanted)
        first = content.index(wanted)
        assert answer.headers["content-range"] == f"bytes {first}-{first + len(wanted) - 1}/20"


def test_a_range_of_a_head_is_ignored(bare: Hub) -> None:
    """Its length is that of the file."""
    bare.create("gpt2", {"a.txt": "abc"})
    answer = ask(bare, "/gpt2/resolve/main/a.txt", method="HEAD", headers={"range": "bytes=0-0"})
    assert (answer.status, answer.headers["content-length"]) == (200, "3")
