"""Files of 4 MiB as hard to read as could be found: each takes a reader where it is slow or large."""

from collections.abc import Callable, Mapping
from typing import Final

from resilient_infer.lock.reader import MAX_BYTES

Bomb = Callable[[], bytes]
"""Made when it is needed: together they are 250 MiB."""


def _full(unit: str, head: str = "", tail: str = "") -> Bomb:
    """`head`, as many units as there is room for, `tail`."""

    def made() -> bytes:
        room = MAX_BYTES - len(head.encode()) - len(tail.encode())
        return head.encode() + unit.encode() * (room // len(unit.encode())) + tail.encode()

    return made


def _counted(unit: str, count: int, head: str, tail: str = "") -> Bomb:
    """`head`, that many units with their number in them as far as there is room, `tail`."""

    def made() -> bytes:
        longest = len(unit.replace("%", str(count)))
        fits = min(count, (MAX_BYTES - len(head) - len(tail)) // longest)
        return f"{head}{''.join(unit.replace('%', str(number)) for number in range(fits))}{tail}".encode()

    return made


COMMIT: Final = '"714eb0fa89d2f80546fda750413ed43d93601a13"'
_LOCK: Final = 'lock_version: "1.0"\nmodels:\n'
_ONE_PIN: Final = 'lock_version: "1.0"\nmodels: {a: {pins: [{model: a/b, requested: main, revision: ' + COMMIT

BOMBS: Final[Mapping[str, Bomb]] = {
    # The structure of YAML.
    "30,000 nested brackets": lambda: b"a: " + b"[" * 30_000,
    "nested brackets": _full("[", "a: "),
    "nested braces": _full("{a: "),
    "nested dashes": _full("- "),
    "nested question marks": _full("? "),
    "lists 31 deep": _full("[" * 30 + "]" * 30 + ",", "a: [", "]\n"),
    "200,000 values": _full("1,", "a: [", "]\n"),
    "200,000 empty values": _full(",", "a: [1", "]\n"),
    "200,000 empty mappings": _full("{},", "a: [", "]\n"),
    "mappings in mappings": _counted("  a%: {b: {c: d}}\n", 100_000, "a:\n"),
    "99,000 pairs": _counted(" k%: vvvvvvvvvvvvvvvvvvvvvvvvvvvvv\n", 99_000, "a:\n"),
    "pairs in a list": _full("a: 1,", "a: [", "]\n"),
    # What is refused and read over, once for each line of the file.
    "an anchor a line": _full(" - &a 1\n", "a:\n"),
    "an alias bomb": _counted("b%: [*a, *a, *a, *a]\n", 150_000, "a: &a [x]\n"),
    "an alias a line": _full(" - *a\n", "a:\n"),
    "a merge-key bomb": _counted("a%: &a%\n  <<: [*a0, *a0, *a0]\n", 30_000, ""),
    "a merge key a line": _full(" - {<<: 1}\n", "a:\n"),
    "a tag a line": _full(" - !t 1\n", "a:\n"),
    "a key again and again": _full(" k: v\n", "a:\n"),
    "a control character a line": _full(' - "\\x07"\n', "a:\n"),
    # Scalars.
    "a plain scalar": _full("x", "a: ", "\n"),
    "a plain scalar of words": _full("x ", "a: ", "\n"),
    "a plain scalar of lines": _full("  x\n", "a:\n"),
    "a quoted scalar of lines": _full("  x\n", 'a: "\n', '  "\n'),
    "a quoted scalar of short lines": _full("x\n", 'a: "', '"\n'),
    "a scalar of quotes": _full("''", "a: '", "'\n"),
    "a scalar of escapes": _full("\\x41", 'a: "', '"\n'),
    "a literal of lines": _full("  x\n", "a: |\n"),
    "a literal of blank lines": _full("\n", "a: |\n  x\n"),
    "a folded scalar": _full("  x\n   y\n", "a: >\n"),
    "a scalar of emoji": _full("\U0001f600", "a: ", "\n"),
    "a scalar of colons": _full("a:b:", "a: ", "\n"),
    "a long key": lambda: b"a" * (MAX_BYTES - 5) + b": 1\n",
    "long keys": _full("k" * 1020 + ": 1\n"),
    # Nothing much.
    "comments": _full("#\n", "a: 1\n"),
    "a comment of emoji": _full("\U0001f600", "a: 1 #", "\n"),
    "blank lines": _full("\n", "a: 1\n"),
    "carriage returns": _full("\r", "a: 1\r"),
    "lines of spaces": _full("   \n", "a: 1\n"),
    "next-line characters": _full("\u0085", "a: "),
    "marks of byte order": _full("\ufeff", "a: 1\n"),
    "UTF-16": lambda: ("a: 1\n" * 400_000).encode("utf-16"),
    "no UTF-8 at the end": lambda: b"a: " + b"x" * (MAX_BYTES - 4) + b"\xff",
    "documents": _full("---\n", "a: 1\n"),
    "ends of documents": _full("...\n", "a: 1\n"),
    "directives": _full("%F\n", "", "---\na: 1\n"),
    "a version of digits": lambda: b"%YAML " + b"9" * (MAX_BYTES - 30) + b".1\n---\na: 1\n",
    "almost conflicts": _full("<<<<<<< ", "a: 1 #"),
    "a conflict at the end": _full("x\n", "a: |\n", "=======\n"),
    # What a manifest or a lock makes of it.
    "tokens in comments": _full("#hf_abcdefgh\n", "a: 1\n"),
    "tokens in values": _full(" - hf_abcdefgh\n", "a:\n"),
    "almost tokens": _full("sk-", "a: ", "\n"),
    "almost tokens of letters": _full("a_-", "a: sk-", "\n"),
    "unknown keys": _counted("model%: 1\n", 99_000, "version: 1\nmodels: {}\n"),
    "99,000 aliases": _counted("  a%: org/x\n", 99_000, "version: 1\nmodels:\n"),
    "bad names": _counted("  A%: org/x\n", 99_000, "version: 1\nmodels:\n"),
    "bad models": _counted("  a%: 'org/x y'\n", 99_000, "version: 1\nmodels:\n"),
    "unknown aliases": _counted("  e%: {b: x}\n", 49_000, "version: 1\nmodels: {a: x}\nenvironments:\n"),
    "unknown providers": _counted(
        "p%,", 99_000, "version: 1\nmodels: {a: {targets: [{model: x, routes: [", "]}]}}\n"
    ),
    "routes": _counted(
        "{provider: openai, name: m%},",
        39_000,
        "version: 1\nmodels: {a: {targets: [{model: x, routes: [",
        "]}]}}\n",
    ),
    "labels": _counted(
        "L%: A,", 99_000, "version: 1\nmodels: {a: {targets: [{model: x}, {model: org/z, labels: {", "}}]}}\n"
    ),
    "flaws": _counted("  a%: {pins: [{model: a/b, requested: main, revision: main}]}\n", 18_000, _LOCK),
    "locked labels": _counted("l%,", 190_000, _ONE_PIN + ", contract: {labels: [", "]}}]}}\n"),
    "locked weights": _counted(
        'w%: "git:' + "0" * 40 + '", ', 60_000, _ONE_PIN + ', check: "00000000", weights: {', "}}]}}\n"
    ),
}
