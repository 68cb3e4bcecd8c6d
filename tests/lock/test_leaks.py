"""No access token is ever shown again, wherever in a file it was written."""

import pickle
import traceback

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.secret import SHAPES
from resilient_infer.errors import ConfigError
from resilient_infer.lock.lockfile import parse_lock
from resilient_infer.lock.manifest import parse_manifest
from resilient_infer.lock.reader import Parser, place_of, places_of
from tests.lock.samples import FULL, PARSERS, lock_of, pin

TOKENS = ("hf_abcdefghijklmnopqrst", "sk-abcdefghijklmnopqrst")
TAILS = ("abcdefgh", "bcdefghi")


def positions(text: bytes) -> list[tuple[int, int]]:
    """Start and end of every scalar in a file, keys included."""
    return [
        (event.start_mark.index, event.end_mark.index)
        for event in yaml.parse(text.decode(), Loader=yaml.SafeLoader)
        if isinstance(event, yaml.ScalarEvent)
    ]


def everything_said(error: ConfigError) -> str:
    return "\n".join(
        [
            str(error),
            repr(error),
            repr(error.problems),
            repr(pickle.dumps(error)),
            *traceback.format_exception(error),
        ]
    )


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("parser", PARSERS)
def test_a_token_in_any_position_of_a_manifest_is_refused_and_never_shown(token: str, parser: Parser) -> None:
    """In any value or key: refused at its line; not in message, repr, pickle or traceback."""
    for start, end in positions(FULL):
        line = FULL[:start].count(b"\n") + 1
        for written in (token,) if parser == "pure" else (token, f"x@{token}{'y' * 80}"):
            text = FULL[:start] + written.encode() + FULL[end:]
            with pytest.raises(ConfigError) as caught:
                parse_manifest(text, "m.yaml", None, parser=parser)

            assert not any(tail in everything_said(caught.value) for tail in TAILS)
            leaks = [problem for problem in caught.value.problems if "access token" in problem.what]
            assert [problem.line for problem in leaks] == [line]


@pytest.mark.parametrize("token", TOKENS)
def test_a_token_in_any_position_of_a_lock_is_refused_and_never_shown(token: str) -> None:
    """The lock is committed as well."""
    lock = lock_of(a=pin("org/model"), b="      - {provider: openai, name: n, pin: floating}\n")
    for start, end in positions(lock):
        with pytest.raises(ConfigError) as caught:
            parse_lock(lock[:start] + token.encode() + lock[end:], "l.yaml")

        assert not any(tail in everything_said(caught.value) for tail in TAILS)


ELSEWHERE = {
    "a comment": "version: 1\nmodels: {} # TOKEN\n",
    "an escape": 'version: 1\nmodels: {a: "\\x68TAIL"}\n',
    "an anchor": "version: 1\nmodels: {a: &TOKEN x}\n",
    "an alias": "version: 1\nmodels: {a: *TOKEN }\n",
    "a tag": "version: 1\nmodels: {a: !TOKEN x}\n",
    "an unknown tag handle": "version: 1\nmodels: {a: !TOKEN!x y}\n",
    "a directive": "%TOKEN x\n---\nversion: 1\nmodels: {a: [}\n",
    "a line that is no YAML": "version: 1\nmodels: {a: [TOKEN}\n",
    "a duplicate key": "version: 1\nmodels: {}\nTOKEN: 1\nTOKEN: 2\n",
}


@pytest.mark.parametrize("text", ELSEWHERE.values(), ids=ELSEWHERE.keys())
@pytest.mark.parametrize("parser", PARSERS)
def test_a_token_elsewhere_is_refused_and_never_shown(text: str, parser: Parser) -> None:
    """Comments, escapes and broken syntax give nothing away either."""
    text = text.replace("TOKEN", TOKENS[0]).replace("TAIL", TOKENS[0][1:])
    with pytest.raises(ConfigError) as caught:
        parse_manifest(text.encode(), "m.yaml", None, parser=parser)

    assert not any(tail in everything_said(caught.value) for tail in TAILS)


def test_a_secret_of_no_known_shape_is_not_quoted_where_one_is_likely() -> None:
    """key_env, url, header values and keys such as api_key may hold anything; none of it is quoted."""
    text = (
        "version: 1\n"
        "providers:\n"
        "  a: {kind: openai, key_env: s3cr3t-value}\n"
        '  b: {kind: openai, url: "https://user:s3cr3t-value@x.example"}\n'
        '  c: {kind: openai, url: "https://x.example/?key=s3cr3t-value"}\n'
        "  d: {kind: openai, api_key: s3cr3t-value}\n"
        "  e: {kind: openai, headers: {Authorization: s3cr3t-value, A: 's3cr3t-value é'}}\n"
        "  f: {kind: openai, url_env: s3cr3t-value}\n"
        "models: {}\n"
    )
    with pytest.raises(ConfigError) as caught:
        parse_manifest(text.encode(), "m.yaml", None)

    assert len(caught.value.problems) == 7
    assert "s3cr3t" not in everything_said(caught.value)


@given(
    lines=st.lists(
        st.sampled_from(["a: 1", "# hf_abcdefgh1", "", "#é sk-abcdefgh1 hf_abcdefgh2"]), max_size=8
    )
)
def test_every_token_in_a_comment_is_told_at_its_place(lines: list[str]) -> None:
    """One pass over the file finds what a search from the top for each would, in any line ending."""
    for end in ("\n", "\r\n", "\r"):
        source = end.join(lines)
        offsets = [found.start() for found in SHAPES.finditer(source)]

        assert list(places_of(source, offsets)) == [place_of(source, offset) for offset in offsets]
