"""Model references as people write and paste them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.lock.reference import SHORT_COMMIT, ModelReference, parse_reference, stands_for
from tests.lock.samples import COMMIT

names = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.]{0,20}[A-Za-z0-9_]", fullmatch=True).filter(
    lambda name: (
        ".." not in name and not name.endswith(".git") and name not in ("datasets", "spaces", "api", "docs")
    )
)
repos = names | st.tuples(names, names).map("/".join)
refs = st.sampled_from(["main", "v1.0", "refs/pr/3", "feature/x", COMMIT, None])


@given(model=repos, ref=refs)
def test_every_spelling_means_the_same(model: str, ref: str | None) -> None:
    """A reference, an hf:// address and a page of the Hub are three ways to write one thing."""
    expected = ModelReference(model=model, ref=ref)
    at = "" if ref is None else f"@{ref}"
    tree = "" if ref is None else f"/tree/{ref.replace('/', '%2F')}"

    assert parse_reference(f"{model}{at}") == expected
    assert parse_reference(str(expected)) == expected
    assert parse_reference(f"hf://{model}{at}") == expected
    assert parse_reference(f"https://huggingface.co/{model}{tree}") == expected
    assert parse_reference(f"https://api-inference.huggingface.co/models/{model}{at}") == expected


@pytest.mark.parametrize(
    ("text", "model", "ref"),
    [
        ("https://huggingface.co/gpt2/", "gpt2", None),
        ("https://hf.co/org/model", "org/model", None),
        ("HTTPS://HuggingFace.co/org/model", "org/model", None),
        ("https://huggingface.co/org/model/tree/refs/pr/7", "org/model", "refs/pr/7"),
        (f"https://huggingface.co/org/model/commit/{COMMIT}", "org/model", COMMIT),
        ("https://huggingface.co/gpt2/tree/main", "gpt2", "main"),
        ("https://huggingface.co/org/tree", "org/tree", None),
        ("https://huggingface.co/org/model@v1", "org/model", "v1"),
        ("https://api-inference.huggingface.co/pipeline/feature-extraction/org/model", "org/model", None),
        ("https://router.huggingface.co/hf-inference/models/org/model", "org/model", None),
        (
            "https://router.huggingface.co/hf-inference/models/org/model/pipeline/feature-extraction",
            "org/model",
            None,
        ),
        ("hf://org/model@refs%2Fpr%2F3", "org/model", "refs/pr/3"),
    ],
)
def test_pasted_addresses_are_understood(text: str, model: str, ref: str | None) -> None:
    """What a browser's address bar and the old tutorials show."""
    assert parse_reference(text) == ModelReference(model=model, ref=ref)


@pytest.mark.parametrize(
    "text",
    [
        "", "@", "@main", "org/", "/model", "a/b/c", "org/mo del", "org//model", "-org/model", "org/model-",
        ".x", "org/mo--del", "org/mo..del", "org/model.git", "org/" + "m" * 97, "m\u00f6del", "org/model\n",
        "org\\model", "org/model@", "org/model@a b", "org/model@-x", "org/model@/x", "org/model@x/",
        "org/model@a..b", "org/model@a~1", "org/model@a^", "org/model@a:b", "org/model@x.lock",
        "org/model@@{1}", "org/model@@",
        "org/model@" + COMMIT.upper(), "datasets/org", "https://huggingface.co/datasets/org/name",
        "https://huggingface.co/spaces/org/name", "https://huggingface.co/", "https://huggingface.co/org/model?x=1",
        "https://huggingface.co/org/model#x", "https://huggingface.co/org/model/blob/main/config.json",
        "https://huggingface.co/org/model/tree/main@v1", "https://example.com/org/model", "ftp://hf.co/org/model",
        "https://huggingface.co.evil.example/org/model", "https://user@huggingface.co/org/model", "hf://",
        "hf://datasets/org/name", "hf://datasets/name", "hf://org/model/config.json", "org/model:latest",
    ],
)  # fmt: skip
def test_what_is_no_model_is_refused_without_quoting_it(text: str) -> None:
    """Refused with what to write; an address may hold a password."""
    with pytest.raises(ValueError, match=r".+") as caught:
        parse_reference(text)

    assert len(text) < 12 or text not in str(caught.value)


@given(text=st.text(max_size=60) | st.text("ahf:/@.co-%2F", max_size=40))
def test_nothing_but_a_value_error_comes_out(text: str) -> None:
    """Any text is a reference that can be written and read again, or is refused."""
    try:
        reference = parse_reference(text)
    except ValueError:
        return
    assert parse_reference(str(reference)) == reference


@given(commit=st.text("0123456789abcdef", min_size=40, max_size=40), digits=st.integers(0, 40))
def test_a_commit_in_short_stands_for_no_other(commit: str, digits: int) -> None:
    """From as many digits as the Hub takes; fewer may be a branch's name that the commit begins with."""
    assert stands_for(commit[:digits], commit) == (digits >= SHORT_COMMIT)
    if digits:
        other = ("1" if commit[0] == "0" else "0") + commit[1:]
        assert not stands_for(commit[:digits], other)


@pytest.mark.parametrize("ref", ["main", "v1.0", "refs/pr/1", "feature/deadbeef"])
def test_a_branch_stands_for_no_commit(ref: str) -> None:
    """It can be moved."""
    assert not stands_for(ref, COMMIT)


@pytest.mark.parametrize("page", ["blob/main/config.json", "resolve/main/model.safetensors", "discussions/3"])
def test_the_address_of_a_file_is_not_taken_for_a_bad_name(page: str) -> None:
    """What is pasted from a file's page names a repo that there may well be."""
    with pytest.raises(ValueError, match="an address inside a repo; write org/model"):
        parse_reference(f"https://huggingface.co/org/model/{page}")
