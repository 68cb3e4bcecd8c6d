"""Inserting: one line more, and everything people wrote as they wrote it."""

import difflib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resilient_infer.errors import ConfigError
from resilient_infer.lock.insert import first_manifest, with_alias
from resilient_infer.lock.manifest import parse_manifest
from resilient_infer.lock.nodes import MappingNode
from resilient_infer.lock.reader import read_yaml
from tests.lock import locks as made
from tests.lock.samples import FULL


def refused(text: str, alias: str = "new", reference: str = "org/model") -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        with_alias(text.encode(), alias, reference, file="m.yaml")
    return caught.value


PLACES = {
    "between, as the aliases are sorted": (
        "models:\n  a: o/a\n  z: o/z\n",
        "models:\n  a: o/a\n  NEW\n  z: o/z\n",
    ),
    "first": ("models:\n  p: o/p\n  z: o/z\n", "models:\n  NEW\n  p: o/p\n  z: o/z\n"),
    "last": ("models:\n  a: o/a\n  b: o/b\n", "models:\n  a: o/a\n  b: o/b\n  NEW\n"),
    "at the end, as they are not sorted": (
        "models:\n  z: o/z\n  a: o/a\n",
        "models:\n  z: o/z\n  a: o/a\n  NEW\n",
    ),
    "above the comment of the next alias": (
        "models:\n  a: o/a\n\n  # of z\n  # more\n  z: o/z\n",
        "models:\n  a: o/a\n\n  NEW\n  # of z\n  # more\n  z: o/z\n",
    ),
    "below what an alias says": (
        "models:\n  a:\n    targets:\n      - {model: o/a}  # so\n    # deep\n  z: o/z\n",
        "models:\n  a:\n    targets:\n      - {model: o/a}  # so\n    # deep\n  NEW\n  z: o/z\n",
    ),
    "above what follows models": (
        "models:\n  a: o/a\n  # b: o/b\n\n# the rest\nenvironments: {}\n",
        "models:\n  a: o/a\n  # b: o/b\n  NEW\n\n# the rest\nenvironments: {}\n",
    ),
    "before the blank lines of the end": ("models:\n  a: o/a\n\n\n", "models:\n  a: o/a\n  NEW\n\n\n"),
    "before the end of the document": (
        "---\nmodels:\n  a: o/a\n...\n",
        "---\nmodels:\n  a: o/a\n  NEW\n...\n",
    ),
    "under a key that holds nothing": (
        "models:  # none\nversion: 1\n",
        "models:  # none\n  NEW\nversion: 1\n",
    ),
    "with the indentation of the others": ("models:\n     a: o/a\n", "models:\n     a: o/a\n     NEW\n"),
    "with the line ends of the others": ("models:\r\n  a: o/a\r\n", "models:\r\n  a: o/a\r\n  NEW\r\n"),
    "with no end of the last line": ("models:\r\n  a: o/a", "models:\r\n  a: o/a\r\n  NEW"),
    "with no end of the only line": ("models:", "models:\n  NEW"),
    "behind a byte order mark": ("\ufeffmodels:\n  a: o/a\n", "\ufeffmodels:\n  a: o/a\n  NEW\n"),
    "beside keys in quotes": (
        "models:\n  \"a\": o/a\n  'z': o/z\n",
        "models:\n  \"a\": o/a\n  NEW\n  'z': o/z\n",
    ),
    "after text of several lines": (
        "models:\n  a: |\n    # x\n  z: y\n",
        "models:\n  a: |\n    # x\n  NEW\n  z: y\n",
    ),
    "where braces held nothing": ("models: {}  # none\nversion: 1\n", "models:  # none\n  NEW\nversion: 1\n"),
    "where braces ended the file": ("version: 1\nmodels: { }", "version: 1\nmodels:\n  NEW"),
}


@pytest.mark.parametrize(("before", "after"), PLACES.values(), ids=PLACES.keys())
def test_the_line_stands_where_a_careful_person_puts_it(before: str, after: str) -> None:
    """In sorted order if there is one, and comments stay with what they are about."""
    text = with_alias(before.encode(), "new", "org/model@v1")

    assert text.decode() == after.replace("NEW", "new: org/model@v1")


BY_HAND = {
    "flow style": ("models: {a: o/a}\n", 1),
    "flow style in several lines": ("version: 1\nmodels:\n  {a: o/a,\n   b: o/b}\n", 2),
    "all in flow style": ("{version: 1, models: }\n", 1),
    "all of it empty, in flow style": ("{version: 1, models: {}}\n", 1),
    "empty braces on a line of their own": ("models:\n  {}\n", 1),
    "question marks": ("models:\n  ? a\n  : o/a\n", 1),
    "a list": ("models: [o/a]\n", 1),
    "a word": ("models: none\n", 1),
    "an empty word": ('models: ""\n', 1),
    "no models": ("version: 1\n", 0),
    "text that takes the blank lines below it": ("models:\n  a: |+\n    x\n\nversion: 1\n", 1),
    "what looks like a comment and is text": ('models:\n  a: "x\n  # y"\n  z: o/z\n', 1),
}


@pytest.mark.parametrize(("text", "line"), BY_HAND.values(), ids=BY_HAND.keys())
def test_what_cannot_be_edited_safely_is_left_to_people(text: str, line: int) -> None:
    """The message has the line to add, so that it is still one step."""
    error = refused(text)

    (problem,) = error.problems
    assert "by hand: new: org/model" in problem.what
    assert problem.line == line


def test_an_alias_that_is_there_is_named_with_its_line() -> None:
    """Even where it could not be added."""
    for text in ("version: 1\nmodels:\n  new: o/n\n", "version: 1\nmodels: {\n  new: o/n}\n"):
        error = refused(text)
        assert error.problems[0].line == 3
        assert "m.yaml:3:3: models.new: this alias is there already" in str(error)


WRONG = {
    "an alias that is no name": ("New", "org/model", "cannot be an alias"),
    "an alias of two lines": ("a\nb", "org/model", "cannot be an alias"),
    "a reference that is none": ("new", "not a model", "new: no Hub repo"),
    "a commit in capitals": ("new", "org/model@" + "A" * 40, "lower case"),
    "a token": ("new", "org/hf_abcdefghijklmnop", "access token"),
}


@pytest.mark.parametrize(("alias", "reference", "what"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_argument_is_told_and_no_secret_is(alias: str, reference: str, what: str) -> None:
    """Nothing is written that could not be read."""
    error = refused("models:\n  a: o/a\n", alias, reference)

    assert what in str(error)
    assert "hf_abc" not in str(error)


def test_a_text_that_cannot_be_read_is_told_as_everywhere() -> None:
    """With the place of the fault."""
    assert refused("models:\n  a: *x\n").problems[0].line == 2


def test_a_pasted_address_is_written_as_a_reference() -> None:
    """As people copy it from a browser."""
    text = with_alias(b"models:\n", "new", "https://huggingface.co/org/model/tree/refs%2Fpr%2F3")

    assert text == b"models:\n  new: org/model@refs/pr/3\n"


def test_the_first_manifest_can_be_read_and_added_to() -> None:
    """A folder without one gets a header, a version and the alias."""
    text = first_manifest("gpt2", "openai-community/gpt2@main")

    assert text.decode().splitlines()[1:] == ["version: 1", "models:", "  gpt2: openai-community/gpt2@main"]
    manifest = parse_manifest(with_alias(text, "bert", "google-bert/bert-base-uncased"), "m.yaml", None)
    assert list(manifest.aliases) == ["bert", "gpt2"]
    with pytest.raises(ConfigError, match="cannot be an alias"):
        first_manifest("No", "a/b")


refs = made.words.filter(lambda ref: not ref.startswith("@"))
references = st.one_of(made.repos, st.builds("{}@{}".format, made.repos, refs))


@given(alias=made.aliases, reference=references)
def test_what_is_written_is_what_was_asked_for(alias: str, reference: str) -> None:
    """Aliases, repos and refs that look like numbers, words or marks: read back as they are, or refused."""
    try:
        text = first_manifest(alias, reference)
        assert text.splitlines()[-1] == with_alias(b"models:\n", alias, reference).splitlines()[-1]
    except ConfigError:
        return
    (target,) = parse_manifest(text, "m.yaml", None).aliases[alias].targets

    assert (f"{target.model}@{target.ref}" if target.ref else target.model) == reference


comments = st.sampled_from(["", "  # why", "  # über: x", "   #"])
values = st.sampled_from(
    ["o/m", '"o/m@v1"', "'o/m'", "{task: chat, targets: [{model: o/m}]}", "DEEP", "TEXT"]
)
gaps = st.lists(st.sampled_from(["", "# low", "INDENT# level", "INDENT  # deep"]), max_size=2)


@st.composite
def manifests(draw: st.DrawFn) -> str:
    """Manifests in many hands: any order, indentation, comments, blank lines, line ends and neighbours."""
    indent = " " * draw(st.integers(1, 5))
    lines = ["# top", "version: 1"] if draw(st.booleans()) else []
    lines += draw(st.sampled_from([[], ["policy:", "  retries: 1"], ["providers: {}", ""]]))
    lines.append("models:" + draw(comments))
    for name in draw(st.lists(st.sampled_from(["a", "b.c", '"1"', "'no'", "m-n", "x", "zz"]), unique=True)):
        lines += [gap.replace("INDENT", indent) for gap in draw(gaps)]
        value = draw(values)
        if value == "DEEP":
            lines += [
                f"{indent}{name}:",
                f"{indent} task: chat",
                f"{indent} targets:",
                f"{indent}   - model: o/m",
            ]
        elif value == "TEXT":
            lines += [f"{indent}{name}: >-", f"{indent}  folded", "", f"{indent}  # text"]
        else:
            lines.append(f"{indent}{name}: {value}" + draw(comments))
    lines += [gap.replace("INDENT", indent) for gap in draw(gaps)]
    lines += draw(st.sampled_from([[], ["environments: {}"], ["# end", "environments:", "  e: {}"]]))
    ending = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    text = ending.join(lines) + draw(st.sampled_from(["", ending, ending * 3]))
    return draw(st.sampled_from(["", "\ufeff"])) + text


def alias_names(text: bytes) -> list[str]:
    (models,) = (value for key, value in read_yaml(text, "m.yaml").items if key.text == "models")
    return [key.text for key, _ in models.items] if isinstance(models, MappingNode) else []


@settings(max_examples=200)
@given(text=manifests(), alias=st.sampled_from(["0", "c", "new", "zzz", "on", "b.c"]))
def test_only_a_line_is_added_whatever_the_style(text: str, alias: str) -> None:
    """The other aliases are unchanged, and so is every line of the old file."""
    raw = text.encode()
    if alias in alias_names(raw):
        with pytest.raises(ConfigError, match="already"):
            with_alias(raw, alias, "org/model@v1")
        return
    result = with_alias(raw, alias, "org/model@v1")

    before, after = text.splitlines(keepends=True), result.decode().splitlines(keepends=True)
    blocks = difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    changes = [(tag, after[low:high]) for tag, _, _, low, high in blocks if tag != "equal"]
    if before[-1].endswith(("\n", "\r")):
        ((tag, (line,)),) = changes
        assert tag == "insert"
        assert line.strip().replace('"', "") == f"{alias}: org/model@v1"
    else:
        assert len(after) == len(before) + 1
        assert "".join(after).startswith("".join(before)) or changes[0][0] == "insert"
    names = alias_names(result)
    others = [name for name in names if name != alias]
    assert others == alias_names(raw)
    assert names == sorted(names) or others != sorted(others)


@given(text=st.binary(max_size=60).map(lambda tail: FULL[:400] + tail))
def test_nothing_but_a_config_error_comes_out(text: bytes) -> None:
    """Whatever the file holds, it is added to or refused."""
    try:
        outcome: bytes | ConfigError = with_alias(text, "new", "org/model")
    except ConfigError as error:
        outcome = error
    assert str(outcome) if isinstance(outcome, ConfigError) else b"new: org/model" in outcome


def test_a_full_manifest_says_the_same_as_before() -> None:
    """The alias is the only difference to whoever uses the manifest."""
    text = with_alias(FULL, "vit", "google/vit")

    before, after = (parse_manifest(raw, "m.yaml", "prod") for raw in (FULL, text))
    assert set(after.aliases) - set(before.aliases) == {"vit"}
    assert after.providers == before.providers
    assert text.replace(b"  vit: google/vit\n", b"") == FULL
