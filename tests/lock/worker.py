"""What runs in another interpreter: the command line with the huggingface_hub that is installed there.

Each line is a command as JSON, {"arguments", "folder", "environ"}; the answer is its
exit code and what it printed. huggingface_hub is imported once, with the first that asks.
"""

import contextlib
import io
import json
import os
import sys

from resilient_infer.cli.main import run


def main() -> None:
    for line in sys.stdin:
        asked = json.loads(line)
        os.chdir(asked["folder"])
        out, err = io.StringIO(), io.StringIO()
        os.environ.update(asked["environ"])
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run(asked["arguments"])
        for name in asked["environ"]:
            del os.environ[name]
        print(json.dumps({"code": int(code), "out": out.getvalue(), "err": err.getvalue()}), flush=True)


if __name__ == "__main__":
    main()
