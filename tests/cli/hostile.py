"""Results of `verify` with all that is dangerous in every text of them."""

from typing import Final

from hypothesis import strategies as st

from resilient_infer.cli.verified import Verified
from resilient_infer.errors import ConfigError, LockError, Problem, ResilientInferError
from resilient_infer.lock.findings import CODES, Finding, Level
from resilient_infer.lock.lockfile import LockedModel
from resilient_infer.lock.verify import Row

SECRETS: Final = ("hf_abcdefghijklmnop", "sk-abcdefgh12345678")

BAITS: Final = (
    *(f" {secret} " for secret in SECRETS),
    "\n::set-output name=x::y",
    "\r\n  ::add-mask::a",
    "::error file=x::y",
    "\n\t::stop-commands::z",
    "##[set-env name=PATH]x",
    "###[add-path]",
    "%0A::debug::x",
    "x,line=9,title=y::z",
    "\x1b[31mred\x1b[0m",
    "\x9b2J",
    "\x00\x07\x08",
    "‮txt",
    "\u2028::warning::x",
    "<script>alert(1)</script>",
    "<img src=x onerror=y>",
    "&lt;b&gt;",
    "[here](https://evil.example)",
    "![x](https://evil.example/x.png)",
    "<https://evil.example>",
    "https://evil.example www.evil.example a@evil.example @everyone",
    "| a | b |\n|---|---|",
    "`code` ``` ~~~ **bold** __x__ ~~y~~ $z$",
    "\n# heading\n- item\n1. item\n> quote\n\n    code",
    "\\| \\",
    "{0} {1:x}",
)

WORDS: Final = st.lists(
    st.sampled_from(BAITS) | st.text(st.characters(codec=None), max_size=8), min_size=1, max_size=4
).map(lambda parts: "".join(parts) or "x")

FINDINGS: Final = st.builds(
    Finding,
    code=st.sampled_from(sorted(CODES)),
    level=st.sampled_from(Level),
    alias=st.none() | WORDS,
    file=WORDS.map(lambda text: text.replace("\0", "") or "x"),
    line=st.integers(0, 99),
    message=WORDS,
    hint=st.just("") | WORDS,
)

PINS: Final = st.builds(LockedModel, model=WORDS, requested=WORDS, revision=WORDS, line=st.integers(1, 99))

ROWS: Final = st.builds(
    Row,
    alias=WORDS,
    pin=PINS,
    branch=st.none() | WORDS,
    findings=st.lists(FINDINGS, max_size=2).map(tuple),
)

PROBLEMS: Final = st.builds(
    Problem,
    file=st.just("") | WORDS.map(lambda text: text.replace("\0", "")),
    line=st.integers(0, 9),
    column=st.integers(0, 9),
    path=WORDS,
    what=WORDS,
)


def _config_error(message: str, problems: list[Problem], hint: str) -> ResilientInferError:
    return ConfigError(message, problems=tuple(problems), hint=hint)


ERRORS: Final = st.builds(
    _config_error, message=WORDS, problems=st.lists(PROBLEMS, max_size=3), hint=WORDS
) | st.builds(LockError, WORDS)

VERIFIED: Final = st.builds(
    Verified,
    rows=st.lists(ROWS, max_size=3).map(tuple),
    findings=st.lists(FINDINGS, max_size=4).map(tuple),
    code=st.integers(0, 3),
    elapsed=st.floats(0, 100),
    requests=st.integers(0, 1000),
    environment=st.none() | st.just("prod"),
) | st.builds(Verified, code=st.just(2), error=ERRORS)


def a_finding(code: str = "RI201", *, level: Level | None = None, line: int = 7, **given: str) -> Finding:
    """A finding without any malice."""
    texts = {"alias": "a", "file": "lockfiles/models.lock.yaml", "message": "it is so", "hint": "", **given}
    return Finding(code=code, level=level or CODES[code].level, line=line, **texts)
