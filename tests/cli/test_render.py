"""Render: what goes to a terminal, a pipe and a log."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.cli.render import Ink, ink_of, one_block, show_error, to_json
from resilient_infer.errors import ConfigError, Problem, ResilientInferError

from .test_payload import JSON

TOKEN = "hf_abcdefghijklmnop"


class Screen(io.TextIOWrapper):
    """A terminal, as far as a program can see."""

    def __init__(self, encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(), encoding=encoding)

    def isatty(self) -> bool:
        return True


def _pipe(encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding)


@given(
    value=JSON | st.text(st.characters(codec=None)),
    compact=st.booleans(),
    encoding=st.sampled_from(["utf-8", "ascii", "latin-1", "cp1252"]),
)
def test_json_survives_every_encoding(value: object, compact: bool, encoding: str) -> None:
    """What is printed can be written and reads back as the same value; compact is one line."""
    text = to_json(value, compact=compact, stream=_pipe(encoding))  # type: ignore[arg-type]  # the strategy's type is object

    assert json.loads(text.encode(encoding).decode(encoding)) == value
    assert not (compact and "\n" in text)


@given(text=st.text(st.characters(min_codepoint=0, max_codepoint=0xFF)))
def test_json_holds_nothing_that_a_terminal_obeys(text: str) -> None:
    """A model's answer cannot move the cursor."""
    shown = to_json(text, compact=True, stream=_pipe("utf-8"))

    assert not any(ord(char) < 0x20 or 0x7F <= ord(char) <= 0x9F for char in shown)


@given(text=st.text(), room=st.integers(5, 60), fancy=st.booleans())
def test_shortened_text_fits(text: str, room: int, fancy: bool) -> None:
    """What does not fit loses its middle, never its end; what fits loses nothing."""
    ink = Ink(colour=False, unicode=fancy, width=80)
    shown = ink.fit(text, room)

    assert len(shown) <= room
    assert shown == text if len(text) <= room else shown[-1] == text[-1]


@given(words=st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20)))
def test_wrapped_text_fits_and_loses_no_word(words: list[str]) -> None:
    """Lines are at most as wide as the page."""
    ink = Ink(colour=False, unicode=True, width=60)
    lines = ink.wrap(" ".join(words), first="  name  ", indent=8)

    assert all(len(line) <= 60 for line in lines)
    assert " ".join(lines).split()[1:] == words


@given(text=st.text())
def test_messages_hold_nothing_that_a_terminal_obeys(text: str) -> None:
    """Lines stay lines; everything else is printable."""
    assert all(char.isprintable() or char == "\n" for char in one_block(text))


@pytest.mark.parametrize(
    ("environ", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_colour_is_for_terminals_that_want_it(environ: dict[str, str], coloured: bool) -> None:
    """NO_COLOR, if it is not empty, means no colour (https://no-color.org)."""
    assert ink_of(Screen(), environ=environ).colour is coloured
    assert not ink_of(_pipe("utf-8"), environ=environ).colour
    assert not ink_of(Screen(), plain=True, environ=environ).colour


def test_signs_are_ascii_where_nothing_else_can_be_written() -> None:
    """A console of another encoding gets letters, not an error."""
    for ink in (ink_of(Screen("cp1252"), environ={}), ink_of(Screen(), plain=True, environ={})):
        assert ink.sign("✓", "ok") == "ok"
        assert ink.text("a… × ☃").isascii()


def test_every_problem_and_the_hint_have_their_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A broken file is mended in one go, so all that is wrong with it is said at once."""
    problems = tuple(
        Problem(file="m.yaml", line=line, column=3, path="models.a", what=f"is {TOKEN}") for line in (1, 2)
    )

    show_error(ConfigError("two problems", problems=problems, hint="mend them"))

    assert capsys.readouterr().err.splitlines() == [
        "error: m.yaml:1:3: models.a: is [secret]",
        "error: m.yaml:2:3: models.a: is [secret]",
        " hint: mend them",
    ]


def test_an_error_without_problems_is_its_message(capsys: pytest.CaptureFixture[str]) -> None:
    """One line, and no hint where there is none."""
    show_error(ResilientInferError("it is\x1b[31m so"))

    assert capsys.readouterr().err == "error: it is [31m so\n"
