"""Files: one digest of a tree, and the class of each change."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.lock.answers import HubFile
from resilient_infer.lock.files import FileClass, changed_classes, class_of, files_digest

digests = st.builds("git:{:040x}".format, st.integers(0, 3)) | st.builds(
    "sha256:{:064x}".format, st.integers(0, 3)
)
trees = st.lists(
    st.builds(HubFile, path=st.text(max_size=6), size=st.none() | st.integers(0, 9), digest=digests),
    unique_by=lambda file: file.path,
    max_size=5,
)


def test_the_digest_is_the_one_of_the_document() -> None:
    """sha256 over sorted lines `path NUL size NUL sha256-or-git-oid LF`."""
    tree = [
        HubFile(path="b.safetensors", size=7, digest="sha256:" + "a" * 64),
        HubFile(path="Ü/a.json", size=12, digest="git:" + "b" * 40),
        HubFile(path="B", size=0, digest="git:" + "c" * 40),
    ]
    lines = b"B\x000\x00" + b"c" * 40 + b"\nb.safetensors\x007\x00" + b"a" * 64 + b"\n"
    lines += "Ü/a.json".encode() + b"\x0012\x00" + b"b" * 40 + b"\n"

    assert files_digest(tree) == "sha256:" + hashlib.sha256(lines).hexdigest()


def test_a_path_that_is_no_unicode_has_a_digest_too() -> None:
    """JSON can say half a character; git knows only bytes."""
    tree = [HubFile(path=path, size=1, digest="git:" + "a" * 40) for path in ("\ud800", "a")]

    assert files_digest(tree) != files_digest(tree[1:])


@given(tree=trees, other=trees, order=st.randoms())
def test_equal_digests_are_equal_trees(tree: list[HubFile], other: list[HubFile], order: object) -> None:
    """The order of the listing does not matter, and everything else does."""
    shuffled = sorted(tree, key=lambda file: hash((id(order), file.path)))

    assert files_digest(tree) == files_digest(shuffled)

    def by_path(file: HubFile) -> str:
        return file.path

    same = sorted(tree, key=by_path) == sorted(other, key=by_path)
    assert (files_digest(tree) == files_digest(other)) is same


@pytest.mark.parametrize(
    ("kind", "paths"),
    [
        (
            FileClass.DOCUMENTS,
            "README.md LICENSE LICENSE.txt NOTICE .gitattributes docs/usage.md map.jpeg .gitignore",
        ),
        (
            FileClass.WEIGHTS,
            "model.safetensors pytorch_model.bin b.gguf model.safetensors.index.json a.ot license.bin",
        ),
        (
            FileClass.TOKENIZER,
            "tokenizer.json tokenizer_config.json vocab.txt special_tokens_map.json added_tokens.json",
        ),
        (
            FileClass.TOKENIZER,
            "merges.txt spiece.model tokenizer.model tekken.json tiktoken/x.tiktoken",
        ),
        (
            FileClass.CHAT_TEMPLATE,
            "chat_template.jinja additional_chat_templates/x.jinja chat_template.json",
        ),
        (
            FileClass.CONFIG,
            "config.json generation_config.json 1_Pooling/config.json strange x.yaml license.json",
        ),
        (FileClass.CODE, "modeling_x.py tokenization_x.py run.sh kernels/a.cu"),
    ],
)
def test_each_file_has_a_class(kind: FileClass, paths: str) -> None:
    """By its name alone; what nobody knows counts as config."""
    assert {path: class_of(path) for path in paths.split()} == dict.fromkeys(paths.split(), kind)


def test_changes_are_named_by_class() -> None:
    """Added, removed and changed files alike; what stays the same is not named."""
    before = [
        HubFile(path=path, size=1, digest="git:" + "a" * 40)
        for path in ("README.md", "config.json", "tokenizer.json", "old.py")
    ]
    after = [
        HubFile(path="README.md", size=1, digest="git:" + "b" * 40),
        *before[1:3],
        HubFile(path="model.safetensors", size=1, digest="sha256:" + "b" * 64),
    ]

    assert changed_classes(before, after) == (FileClass.DOCUMENTS, FileClass.WEIGHTS, FileClass.CODE)
    assert changed_classes(after, before) == changed_classes(before, after)
    assert changed_classes(before, before) == ()
