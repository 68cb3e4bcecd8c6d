"""Markdown: nothing that a stranger wrote is markup."""

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from resilient_infer.cli.markdown import code, plain
from resilient_infer.cli.render import one_line

from .hostile import WORDS

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
MARKUP = "`*_[]()<>!@#|\\~&;:/-+=.\n\r\t \"'a1\u202e\u200b"
HOSTILE = st.one_of(
    st.text(alphabet=MARKUP, max_size=60),
    st.text(max_size=60),
    st.sampled_from(
        ["`" * 200, "``` \n# x", "</details>", "![x](http://evil)", "@user", "12. x", "\\`", "` `", ""]
    ),
)


@given(text=HOSTILE, lead=st.sampled_from(["", "- ", "- x ", "# ", "see "]))
def test_it_is_one_code_span_wherever_it_stands(text: str, lead: str) -> None:
    """At the beginning of a line, in a list, after words: one span, and nothing else is there."""
    tokens = READER.parse(f"{lead}{code(text)} end")

    (inline,) = [token for token in tokens if token.type == "inline"]
    assert inline.children is not None
    kinds = [child.type for child in inline.children]
    assert kinds in (["code_inline", "text"], ["text", "code_inline", "text"])
    assert not any(token.type in ("html_block", "fence", "code_block") for token in tokens)


@given(text=HOSTILE, most=st.integers(2, 80))
def test_it_is_one_line_of_bounded_length(text: str, most: int) -> None:
    """A long title is cut, and the cut is seen."""
    span = code(text, most=most)

    assert "\n" not in span
    assert span.isprintable()
    assert len(span) <= most + 2


def test_secrets_are_not_repeated() -> None:
    """Somebody may have written one into a commit's title."""
    assert "abcdefgh" not in code("token hf_abcdefghijklmnopqrstuvwxyz012345")


@example(text="<div", lead="")
@example(text="<?x", lead="")
@example(text="12. x", lead="")
@example(text="- x", lead="- ")
@given(text=HOSTILE | WORDS, lead=st.sampled_from(["", "- ", "- x ", "# ", "see "]))
def test_a_sentence_is_nothing_but_its_own_letters(text: str, lead: str) -> None:
    """Wherever it stands: read back, it is what was said, and no link, mention or list of its own."""
    (inline,) = [token for token in READER.parse(f"{lead}{plain(text)} end") if token.type == "inline"]

    assert {child.type for child in inline.children or ()} <= {"text", "text_special"}
    shown = "".join(child.content for child in inline.children or ())
    assert shown.split() == f"{lead.lstrip('-# ')}{one_line(text).strip()} end".split()
    assert "://" not in plain(text)
    assert "@" not in plain(text)
