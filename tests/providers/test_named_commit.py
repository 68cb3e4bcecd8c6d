"""named_commit: commits in names and in paths."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.target import Endpoint
from resilient_infer.providers.named_commit import base_of, commit_after_at, maximum, root_of, snapshot_of
from tests.providers.family import LOCKED, NO_COMMIT, OTHER
from tests.providers.samples import JSON

COMMITS = st.text("0123456789abcdef", min_size=40, max_size=40)


@given(JSON)
def test_any_json_names_a_full_commit_or_none(value):
    """And nothing is raised."""
    for read in (commit_after_at, snapshot_of):
        commit = read(value)
        assert commit is None or len(commit) == 40
    assert maximum(value) is None or (type(value) is int and value > 0)


@given(COMMITS)
def test_the_commit_of_a_name_and_of_a_path_is_read(commit):
    """As operators and the Hub's cache write it."""
    assert commit_after_at(f"org/model@{commit}") == commit
    assert base_of(f"org/model@{commit}") == "org/model"
    assert snapshot_of(f"/root/.cache/huggingface/hub/models--o--m/snapshots/{commit}/m.gguf") == commit


@pytest.mark.parametrize("said", [said for said in NO_COMMIT if isinstance(said, str | None)])
def test_anything_else_behind_the_at_is_none(said):
    """A branch, a part of a commit, nothing."""
    assert commit_after_at(f"org/model@{said}") is None
    assert snapshot_of(f"/hub/snapshots/{said}/m.gguf") is None


@pytest.mark.parametrize(
    "name", [LOCKED, f"org/{LOCKED}", f"org/model:{LOCKED}", f"a@b@{LOCKED}", f"org/m@{LOCKED}:q4"]
)
def test_a_commit_in_another_place_of_the_name_is_none(name):
    """Only `name@commit` is what an operator promises with."""
    assert commit_after_at(name) is None


@pytest.mark.parametrize(
    ("path", "commit"),
    [
        (f"/hub/snapshots/{LOCKED}/m.gguf", LOCKED),
        (f"C:\\hub\\snapshots\\{LOCKED}\\Q4\\m-00001-of-00002.gguf", LOCKED),
        (f"/hub/snapshots/{'A' * 40}/m.gguf", "a" * 40),
        (f"/hub/snapshots/{LOCKED}", None),
        (f"/hub/snapshots/{LOCKED}/", None),
        (f"/hub/snapshots/{LOCKED}/snapshots/{OTHER}/m.gguf", None),
        (f"/hub/mysnapshots/{LOCKED}/m.gguf", None),
        (f"/models/{LOCKED}/m.gguf", None),
        (f"/hub/blobs/{LOCKED}", None),
        ("m.gguf", None),
    ],
)
def test_a_path_proves_a_commit_only_in_the_hubs_cache(path, commit):
    """One `snapshots/<commit>/` with a file in it."""
    assert snapshot_of(path) == commit


@pytest.mark.parametrize(
    ("url", "root"),
    [
        ("http://host:8080/v1", "http://host:8080"),
        ("http://host:8080", "http://host:8080"),
        ("https://host/llama/v1", "https://host/llama"),
        ("https://host/v1beta", "https://host/v1beta"),
    ],
)
def test_a_servers_own_paths_stand_beside_the_protocols(url, root):
    """Whether the base URL ends with /v1 or not."""
    assert root_of(Endpoint(provider="x", kind="sglang", url=url)) == root
