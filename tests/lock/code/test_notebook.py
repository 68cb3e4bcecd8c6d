"""Notebook: cells of code, which share their names."""

import json

import pytest

from resilient_infer.lock.code.notebook import read_notebook
from resilient_infer.lock.code.parse import UnreadableCode

from .seeing import in_short


def notebook(*cells: object) -> bytes:
    """A notebook of these cells: a text is code, and what is no text is the cell itself."""
    made = [
        {"cell_type": "code", "source": cell.splitlines(True)} if isinstance(cell, str) else cell
        for cell in cells
    ]
    return json.dumps({"cells": made, "nbformat": 4}).encode()


def test_cells_share_their_names_and_say_where_they_are() -> None:
    """The number of the cell and the line in it."""
    reading = read_notebook(
        notebook(
            {"cell_type": "markdown", "source": "https://api-inference.huggingface.co/models/org/no"},
            "MODEL = 'org/m'\n",
            "from transformers import pipeline\n\npipe = pipeline('fill-mask', model=MODEL)",
        ),
        "a.ipynb",
    )

    assert [in_short(each) for each in reading.sightings] == [("org/m", None, "fill-mask")]
    assert [str(each.spot) for each in reading.sightings] == ["a.ipynb[cell 3]:3"]


def test_what_is_no_python_in_a_cell_does_no_harm() -> None:
    """Magics, questions, shell lines, broken cells; addresses in them are found all the same."""
    reading = read_notebook(
        notebook(
            "%pip install transformers\n!ls\nimport transformers\ntransformers?",
            "if True:\n    !pip install x\n    transformers.AutoModel.from_pretrained('org/a')",
            "%%bash\ncurl https://api-inference.huggingface.co/models/org/b",
            "this is ( broken 'https://api-inference.huggingface.co/models/org/c'",
            "%%time\ntransformers.AutoModel.from_pretrained('org/d')",
            "await client.translation('x')",
            "",
        ),
        "a.ipynb",
    )

    assert sorted(each.model or "" for each in reading.sightings) == ["org/a", "org/b", "org/c", "org/d"]
    assert reading.unread == []


def test_outputs_are_not_read() -> None:
    """What a cell printed is no use of a model."""
    cell = {
        "cell_type": "code",
        "source": "1",
        "outputs": ["https://api-inference.huggingface.co/models/org/m"],
    }

    assert read_notebook(notebook(cell), "a.ipynb").sightings == []


@pytest.mark.parametrize(
    "source",
    [b"", b"{", b"[]", b"1", b'{"cells": 1}', b"\xff", b"[" * 100_000],
    ids=["empty", "cut", "list", "number", "no cells", "bytes", "deep"],
)
def test_what_is_no_notebook_is_told(source: bytes) -> None:
    """Whatever is the matter with it."""
    with pytest.raises(UnreadableCode, match="it is no notebook"):
        read_notebook(source, "a.ipynb")


def test_cells_without_code_are_passed_over() -> None:
    """Whatever stands where a cell is expected."""
    odd = [1, {}, {"cell_type": "code"}, {"cell_type": "code", "source": [1, None]}]

    assert read_notebook(notebook(*odd), "a.ipynb").sightings == []
