"""Detail: every line of a difference fits its terminal and holds nothing that a terminal would obey."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from resilient_infer.cli.detail import detail_lines
from resilient_infer.cli.render import Ink
from resilient_infer.lock.answers import HubCommit, HubFile
from resilient_infer.lock.diff import FileDiff, diff_entries
from resilient_infer.lock.files import FileClass
from resilient_infer.lock.locked import LockEntry
from resilient_infer.lock.way import Content, Course, Steps, Way

from .test_pull_request import NEW, OLD, pin

HOSTILE = st.text(alphabet="ab\x1b\x07\x9b\r\n\t\u202e[31m ", max_size=80)


def lines_of(text: str, width: int | None, files: int = 1, commits: int = 1) -> list[str]:
    """A difference in which all that strangers write is `text`, as far as a lock may hold it."""
    before = LockEntry(alias="a", task="t", pins=(pin(OLD, "main", "mit", ("x",)),), file="l")
    label = f"b{text.replace(chr(10), '').replace(chr(13), '')}"
    after = replace(before, pins=(pin(NEW, "main", "l", (label,)),))
    diff = diff_entries("a", before, after)
    assert diff is not None
    stretch = diff.pins[0].stretch
    assert stretch is not None
    digest = f"sha256:{'0' * 64}"
    old, new = (HubFile(path="p", size=size, digest=digest) for size in (10**8, 10**10))
    file = FileDiff(path=f"p{text}", kind=FileClass.CHAT_TEMPLATE, before=old, after=new)
    commit = HubCommit(commit=NEW, at=0.0, title=f"t{text}")
    way = Way(
        steps=Steps(course=Course.AHEAD, commits=(commit,) * commits),
        content=Content(files=(file,) * files, before=1, after=2),
    )
    ink = Ink(colour=False, unicode=True, width=width)
    return list(detail_lines(diff, {stretch: way}, ink))


@settings(max_examples=60)
@given(text=HOSTILE, width=st.sampled_from([None, 80, 120]))
def test_nothing_that_strangers_wrote_moves_the_cursor(text: str, width: int | None) -> None:
    """One line stays one line."""
    assert all(line.isprintable() for line in lines_of(text, width))


def test_files_and_commits_fit_into_eighty_columns() -> None:
    """However long their names."""
    lines = [line for line in lines_of("x" * 300, 80) if "labels" not in line and "bxxx" not in line]

    assert max(map(len, lines)) <= 80


def test_a_long_list_is_cut_and_says_so() -> None:
    """A repo may have thousands of files."""
    lines = lines_of("", None, files=2_000, commits=500)

    assert len(lines) < 300
    assert "      and 1,800 files more" in lines
    assert "      and 480 commits more" in lines
