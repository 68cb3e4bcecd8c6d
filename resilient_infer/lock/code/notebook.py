"""Notebook: the code cells of a Jupyter notebook, as one program in Python."""

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Final

from resilient_infer.lock.code.elsewhere import Imported, nowhere
from resilient_infer.lock.code.parse import UnreadableCode, parse
from resilient_infer.lock.code.python import read_python
from resilient_infer.lock.code.sighting import Reading, Spot
from resilient_infer.lock.code.text import read_text

_MAGIC: Final = re.compile(r"^(\s*)[%!].*$", re.MULTILINE)
_HELP: Final = re.compile(r"^\s*\??\??[\w.]+\?{1,2}\s*$", re.MULTILINE)


def read_notebook(source: bytes, file: str, imported: Imported = nowhere) -> Reading:
    """What a notebook uses. Cells share their names, as they do when it runs; outputs are not read.

    Args:
        imported: See `read_python`.

    Raises:
        UnreadableCode: It is no notebook.
    """
    reading = Reading()
    programs: list[tuple[int, str]] = []
    for number, text in _code_cells(source):
        if text.lstrip().startswith("%%") and not text.lstrip().startswith("%%time"):
            reading.add(read_text(text, _cell(file, number)))
            continue
        program = _HELP.sub("", _MAGIC.sub(r"\1pass", text))
        try:
            parse(program)
        except UnreadableCode:
            reading.add(read_text(text, _cell(file, number)))
            continue
        programs.append((number, program))
    whole = "\n".join(program for _, program in programs)
    reading.add(read_python(parse(whole), whole, _locator(programs, file), imported))
    return reading


def _locator(programs: list[tuple[int, str]], file: str) -> Callable[[int], Spot]:
    """Where a line of all cells together stands."""
    begins, line = [], 1
    for _, program in programs:
        begins.append(line)
        line += program.count("\n") + 1

    def locate(at: int) -> Spot:
        which = max(0, bisect_right(begins, at) - 1)
        return Spot(file=_cell(file, programs[which][0]), line=at - begins[which] + 1)

    return locate


def _cell(file: str, number: int) -> str:
    return f"{file}[cell {number}]"


def _code_cells(source: bytes) -> Iterator[tuple[int, str]]:
    """The number and text of each code cell, numbers from 1."""
    try:
        notebook = json.loads(source)
    except (ValueError, RecursionError):
        raise UnreadableCode("it is no notebook: it is not JSON") from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise UnreadableCode("it is no notebook: it has no cells")
    for number, cell in enumerate(cells, 1):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        text = cell.get("source")
        lines = text if isinstance(text, list) else [text]
        yield number, "".join(line for line in lines if isinstance(line, str))
