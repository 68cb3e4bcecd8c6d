"""What the design promises of the code as a whole: names, layers, sizes, words and a light import."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import resilient_infer

ROOT = Path(resilient_infer.__file__).parent
PROJECT = ROOT.parent
FILES = sorted(ROOT.rglob("*.py"))
HEAVY = ("requests", "yaml", "pybreaker", "huggingface_hub", "click", "asyncio", "urllib3", "ssl", "filelock")
FACE = {
    "AliasNotLocked",
    "AllTargetsFailed",
    "AuthFailed",
    "CallError",
    "Client",
    "ConfigError",
    "DeadlineExceeded",
    "LockError",
    "NotAdmitted",
    "PayloadRefused",
    "PinMismatch",
    "AsyncClient",
    "acall",
    "astream",
    "stream",
    "Delta",
    "Restarted",
    "Finished",
    "ProviderError",
    "ResilientInferError",
    "Result",
    "StaleLock",
    "StreamInterrupted",
    "call",
}
MOST_LINES = 300
"""Of code in a file, docstrings not counted."""
MOST_FUNCTION_LINES = 40
BANNED = re.compile(
    r"(?:^|_)(?:utils?|helpers?|managers?|handlers?|data|info|process|processor)(?:_|$)", re.IGNORECASE
)

FOREIGN_NAMES = {
    "proxy_manager_for": "a method of requests' adapter",
    "model_info": "a call of the Hub's client",
    "_paths_info": "a path of the Hub's API",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def shown(file: Path) -> str:
    return str(file.relative_to(PROJECT))


def python(program: str) -> str:
    """What a Python of its own prints, with every warning an error."""
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.stderr == ""
    return ended.stdout


# The face


def test_the_public_names_are_exactly_these() -> None:
    assert set(resilient_infer.__all__) == FACE
    assert dir(resilient_infer) == sorted(FACE)
    assert all(getattr(resilient_infer, name).__name__ == name for name in FACE)
    assert not hasattr(resilient_infer, "batch")


def test_every_public_error_is_in_the_drawing_of_the_tree() -> None:
    from resilient_infer import errors

    drawn = set(re.findall(r"[├└]─ (\w+)", errors.__doc__ or ""))
    defined = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.ResilientInferError)
    }
    assert drawn | {"ResilientInferError"} == defined
    assert {name for name in FACE if name in defined} == defined - {"AttemptFailed"}


def test_importing_loads_nothing_heavy_and_opens_no_socket() -> None:
    program = f"""
import sys
before = set(sys.modules)
opened = []
sys.addaudithook(lambda event, _: event.startswith("socket.") and opened.append(event))
import threading
import resilient_infer
from resilient_infer import CallError, ConfigError
print(sorted(set({HEAVY!r}) & set(sys.modules) - before), opened, threading.active_count())
"""
    assert python(program) == "[] [] 1\n"


def test_calling_loads_neither_the_hub_nor_the_command_line() -> None:
    program = """
import sys
from resilient_infer import Client, call
print(sorted({"huggingface_hub", "click", "asyncio", "filelock"} & set(sys.modules)))
"""
    assert python(program) == "[]\n"


# Layers


def test_imports_run_downhill_and_what_decides_does_not_act() -> None:
    """The contracts of import-linter in pyproject.toml."""
    pytest.importorskip("importlinter", reason="import-linter comes with the extra [dev]")
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command as run; run()",
            "--no-cache",
        ],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert re.search(r"Contracts: [1-9]\d* kept, 0 broken", ended.stdout)


@pytest.mark.parametrize(
    "module", ["time", "random", "asyncio", "socket", "requests", "pybreaker", "os", "threading"]
)
def test_ck1_what_decides_reads_no_clock_and_draws_no_number(module: str) -> None:
    """Durations only from an injected monotonic clock. (Also seen where import-linter is not installed.)"""
    for layer in ("core", "policies", "plan", "providers"):
        allowed = {("core", "threading"), ("providers", "threading")}
        if (layer, module) in allowed:
            continue
        for file in sorted((ROOT / layer).rglob("*.py")):
            assert module not in set(imported(tree_of(file))), shown(file)


def imported(tree: ast.Module) -> Iterator[str]:
    """The top-level packages that a module imports anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


# Sizes


def docstring_lines(tree: ast.Module) -> int:
    documented = (node for node in ast.walk(tree) if isinstance(node, Documented))
    return sum(len((ast.get_docstring(node, clean=False) or "").splitlines()) for node in documented)


def code_lines(function: Function) -> int:
    """From the definition, or from the end of its docstring, to its last line."""
    first = function.body[0]
    start = function.lineno if ast.get_docstring(function) is None else first.end_lineno
    assert start is not None
    assert function.end_lineno is not None
    return function.end_lineno - start


def functions(tree: ast.Module) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def test_no_file_is_two_ideas() -> None:
    sizes = {
        shown(file): file.read_text(encoding="utf-8").count("\n") - docstring_lines(tree_of(file))
        for file in FILES
    }
    assert {name: size for name, size in sizes.items() if size > MOST_LINES} == {}


def test_no_function_is_two_ideas() -> None:
    sizes = {
        f"{shown(file)}:{function.lineno} {function.name}": code_lines(function)
        for file in FILES
        for function in functions(tree_of(file))
    }
    assert {name: size for name, size in sizes.items() if size > MOST_FUNCTION_LINES} == {}


def test_nothing_is_nested_deeper_than_three_levels() -> None:
    deep = {
        f"{shown(file)}:{function.lineno} {function.name}": depth
        for file in FILES
        for function in functions(tree_of(file))
        if (depth := nesting(function.body)) > 3
    }
    assert deep == {}


def nesting(body: list[ast.stmt]) -> int:
    """Levels of branches and loops; `elif`, `with` and `try` are none, functions inside count alone."""
    deepest = 0
    for statement in body:
        if isinstance(statement, Function | ast.ClassDef):
            continue
        otherwise = getattr(statement, "orelse", [])
        chained = isinstance(statement, ast.If) and len(otherwise) == 1 and isinstance(otherwise[0], ast.If)
        blocks = [getattr(statement, "body", []), getattr(statement, "finalbody", [])]
        blocks += [part.body for name in ("handlers", "cases") for part in getattr(statement, name, [])]
        own = isinstance(statement, ast.If | ast.For | ast.AsyncFor | ast.While | ast.Match)
        levels = [own + nesting(block) for block in [*blocks, [] if chained else otherwise]]
        deepest = max(deepest, *levels, nesting(otherwise) if chained else 0)
    return deepest


@pytest.mark.parametrize(
    ("source", "levels"),
    [
        ("x = 1", 0),
        ("if a:\n  b()\nelif c:\n  d()\nelse:\n  e()", 1),
        ("for a in b:\n  while c:\n    if d:\n      e()", 3),
        ("for a in b:\n  try:\n    with c:\n      if d:\n        e()\n  finally:\n    pass", 2),
        ("if a:\n  pass\nelse:\n  b()\n  for c in d:\n    match e:\n      case 1:\n        f()", 3),
        ("def f():\n  if a:\n    pass", 0),
    ],
)
def test_nesting_is_counted_as_people_read_it(source: str, levels: int) -> None:
    assert nesting(ast.parse(source).body) == levels


def test_no_function_takes_more_than_six_things() -> None:
    """`self` and `cls` are not counted, nor the fields of a public constructor that are all keywords."""
    crowded = {
        f"{shown(file)}:{function.lineno} {function.name}"
        for file in FILES
        for function in functions(tree_of(file))
        if positional(function) > 6 and function.name != "__new__"  # the columns of a table
    }
    assert crowded == set()


def positional(function: Function) -> int:
    arguments = [*function.args.posonlyargs, *function.args.args]
    return len([argument for argument in arguments if argument.arg not in ("self", "cls")])


# Words


def public_definitions(tree: ast.Module) -> Iterator[Documented]:
    """The module, its public classes and functions, and their public methods."""
    yield tree
    for node in tree.body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from (
                    each
                    for each in node.body
                    if isinstance(each, Function | ast.ClassDef) and not each.name.startswith("_")
                )


def is_protocol(node: ast.AST) -> bool:
    """Whether it is a class that only declares."""
    return isinstance(node, ast.ClassDef) and any(ast.unparse(base) == "Protocol" for base in node.bases)


def documented_by_protocols() -> set[str]:
    """Methods that a Protocol of ours declares and documents; those who fill them in need not repeat it."""
    return {
        method.name
        for file in FILES
        for node in ast.walk(tree_of(file))
        if is_protocol(node)
        for method in getattr(node, "body", [])
        if isinstance(method, Function) and ast.get_docstring(method)
    }


def test_everything_public_says_what_it_is() -> None:
    declared = documented_by_protocols()
    silent = []
    for file in FILES:
        for node in public_definitions(tree_of(file)):
            name = getattr(node, "name", "")
            if ast.get_docstring(node) is None and name not in declared:
                silent.append(f"{shown(file)}:{getattr(node, 'lineno', 1)} {name}")
    assert silent == []


def test_no_name_is_one_of_the_words_that_say_nothing() -> None:
    named: list[str] = []
    for file in FILES:
        named += [
            f"{shown(file)}: {part}"
            for part in (*file.relative_to(ROOT).parts[:-1], file.stem)
            if BANNED.search(part)
        ]
        for node in ast.walk(tree_of(file)):
            if not isinstance(node, Function | ast.ClassDef) or node.name in FOREIGN_NAMES:
                continue
            if BANNED.search(words_of(node.name)):
                named.append(f"{shown(file)}:{node.lineno} {node.name}")
    assert named == []


def words_of(name: str) -> str:
    """A name in snake case: `DataManager` is `Data_Manager`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)


def test_every_exception_from_the_type_checker_has_a_code_and_a_reason() -> None:
    wrong = [
        f"{shown(file)}:{number}"
        for file in FILES
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if "type: ignore" in line and not re.search(r"# type: ignore\[[a-z-]+(?:, ?[a-z-]+)*\]  # \S", line)
    ]
    assert wrong == []


def test_values_are_frozen_and_named() -> None:
    """Values are `@dataclass(frozen=True, slots=True, kw_only=True)` in the layers that share them."""
    loose = []
    for layer in ("core", "policies"):
        for file in sorted((ROOT / layer).rglob("*.py")):
            for node in ast.walk(tree_of(file)):
                if isinstance(node, ast.ClassDef):
                    marks = [ast.unparse(mark) for mark in node.decorator_list]
                    data = [mark for mark in marks if mark.startswith("dataclass")]
                    loose += [
                        f"{shown(file)} {node.name}" for mark in data if "frozen=True, slots=True" not in mark
                    ]
    assert loose == []
