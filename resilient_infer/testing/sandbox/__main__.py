"""`python -m resilient_infer.testing.sandbox`: one server of each kind until Ctrl-C."""

import threading

from resilient_infer.testing.sandbox.sandbox import Sandbox


def main() -> None:
    """Serve and print where; return on Ctrl-C."""
    try:
        with Sandbox() as sandbox:
            _serve_each(sandbox)
            threading.Event().wait()
    except KeyboardInterrupt:
        print("bye")


def _serve_each(sandbox: Sandbox) -> None:
    sandbox.serve("hf-inference")
    sandbox.serve("hf-endpoint")
    sandbox.serve("openai")
    for server in sandbox.servers:
        print(f"{server.kind:<13} {server.url}", flush=True)
        for model, commit in server.models.items():
            print(f"{'':<13} {model} @ {commit[:12]}", flush=True)


if __name__ == "__main__":
    main()
