"""Fuzzing of what reads manifests and locks: bytes, YAML of all sorts, and files that are nearly right."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from resilient_infer.lock.keys import TABLE
from tests.lock.fuzz import fuzz
from tests.lock.samples import FULL, LONG, lock_of, pin

ROOT = Path(__file__).parents[2]

LOCK = lock_of(a=pin("org/a"), b=pin("org/b"))
SAMPLES = (FULL, LONG, LOCK, b"<<<<<<< a\n" + LOCK + b"=======\n" + LOCK + b">>>>>>> b\n")

BITS = st.sampled_from(
    [
        *(
            b"&a ",
            b"*a ",
            b"!!int ",
            b"!t ",
            b"<<: ",
            b"? ",
            b": ",
            b"- ",
            b"[",
            b"]",
            b"{",
            b"}",
            b",",
            b"#",
            b"|\n",
            b">-\n",
        ),
        *(
            b"---\n",
            b"...\n",
            b"%YAML 1.1\n",
            b"%TAG ! x:\n",
            b"<<<<<<< x\n",
            b"=======\n",
            b">>>>>>> x\n",
            b"||||||| x\n",
        ),
        *(
            b"'",
            b'"',
            b"\\",
            b'"\\U00110000"',
            b'"\\ud800"',
            b"\t",
            b"\r",
            b"\n",
            b"\0",
            b"\x85",
            b"\xc2\x85",
            b"\xe2\x80\xa8",
        ),
        *(
            b"\xef\xbb\xbf",
            b"\xff\xfe",
            b"\xed\xa0\x80",
            b"\xf4\x90\x80\x80",
            "é".encode(),
            "\U0001f600".encode(),
        ),
        *(
            b"hf_abcdefghij",
            b"sk-abcdefgh1",
            b"null",
            b"~",
            b"on",
            b"0x1f",
            b"1e9",
            b".inf",
            b"2024-01-01",
            b"1:30",
        ),
        *(
            b'"714eb0fa89d2f80546fda750413ed43d93601a13"',
            b"main",
            b"org/a",
            b"https://huggingface.co/x/y",
            b"$" * 300,
        ),
    ]
)

CHANGES = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 40), BITS | st.binary(max_size=4)), max_size=6)


def changed(text: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    for where, length, bit in changes:
        start = int(where * len(text))
        text = text[:start] + bit + text[start + length :]
    return text


WORDS = st.sampled_from(
    [
        *(key.name for key in TABLE),
        "models",
        "version",
        "lock_version",
        "pins",
        "model",
        "requested",
        "revision",
        "check",
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats()
    | st.text(max_size=6)
    | WORDS
    | st.sampled_from(["1.0", "org/a", "main", "714eb0fa89d2f80546fda750413ed43d93601a13", "hf_abcdefghij"])
)
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=25,
)
FILES = st.fixed_dictionaries(
    {"version": st.just(1) | SCALARS, "models": TREES}, optional={"policy": TREES, "providers": TREES}
)
LOCKS = st.fixed_dictionaries({"lock_version": st.just("1.0") | SCALARS, "models": TREES})


@settings(max_examples=150)
@given(text=st.binary(max_size=200) | st.lists(BITS, max_size=30).map(b"".join))
@example(text=b"%YAML " + b"9" * 5000 + b".1\n---\na: 1\n")
@example(text=b"\xef\xbb\xbf\xef\xbb\xbfa: 1\n")
def test_any_bytes_are_read_or_refused(text: bytes) -> None:
    """Every refusal has a place, can be pickled, and quotes no other error."""
    fuzz(text)


@settings(max_examples=150)
@given(text=st.sampled_from(SAMPLES), changes=CHANGES)
def test_files_that_are_nearly_right_are_read_or_refused(
    text: bytes, changes: list[tuple[float, int, bytes]]
) -> None:
    """Those reach further than any bytes do."""
    fuzz(changed(text, changes))


@settings(max_examples=150)
@given(tree=FILES | LOCKS | TREES, flow=st.booleans(), wide=st.booleans())
def test_any_tree_is_read_or_refused(tree: object, flow: bool, wide: bool) -> None:
    """Our own keys with values of every sort, as other tools write them: tags, anchors, folded lines."""
    fuzz(
        yaml.safe_dump(tree, default_flow_style=flow, allow_unicode=wide, width=20).encode("utf-8", "replace")
    )


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed")
def test_atheris_finds_nothing_either(tmp_path: Path) -> None:
    """Two minutes, guided by the code that is reached; at most 1 s and 1 GiB for an input."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, text in enumerate(SAMPLES):
        (corpus / str(number)).write_bytes(text)
    options = (
        "-max_total_time=120",
        "-timeout=10",
        "-rss_limit_mb=1024",
        f"-artifact_prefix={tmp_path}/",
        "-seed=1",
    )

    ran = subprocess.run(
        [sys.executable, "-m", "tests.lock.fuzz", *options, str(corpus)],
        cwd=ROOT,
        capture_output=True,
        check=False,
        timeout=400,
    )

    assert ran.returncode == 0, ran.stderr.decode(errors="replace")[-3000:]
