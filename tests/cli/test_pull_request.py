"""Pull request: a reviewer finds everything, GitHub takes it, and nobody can write into it from a repo."""

from collections.abc import Sequence

from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from resilient_infer.cli.pull_request import HUB, MOST, pull_request_body
from resilient_infer.lock.answers import HubCommit, HubFile
from resilient_infer.lock.diff import FileDiff, diff_locks
from resilient_infer.lock.files import FileClass
from resilient_infer.lock.locked import Contract, Lock, LockedModel, LockEntry
from resilient_infer.lock.relock import Change, Relocked, What
from resilient_infer.lock.update import Updated
from resilient_infer.lock.way import Content, Course, Steps, Way

from .test_markdown import HOSTILE

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
OLD, NEW = "a" * 40, "b" * 40


def pin(revision: str, requested: str, license_: str, labels: tuple[str, ...]) -> LockedModel:
    return LockedModel(
        model="acme/one",
        requested=requested,
        revision=revision,
        license=license_,
        contract=Contract(labels=labels),
        files=f"sha256:{revision}",
    )


def updated(strange: Sequence[str], aliases: int = 1, files: int = 2, commits: int = 2) -> Updated:
    """An update in which everything that strangers can write is strange; eight different texts of it."""
    ref, license_, label, other, path, title, note, stays = strange
    before = pin(OLD, "main", "mit", ("x",))
    after = pin(NEW, f"r{ref}", f"l{license_}", (f"a{label}", f"b{other}"))
    old, new = (
        {
            f"alias{number:04}": LockEntry(alias=f"alias{number:04}", task="t", pins=(each,), file="l.yaml")
            for number in range(aliases)
        }
        for each in (before, after)
    )
    diffs = diff_locks(old, new)
    stretch = diffs[0].pins[0].stretch
    assert stretch is not None
    added = FileDiff(
        path=f"p{path}", kind=FileClass.CODE, before=None, after=HubFile(path="p", size=5, digest="d")
    )
    way = Way(
        steps=Steps(
            course=Course.AHEAD,
            commits=(HubCommit(commit=NEW, at=86_400.0, title=f"t{title}"),) * commits,
        ),
        content=Content(files=(added,) * files, before=1, after=6),
    )
    changes = tuple(Change(alias=alias, what=What.MOVED, pin=after, notes=(f"n{note}",)) for alias in new)
    lock = Lock(version=(1, 0), entries=new, file="l.yaml")
    return Updated(
        relocked=Relocked(lock=lock, changes=changes, faults=()),
        notes=(f"s{stays}",),
        diffs=diffs,
        ways={stretch: way},
    )


def shape(body: str) -> list[tuple[str, str, str]]:
    """What a reader makes of it: each element with its text, but of code spans only that they are there."""
    flat: list[Token] = []
    for token in READER.parse(body):
        flat += [token, *(token.children or ())]
    silent = ("inline", "code_inline")
    return [
        (each.type, str(each.attrGet("href") or ""), "" if each.type in silent else each.content)
        for each in flat
    ]


@settings(max_examples=60)
@given(strange=st.tuples(*[HOSTILE] * 8))
@example(strange=("`",) * 8)
@example(strange=("\n\n</details>\n<script>",) * 8)
def test_nothing_that_strangers_wrote_is_markup(strange: tuple[str, ...]) -> None:
    """The page has the same elements, links and words as one in which all of it is harmless."""
    found = shape(pull_request_body([("lockfiles/models.lock.yaml", updated(strange))]))

    assert found == shape(pull_request_body([("lockfiles/models.lock.yaml", updated(("",) * 8))]))
    assert all(href.startswith(f"{HUB}/acme/one/") for _, href, _ in found if href)
    html = [content for kind, _, content in found if kind.startswith("html")]
    assert html == ["<details><summary>2 files, 2 commits</summary>\n", "</details>\n"]


@settings(max_examples=10)
@given(
    aliases=st.sampled_from([1, 40, 300]),
    files=st.sampled_from([0, 3, 2_000]),
    commits=st.sampled_from([0, 3, 1_000]),
    strange=st.tuples(*[HOSTILE] * 8),
)
def test_github_takes_it_however_much_changed(
    aliases: int, files: int, commits: int, strange: tuple[str, ...]
) -> None:
    """At most 65,536 characters; what is left out is said, and the first aliases are always there."""
    body = pull_request_body([("l.yaml", updated(strange, aliases, files, commits))])

    assert len(body.encode()) <= MOST
    assert f"{aliases} pin" in body
    assert "alias0000" in body
    left_out = f"alias{aliases - 1:04}" not in body
    assert left_out == ("The rest does not fit" in body)
    assert body.count("\n<details><summary>") == body.count("\n</details>\n")


def test_a_reviewer_finds_the_commits_the_files_and_what_they_mean() -> None:
    """From where to where, with links; what differs in words; each file and commit folded up."""
    body = pull_request_body([("l.yaml", updated(("",) * 8))])

    assert body.startswith("1 pin moved.\n")
    for line in (
        "### `alias0000`",
        f"[`{OLD[:12]}`]({HUB}/acme/one/tree/{OLD}) → [`{NEW[:12]}`]({HUB}/acme/one/tree/{NEW})",
        f"([commits]({HUB}/acme/one/commits/{NEW}))",
        "  - +2 commits since 1970-01-02: code (10 B to fetch)",
        "  - license: `mit` → `l`",
        "  - labels: `x` → `a`, `b`",
        "- code `p`: added, 5 B",
        f"- [`{NEW[:12]}`]({HUB}/acme/one/commit/{NEW}) 1970-01-02 `t`",
        "### Not moved\n\n- `s`",
    ):
        assert line in body


def test_of_several_lock_files_each_is_named() -> None:
    """And where nothing moved, that is said."""
    both = pull_request_body([("a.yaml", updated(("",) * 8)), ("b.yaml", updated(("",) * 8))])
    nothing = Updated(relocked=updated(("",) * 8).relocked)

    assert "\n## `a.yaml`\n" in both
    assert "\n## `b.yaml`\n" in both
    assert pull_request_body([("a.yaml", nothing)]) == "No pin moved.\n"
