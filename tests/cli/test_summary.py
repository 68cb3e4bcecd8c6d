"""Summary: a page that says what the result says, and obeys nothing in it."""

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from resilient_infer.cli.render import one_line
from resilient_infer.cli.summary import LARGEST, cut, summary
from resilient_infer.cli.verified import Verified
from resilient_infer.lock.findings import Level
from resilient_infer.lock.lockfile import LockedModel
from resilient_infer.lock.verify import Row

from .hostile import SECRETS, VERIFIED, WORDS, a_finding


def rendered(page: str) -> list[tuple[str, str]]:
    """The page's tokens with their text, as a reader of GitHub's dialect sees them."""
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    tokens = reader.parse(page)
    flat = [child for token in tokens for child in (token, *(token.children or ()))]
    return [(token.type, token.content) for token in flat]


def cells(page: str) -> list[str]:
    """The text of each inline run, entities and escapes read back."""
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    return [
        "".join(child.content for child in token.children or ())
        for token in reader.parse(page)
        if token.type == "inline"
    ]


@given(done=VERIFIED)
def test_nothing_that_was_found_is_markup(done: Verified) -> None:
    """No link, image, code, HTML, heading or list but ours; no token, no control character."""
    page = summary(done)

    assert not any(secret in page for secret in SECRETS)
    assert all(char.isprintable() or char == "\n" for char in page)
    kinds = {kind.removesuffix("_open").removesuffix("_close") for kind, _ in rendered(page)}
    block = {"heading", "paragraph", "inline", "text", "strong", "table", "thead", "tbody", "tr", "th", "td"}
    assert kinds <= block | {"bullet_list", "list_item", "text_special", "softbreak"}
    assert page.count("\n## ") + page.startswith("## ") == 1
    assert "://" not in page
    assert "@" not in page


@given(text=WORDS)
def test_what_is_shown_is_what_was_said(text: str) -> None:
    """Escaped and read back, a cell has the message of the finding, in one line."""
    page = summary(Verified(findings=(a_finding(message=text),)))

    shown = cells(page)
    assert " ".join(one_line(f"a: {text}").split()) in [" ".join(cell.split()) for cell in shown]
    assert len(shown) == 1 + 4 + 4 + 1


def test_a_page_has_the_worst_first_and_each_pin() -> None:
    """With marks that can be seen from afar."""
    pin = LockedModel(model="org/x", requested="main", revision="a" * 40)
    findings = (a_finding("RI302"), a_finding("RI104", level=Level.ERROR))
    row = Row(alias="a", pin=pin, branch=None, findings=findings)

    lines = summary(Verified(rows=(row,), findings=findings, code=1, elapsed=0.9, requests=3)).splitlines()

    assert lines[0] == "## resilient-infer verify: 1 pin: 1 error"
    assert lines[4].startswith(
        "| ❌ error RI104, **security**: other content at the locked commit | lockfiles/"
    )
    assert lines[5].startswith("| ℹ️ info RI302: ")
    assert lines[9] == "| ❌ error | a | org/x | aaaaaaaaaaaa | main |"
    assert lines[-1] == "Exit code 1, 900 ms, 3 requests"


@given(lines=st.lists(st.text(max_size=30), max_size=40), room=st.integers(-10, 400))
def test_a_page_is_cut_at_a_line_and_says_so(lines: list[str], room: int) -> None:
    """What does not fit is left out by whole lines; there is never more than there is room for."""
    text = "".join(f"{line}\n" for line in lines)

    short = cut(text, room)

    assert len(short.encode()) <= max(0, room)
    if short != text:
        assert "cut" in short or not short
        assert text.startswith(short.rpartition("\n*cut")[0])


def test_a_page_of_many_findings_fits() -> None:
    """GitHub refuses all of a page that is longer than 1 MiB."""
    page = summary(Verified(findings=(a_finding(message="x" * 900),) * 2000))

    assert len(page.encode()) > LARGEST >= len(cut(page).encode()) > LARGEST - 2000
    assert cut(page).endswith("\n*cut here: the rest is in the log of the step*\n")
