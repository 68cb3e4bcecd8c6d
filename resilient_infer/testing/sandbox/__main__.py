"""`python -m resilient_infer.testing.sandbox`: one server of each kind until Ctrl-C."""

import threading

from resilient_infer.testing.sandbox.sandbox import Sandbox


def main() -> None:
    """Serve and print where; return on Ctrl-C."""
    with Sandbox() as sandbox:
        sandbox.serve("hf-inference")
        sandbox.serve("hf-endpoint")
        sandbox.serve("openai")
        for server in sandbox.servers:
            print(f"{server.kind:<13} {server.url}", flush=True)
            for model, commit in server.models.items():
                print(f"{'':<13} {model} @ {commit[:12]}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("bye")


if __name__ == "__main__":
    main()
