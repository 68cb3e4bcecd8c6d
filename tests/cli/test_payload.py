"""Payload: what is typed, piped or stored, and what of it is sent."""

import io
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.cli.payload import MAX_BYTES, read_file, read_payload
from resilient_infer.core.payload import PayloadInput
from resilient_infer.errors import PayloadRefused

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=10,
)


@contextmanager
def _stdin(body: bytes) -> Iterator[None]:
    kept, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(body))
    try:
        yield
    finally:
        sys.stdin = kept


def _read(argument: str) -> tuple[PayloadInput | None, PayloadRefused | None]:
    try:
        return read_payload(argument, as_text=False), None
    except PayloadRefused as refused:
        return None, refused


@given(
    value=JSON.filter(lambda value: isinstance(value, dict | list | str)), indent=st.sampled_from([None, 2])
)
def test_json_is_read_as_json(value: object, indent: int | None) -> None:
    """Objects, arrays and strings written as JSON arrive as what they say, by argument and by stdin."""
    text = json.dumps(value, indent=indent)

    assert read_payload(text, as_text=False) == value
    with _stdin(text.encode()):
        assert read_payload("-", as_text=False) == value


@given(text=st.text().filter(lambda text: text.lstrip()[:1] not in ("{", "[", '"') and text[:1] != "@"))
def test_what_does_not_begin_like_json_is_sent_as_it_stands(text: str) -> None:
    """Plain text needs no quoting; nothing of it is lost."""
    if text != "-":
        assert read_payload(text, as_text=False) == text


@given(text=st.text(min_size=1))
def test_text_is_taken_literally_on_request(text: str) -> None:
    """With --text nothing has a meaning: no JSON, no @file, no -."""
    assert read_payload(text, as_text=True) == text


@given(body=st.binary(), name=st.sampled_from(["review.txt", "payload.json"]))
def test_any_file_is_a_payload_or_a_refusal(body: bytes, name: str) -> None:
    """Whatever a file holds, it is read or refused by name; nothing else is raised."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(body)
        payload, refused = _read(f"@{path}")

    if refused is None:
        assert isinstance(payload, str | list | dict)
    else:
        assert name in refused.message
        assert refused.hint


@pytest.mark.parametrize(
    ("typed", "payload"),
    [
        ("42", "42"),
        ("true", "true"),
        ('"quoted"', "quoted"),
        ('"Fine," she said', '"Fine," she said'),
        ("  spaced ", "  spaced "),
        ("", ""),
        ('["a", "b"]', ["a", "b"]),
    ],
)
def test_spellings(typed: str, payload: object) -> None:
    """A sentence may begin with a quotation; a number is text."""
    assert read_payload(typed, as_text=False) == payload


@pytest.mark.parametrize(
    ("body", "payload"),
    [
        (b"I love it\n", "I love it"),
        (b"I love it\r\n", "I love it"),
        (b"two\nlines\n\n", "two\nlines\n"),
        (b"\xef\xbb\xbf[1]", [1]),
        ("größer".encode(), "größer"),
    ],
)
def test_stdin_loses_its_last_newline_and_no_more(body: bytes, payload: object) -> None:
    """The newline that ends a text file is no part of the text; a byte order mark is none either."""
    for argument in ("-", None):
        with _stdin(body):
            assert read_payload(argument, as_text=False) == payload


@pytest.mark.parametrize(
    ("body", "name", "what"),
    [
        (b'{"inputs": ', "p.txt", "is not JSON: Expecting value at line 1, column 12"),
        (b"nothing", "p.json", "is not JSON"),
        (b'"open', "p.json", "is not JSON"),
        (b"42", "p.json", "is no payload: it holds 42"),
        (b"[" * 100_000, "p.txt", "nested too deeply"),
        (b"[" + b"9" * 5000 + b"]", "p.txt", "a number is too long"),
        (b"caf\xe9", "p.txt", "is not UTF-8: byte 4 is 0xe9"),
    ],
)
def test_a_bad_file_is_refused_with_the_reason(tmp_path: Path, body: bytes, name: str, what: str) -> None:
    """Broken JSON is never sent as if it were a sentence."""
    path = tmp_path / name
    path.write_bytes(body)

    with pytest.raises(PayloadRefused) as caught:
        read_payload(f"@{path}", as_text=False)

    assert str(path) in caught.value.message
    assert what in caught.value.message


@pytest.mark.parametrize("name", ["missing.txt", ".", "nul\0byte"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    """A missing file, a folder, an impossible name."""
    with pytest.raises(PayloadRefused, match="cannot be read") as caught:
        read_payload(f"@{tmp_path}/{name}", as_text=False)

    assert "--text" in caught.value.hint


def test_an_endless_file_is_not_read_to_its_end() -> None:
    """More than is sensible is refused, not collected."""
    with pytest.raises(PayloadRefused, match=f"larger than {MAX_BYTES >> 20} MiB"):
        read_payload("@/dev/zero", as_text=False)


@pytest.mark.parametrize("argument", ["-", None])
def test_an_empty_stdin_is_a_usage_error(argument: str | None) -> None:
    """A pipe that brought nothing has failed; to send no text, say ''."""
    with _stdin(b""), pytest.raises(click.UsageError, match="standard input is empty"):
        read_payload(argument, as_text=False)


def test_an_at_sign_alone_is_a_usage_error() -> None:
    """@ names a file."""
    with pytest.raises(click.UsageError, match="name of a file"):
        read_payload("@", as_text=False)


def test_nobody_is_made_to_type_a_payload(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without PAYLOAD a terminal is not read, which would look like a hang."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stdin in (Terminal(), None):
        monkeypatch.setattr(sys, "stdin", stdin)
        with pytest.raises(click.UsageError, match="give PAYLOAD"):
            read_payload(None, as_text=False)


@given(body=st.binary(min_size=1))
def test_the_bytes_of_a_file_arrive_as_they_are(body: bytes) -> None:
    """Nothing of a picture is decoded, stripped or read as JSON, whatever it begins with."""
    for argument in ("-", None):
        with _stdin(body):
            assert read_file(argument, "image-classification", as_text=False) == body


@pytest.mark.parametrize("name", ["picture.png", "folder/picture.json", "a name.wav", "@twice"])
def test_a_file_is_handed_on_by_its_path(name: str) -> None:
    """Reading it, and what is wrong with it, is for the call."""
    assert read_file(f"@{name}", "image-classification", as_text=False) == Path(name)


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("s.png", "write @s.png"),
        ("folder/s.png", "write @folder/s.png"),
        ("https://example.com/s.png", "curl"),
        ('{"inputs": "s.png"}', "@picture.png"),
        ("a picture of a cat", "@picture.png"),
        ("", "@picture.png"),
    ],
)
def test_text_for_a_task_that_takes_a_file_is_told_how_the_shell_names_files(typed: str, hint: str) -> None:
    """The hint can be typed as it stands; it speaks of no Python."""
    with pytest.raises(PayloadRefused, match="takes a file") as caught:
        read_file(typed, "image-classification", as_text=False)

    assert hint in caught.value.hint
    assert "Path" not in caught.value.hint


def test_no_file_is_a_usage_error() -> None:
    """An empty pipe, @ alone, and --text for what is no text."""
    with _stdin(b""), pytest.raises(click.UsageError, match="standard input is empty"):
        read_file("-", "image-classification", as_text=False)
    with pytest.raises(click.UsageError, match="name of a file"):
        read_file("@", "image-classification", as_text=False)
    with pytest.raises(click.UsageError, match="takes a file"):
        read_file("@s.png", "image-classification", as_text=True)
