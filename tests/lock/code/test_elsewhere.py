"""Elsewhere: constants that are imported from files beside."""

from pathlib import Path

import pytest

from resilient_infer.lock.code.scan import scan

LOAD = "AutoModel.from_pretrained"

TREES: dict[str, tuple[dict[str, str], list[str]]] = {
    "from a file beside": (
        {"config.py": "M = 'org/m'", "a.py": f"from config import M\n{LOAD}(M)"},
        ["org/m"],
    ),
    "under another name": (
        {"config.py": "M = 'org/m'", "a.py": f"from config import M as N\n{LOAD}(N)"},
        ["org/m"],
    ),
    "through the module": (
        {"config.py": "M = 'org/m'", "a.py": f"import config\n{LOAD}(config.M)"},
        ["org/m"],
    ),
    "through a module of a package": (
        {"app/config.py": "M = 'org/m'", "app/a.py": f"from app import config\n{LOAD}(config.M)"},
        ["org/m"],
    ),
    "from the package itself": (
        {"app/__init__.py": "M = 'org/m'", "app/a.py": f"from app import M\n{LOAD}(M)"},
        ["org/m"],
    ),
    "relatively": (
        {"app/config.py": "M = 'org/m'", "app/a.py": f"from .config import M\n{LOAD}(M)"},
        ["org/m"],
    ),
    "relatively, from above": (
        {"app/config.py": "M = 'org/m'", "app/in/a.py": f"from ..config import M\n{LOAD}(M)"},
        ["org/m"],
    ),
    "below src": (
        {"src/app/c.py": "M = 'org/m'", "tests/a.py": f"from app.c import M\n{LOAD}(M)"},
        ["org/m"],
    ),
    "an attribute of a class": (
        {"config.py": "class S:\n    m: str = 'org/m'", "a.py": f"from config import S\n{LOAD}(S.m)"},
        ["org/m"],
    ),
    "made of others there": (
        {"config.py": "O = 'org'\nM = f'{O}/m'", "a.py": f"from config import M\n{LOAD}(M)"},
        ["org/m"],
    ),
    "one of a mapping": (
        {"config.py": "ALL = {'x': 'org/a'}", "a.py": f"from config import ALL\n{LOAD}(ALL['x'])"},
        ["org/a"],
    ),
    "in an address": (
        {
            "config.py": "M = 'org/m'",
            "a.py": "from config import M\npost(f'https://api-inference.huggingface.co/models/{M}')",
        },
        ["org/m"],
    ),
    "in a notebook": (
        {
            "config.py": "M = 'org/m'",
            "a.ipynb": '{"cells": [{"cell_type": "code", "source": "from config import M\\n'
            f'{LOAD}(M)"}}]}}',
        },
        ["org/m"],
    ),
    "no further than one file": (
        {"b.py": "M = 'org/m'", "config.py": "from b import M", "a.py": f"from config import M\n{LOAD}(M)"},
        [],
    ),
    "from each other, round and round": (
        {"b.py": "from a import M\nM = M", "a.py": f"from b import M\n{LOAD}(M)"},
        [],
    ),
    "what the other file imports, and this one too": (
        {
            "config.py": "from c import X\nM = X",
            "c.py": "X = 'org/m'",
            "a.py": f"from config import M\nfrom c import X\n{LOAD}(M)",
        },
        [],
    ),
    "a broken file": ({"config.py": "M = (", "a.py": f"from config import M\n{LOAD}(M)"}, []),
    "a large file": (
        {"config.py": f"M = 'org/m'\n{'#' * 2**18}", "a.py": f"from config import M\n{LOAD}(M)"},
        [],
    ),
    "too far above": ({"a.py": f"from ....config import M\n{LOAD}(M)"}, []),
}


@pytest.mark.parametrize("name", TREES)
def test_a_constant_of_another_file_is_followed(tmp_path: Path, name: str) -> None:
    """Within the folder that is read, and one file far."""
    files, expected = TREES[name]
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    reading, _ = scan(tmp_path, base=tmp_path, progress=lambda done, total: None)

    assert [each.model for each in reading.sightings] == expected
    assert len(reading.not_told) == (not expected)


def test_nothing_is_looked_up_outside_of_the_folder(tmp_path: Path) -> None:
    """Neither above it, nor by a link."""
    (tmp_path / "in").mkdir()
    (tmp_path / "config.py").write_text("M = 'org/m'")
    (tmp_path / "in" / "linked.py").symlink_to(tmp_path / "config.py")
    (tmp_path / "in" / "a.py").write_text(
        "from config import M\nfrom linked import M as N\nfrom ..config import M as O\n"
        f"{LOAD}(M)\n{LOAD}(N)\n{LOAD}(O)"
    )
    reading, _ = scan(tmp_path / "in", base=tmp_path, progress=lambda done, total: None)

    assert reading.sightings == []
