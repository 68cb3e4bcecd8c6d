"""`python -m resilient_infer.testing.sandbox`: one server of each kind until Ctrl-C."""

import threading
from typing import get_args

from resilient_infer.testing.sandbox.sandbox import Kind, Sandbox


def main() -> None:
    """Serve and print where; return on Ctrl-C."""
    try:
        with Sandbox() as sandbox:
            _serve_each(sandbox)
            threading.Event().wait()
    except KeyboardInterrupt:
        print("bye")


def _serve_each(sandbox: Sandbox) -> None:
    for kind in get_args(Kind):
        sandbox.serve(kind)
    for server in sandbox.servers:
        print(f"{server.kind:<13} {server.url}", flush=True)
        for model, commit in server.models.items():
            print(f"{'':<13} {model} @ {commit[:12]}", flush=True)


if __name__ == "__main__":
    main()
