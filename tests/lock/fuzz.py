"""Fuzz: any bytes as a manifest and as a lock, by both parsers. What comes out is a value or our own error.

`python -m tests.lock.fuzz` goes on by itself with atheris, guided by what code is reached; its options are
libFuzzer's.
"""

import pickle
import sys
from collections.abc import Callable
from typing import Final

from resilient_infer.errors import ConfigError
from resilient_infer.lock.heal import heal
from resilient_infer.lock.lockfile import survey_lock
from resilient_infer.lock.manifest import Manifest, parse_manifest
from resilient_infer.lock.nodes import MappingNode, ScalarNode, SequenceNode
from resilient_infer.lock.reader import Parser, read_yaml
from tests.lock.samples import PARSERS

_ASKED: Final[Manifest] = parse_manifest(b"version: 1\nmodels: {a: org/a}\n", "m", None)


def fuzz(text: bytes) -> None:
    """Read the bytes in every way there is.

    Raises:
        AssertionError: Something else than a value or a whole refusal came out, or the parsers differ.
    """
    read = [_outcome(_root(text, parser)) for parser in PARSERS]
    if all(isinstance(each, MappingNode) for each in read):
        assert _said(read[0]) == _said(read[1]), "the parsers read different things"
    for parser in PARSERS:
        _outcome(_manifest(text, parser))
        _outcome(_lock(text, parser))
    _outcome(lambda: heal(text, "f", _ASKED))


def _said(node: object) -> object:
    """What a node says, without its places: those of what is not written at all differ."""
    match node:
        case ScalarNode(text=text, quoted=quoted):
            return text, quoted
        case SequenceNode(items=items):
            return [_said(item) for item in items]
        case MappingNode(items=pairs):
            return [(_said(key), _said(value)) for key, value in pairs]
    raise AssertionError(f"no node: {node!r}")


def _root(text: bytes, parser: Parser) -> Callable[[], object]:
    return lambda: read_yaml(text, "f", parser=parser)


def _manifest(text: bytes, parser: Parser) -> Callable[[], object]:
    return lambda: parse_manifest(text, "f", None, parser=parser)


def _lock(text: bytes, parser: Parser) -> Callable[[], object]:
    return lambda: survey_lock(text, "f", parser=parser)


def _outcome(ask: Callable[[], object]) -> object:
    try:
        return ask()
    except ConfigError as error:
        refused = error
    assert refused.problems, "a refusal without a reason"
    assert refused.__context__ is None, "a refusal that quotes another error, and with it the file"
    assert pickle.loads(pickle.dumps(refused)).problems == refused.problems
    assert all(problem.line >= 0 and problem.column >= 0 for problem in refused.problems)
    return refused


def main() -> None:
    """Go on until something is found, or libFuzzer's options say that it is enough."""
    import atheris  # type: ignore[import-not-found, unused-ignore]  # by hand, or in the slow run

    atheris.instrument_all()
    atheris.Setup(sys.argv, fuzz)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
