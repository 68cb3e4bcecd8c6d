"""Only headers that arrive as they were meant are sent, and no refusal shows a value."""

import http.client
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.errors import ConfigError
from resilient_infer.transport.headers import check_header, lowered

TEXT = st.text(st.characters(max_codepoint=0x17F), max_size=30)


@given(name=TEXT, value=TEXT)
def test_what_passes_is_one_header_on_the_wire_and_arrives_unchanged(name: str, value: str) -> None:
    try:
        check_header(name, value)
    except ConfigError:
        return
    wire = name.encode("ascii") + b": " + value.encode("latin-1") + b"\r\n"

    assert wire.count(b"\r") == wire.count(b"\n") == 1
    assert value == value.strip(" \t")
    parsed = http.client.parse_headers(Lines(wire + b"\r\n"))  # type: ignore[arg-type]  # reads lines only
    assert [key for key, _ in parsed.items()] == [name]


class Lines:
    def __init__(self, wire: bytes) -> None:
        self._lines = iter(re.findall(rb"[^\n]*\n", wire))

    def readline(self, limit: int) -> bytes:
        return next(self._lines, b"")


@given(value=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1))
def test_every_plain_token_passes(value: str) -> None:
    check_header("Authorization", f"Bearer {value}")


@pytest.mark.parametrize(
    "value", ["topsecret\n", "\ttopsecret", "top\r\nX: secret", "top\0secret", "topsecret\x7f", "topsecret…"]
)
def test_a_refusal_names_the_header_and_never_its_value(value: str) -> None:
    with pytest.raises(ConfigError, match="Authorization") as caught:
        check_header("Authorization", value)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "X Y", "X:", "X\r\nY", "Ünicode"])
def test_a_name_that_is_no_token_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="header name"):
        check_header(name, "x")


@pytest.mark.parametrize("name", ["Transfer-Encoding", "transfer-encoding", "Content-Length"])
def test_nobody_but_the_transport_says_where_a_request_ends(name: str) -> None:
    with pytest.raises(ConfigError, match=f"the header {name}"):
        check_header(name, "chunked")


@given(st.lists(st.tuples(st.sampled_from(["A", "a", "B", "b", "C"]), st.text("xy", max_size=2))))
def test_names_are_lowered_and_repeats_joined_in_order(pairs: list[tuple[str, str]]) -> None:
    joined = lowered(pairs)

    for name in {"a", "b", "c"}:
        values = [value for key, value in pairs if key.lower() == name]
        assert joined.get(name) == (", ".join(values) if values else None)
