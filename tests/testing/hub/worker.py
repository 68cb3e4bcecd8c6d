"""What runs in another interpreter: the real huggingface_hub, told what to do line by line.

It knows nothing of this project. Each line is a Python expression as JSON;
the answer is its value, or the classes and the text of what it raised.
"""

import json
import pathlib
import sys
from typing import Any

import huggingface_hub
import huggingface_hub.constants
import huggingface_hub.errors
import huggingface_hub.utils


def main() -> None:
    known: dict[str, Any] = {
        "hf": huggingface_hub,
        "api": huggingface_hub.HfApi(),
        "read": lambda path: pathlib.Path(path).read_bytes().decode("latin-1"),
        "at": lambda repo, path, revision=None: huggingface_hub.get_hf_file_metadata(
            huggingface_hub.hf_hub_url(repo, path, revision=revision)
        ),
        "names": lambda folder: sorted(
            found.relative_to(folder).as_posix()
            for found in pathlib.Path(folder).rglob("*")
            if found.is_file()
        ),
    }
    for line in sys.stdin:
        try:
            answer = {"value": eval(json.loads(line), known)}
        except Exception as error:
            answer = {"raised": [kind.__name__ for kind in type(error).__mro__], "said": str(error)}
        print(json.dumps(answer, default=repr), flush=True)


if __name__ == "__main__":
    main()
