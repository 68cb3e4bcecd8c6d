"""The strict reader: what it refuses, where, and that nothing else ever comes out of it."""

import pickle
import subprocess
import sys

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from resilient_infer.errors import ConfigError
from resilient_infer.lock.nodes import MappingNode, Node, ScalarNode, SequenceNode
from resilient_infer.lock.reader import MAX_BYTES, MERGE_BY_LOCK, Parser, read_yaml
from resilient_infer.lock.tree import MAX_DEPTH, MAX_NODES
from tests.lock.samples import FULL, PARSERS

both = pytest.mark.parametrize("parser", PARSERS)


def refusal(text: bytes, parser: Parser) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read_yaml(text, "f.yaml", parser=parser)
    return caught.value


def test_libyaml_is_here_so_that_both_parsers_are_tested() -> None:
    """Without it the tests of the "c" parser would silently test the pure one twice."""
    assert yaml.__with_libyaml__


TRAPS = {
    "an anchor": (b"a: &x 1\n", 1, 4, "anchor"),
    "an anchor on a mapping": (b"a: &x {b: 1}\n", 1, 4, "anchor"),
    "an alias": (b"a: &x 1\nb: *x\n", 2, 4, "alias"),
    "an alias as a key": (b"a: &x 1\n*x : 2\n", 2, 1, "alias"),
    "a tag": (b"a: !!int 1\n", 1, 4, "tag"),
    "a tag on a list": (b"a: !!python/tuple [1]\n", 1, 4, "tag"),
    "a tag directive": (b"%TAG !e! tag:x,2000:\n---\na: 1\n", 1, 1, "%TAG"),
    "a merge key": (b"a: {b: 1}\nc:\n  <<: {d: 1}\n", 3, 3, "<<"),
    "a key twice": (b"a: 1\nb: 2\na: 3\n", 3, 1, "first at line 1"),
    "a key twice in one line": (b"a: {b: 1, c: 2, 'b': 3}\n", 1, 17, "first at line 1"),
    "a list as a key": (b"? [a, b]\n: 1\n", 1, 3, "key"),
    "a mapping as a key": (b"{a: 1}: 2\n", 1, 1, "key"),
    "a second document": (b"a: 1\n---\nb: 2\n", 2, 1, "second document"),
    "not UTF-8": (b"a: 1\nb: caf\xe9\n", 2, 7, "UTF-8"),
    "UTF-16": ("a: 1\n".encode("utf-16"), 1, 1, "UTF-8"),
    "a lone surrogate": (b"a: \xed\xa0\x80\n", 1, 4, "UTF-8"),
    "a control character": (b"a: 1\nb: x\x1by\n", 2, 5, "U+001B"),
    "a NUL": (b"a: 1\x00\n", 1, 5, "U+0000"),
    "a text direction override": ("a: x\u202ey\n".encode(), 1, 5, "U+202E"),
    "a control character by escape": (b'a: "x\\x07"\n', 1, 4, "U+0007"),
    "a list as root": (b"- a\n", 1, 1, "a list"),
    "a value as root": (b"a\n", 1, 1, "a single value"),
    "no root": (b"# nothing\n", 0, 0, "nothing"),
    "a merge conflict": (
        b"a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> x\n",
        2,
        1,
        "resilient-infer lock",
    ),
    "the end of a merge conflict": (b"a: 1\r\n=======\r\nb: 2\r\n", 2, 1, "merge conflict"),
    "a tab that indents": (b"a:\n\tb: 1\n", 2, 1, "no YAML: a tab stands here; use spaces"),
    "a tab that indents after spaces": (b"a:\r\n  \tb: 1\r\n", 2, 3, "a tab stands here"),
    "an unclosed bracket": (b"a: [1\nb: 2\n", 2, 2, "no YAML"),
}


@both
@pytest.mark.parametrize(("text", "line", "column", "what"), TRAPS.values(), ids=TRAPS.keys())
def test_a_trap_is_refused_at_its_place(
    text: bytes, line: int, column: int, what: str, parser: Parser
) -> None:
    """Whatever YAML readers disagree about is refused, with line and column."""
    problems = refusal(text, parser).problems

    assert (line, column) in [(problem.line, problem.column) for problem in problems]
    assert what in " ".join(problem.what for problem in problems)


@both
def test_a_surrogate_by_escape_is_refused(parser: Parser) -> None:
    """Half a character cannot be written back as UTF-8."""
    assert refusal(b'a: "\\uD800"\n', parser).problems[0].line == 1


@both
def test_an_escape_beyond_unicode_is_refused(parser: Parser) -> None:
    """Pure Python's parser gives such a number to chr()."""
    assert "no YAML" in str(refusal(b'a: 1\nb: "\\UFFFFFFFF"\n', parser))


@both
def test_all_that_can_be_read_over_is_told_at_once(parser: Parser) -> None:
    """An anchor, a tag, an alias and an equal key are four problems of one error."""
    problems = refusal(b"a: &x 1\nb: !t 2\nc: *x\na: 3\n", parser).problems

    assert [problem.line for problem in problems] == [1, 2, 3, 4]


@both
def test_the_remedy_for_a_conflict_is_the_callers(parser: Parser) -> None:
    """In the lock, the tool settles it."""
    with pytest.raises(ConfigError, match=f"{MERGE_BY_LOCK}$"):
        read_yaml(b"<<<<<<< HEAD\n", "f", parser=parser, on_conflict=MERGE_BY_LOCK)


@both
@pytest.mark.parametrize("opener", [b"[", b"{a: ", b"- "])
def test_depth_is_bounded(opener: bytes, parser: Parser) -> None:
    """32 levels are read, 33 are not."""
    assert "deeper" in str(refusal(b"a: \n  " + opener * 100, parser))
    deepest = b"a: " + b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1)
    assert isinstance(read_yaml(deepest, "f", parser=parser), MappingNode)
    assert "deeper" in str(refusal(deepest.replace(b"[]", b"[[]]"), parser))


@both
def test_a_nesting_bomb_does_not_kill_the_interpreter(parser: Parser) -> None:
    """libyaml's loader dies of a stack overflow at 30,000 brackets; reading events stops at 33."""
    code = (
        "from resilient_infer.lock.reader import read_yaml\n"
        "from resilient_infer.errors import ConfigError\n"
        "for bomb in (b'[', b'{a: ', b'- ', b'? '):\n"
        "    try: read_yaml(b'a: ' + bomb * 30000, 'f', parser='" + parser + "')\n"
        "    except ConfigError: continue\n"
        "    raise SystemExit(2)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=30).returncode == 0


@both
def test_size_is_bounded(parser: Parser) -> None:
    """A file over 4 MiB is refused before it is decoded."""
    assert "bytes" in str(refusal(b"a: 1\n" + b"#" * MAX_BYTES, parser))


def test_the_number_of_values_is_bounded() -> None:
    """More than 200,000 values are refused while they are counted."""
    text = b"a: [" + b"1," * (MAX_NODES + 10) + b"]\n"

    assert str(MAX_NODES) in str(refusal(text, "c"))


@both
def test_scalars_stay_text(parser: Parser) -> None:
    """A commit of digits, a sexagesimal number and a Norwegian stay what was written."""
    text = b"a: 0123456789012345678901234567890123456789\nb: 1:30\nc: no\nd: '~'\ne:\nf: 1e999\n"

    root = read_yaml(text, "f", parser=parser)

    values = [(value.text, value.quoted) for _, value in root.items if isinstance(value, ScalarNode)]
    assert values == [
        ("0123456789012345678901234567890123456789", False),
        ("1:30", False),
        ("no", False),
        ("~", True),
        ("", False),
        ("1e999", False),
    ]


@both
def test_lines_and_columns_count_from_one_in_any_line_ending(parser: Parser) -> None:
    """A byte order mark, CRLF and letters beyond ASCII do not shift a place."""
    root = read_yaml("\ufeffa: 1\r\n\u00e9\u00e9: {b: 2}\r\n".encode(), "f", parser=parser)

    (_, _), (key, value) = root.items
    assert (key.line, key.column, value.line, value.column) == (2, 1, 2, 5)


words = st.text("abcxyz0159.-_~ :/'\"\u00e9", max_size=8)
trees = st.recursive(
    words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=12,
)


def plain(node: Node) -> object:
    match node:
        case ScalarNode(text=text):
            return text
        case SequenceNode(items=items):
            return [plain(item) for item in items]
        case MappingNode(items=pairs):
            return {key.text: plain(value) for key, value in pairs}


@given(tree=st.dictionaries(words, trees, max_size=4), flow=st.booleans())
def test_both_parsers_read_back_what_was_dumped(tree: dict[str, object], flow: bool) -> None:
    """The two halves of PyYAML give the same nodes, places and quoting included."""
    text = yaml.safe_dump(tree, default_flow_style=flow, allow_unicode=True).encode()

    by_c, by_pure = (read_yaml(text, "f", parser=parser) for parser in PARSERS)

    assert plain(by_c) == tree
    assert by_c == by_pure


SNIPPETS = [
    *(trap[0] for trap in TRAPS.values()),
    b"\\",
    b"\xff",
    b'"\\UFFFFFFFF"',
    b"%YAML 99999999999999999999.1\n---\n",
    b"? ",
    b"|2\n",
    b"&",
    b"*",
    b"!<",
    b"\xef\xbb\xbf",
    b"\xc2\x85",
]
mutations = st.lists(
    st.tuples(
        st.integers(0, len(FULL)), st.integers(0, 12), st.sampled_from(SNIPPETS) | st.binary(max_size=4)
    ),
    max_size=4,
)


def mutated(text: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    for start, length, snippet in changes:
        text = text[:start] + snippet + text[start + length :]
    return text


@both
@settings(max_examples=150)
@given(text=st.binary(max_size=200) | mutations.map(lambda changes: mutated(FULL, changes)))
@example(text=b"%YAML " + b"9" * 5000 + b".1\n---\na: 1\n")
@example(text=b"\xef\xbb\xbf\xef\xbb\xbfa: 1\n")
def test_nothing_but_a_config_error_comes_out(text: bytes, parser: Parser) -> None:
    """Any bytes are read or refused; every refusal has a place and can be pickled."""
    try:
        outcome: MappingNode | ConfigError = read_yaml(text, "f.yaml", parser=parser)
    except ConfigError as error:
        outcome = error
    if isinstance(outcome, ConfigError):
        assert outcome.problems
        assert outcome.__context__ is None
        assert pickle.loads(pickle.dumps(outcome)).problems == outcome.problems
    else:
        assert isinstance(outcome, MappingNode)


def test_importing_the_library_loads_no_yaml() -> None:
    """YAML is needed where a file is read, not before."""
    code = (
        "import sys\n"
        "import resilient_infer.lock.manifest, resilient_infer.lock.lockfile, resilient_infer.lock.binding\n"
        "sys.exit('yaml' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=30).returncode == 0
