"""Markdown: nothing that a stranger wrote is markup."""

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from resilient_infer.cli.markdown import code

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
MARKUP = "`*_[]()<>!@#|\\~&;:/-+=.\n\r\t \"'a1\u202e\u200b"
HOSTILE = st.one_of(
    st.text(alphabet=MARKUP, max_size=60),
    st.text(max_size=60),
    st.sampled_from(["`" * 200, "``` \n# x", "</details>", "![x](http://evil)", "@user", "\\`", "` `", ""]),
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
