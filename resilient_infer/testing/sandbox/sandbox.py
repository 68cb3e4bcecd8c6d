"""Sandbox: inference servers on this machine that fail on demand."""

import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, Self

from resilient_infer.core.task import Json
from resilient_infer.testing.sandbox.dialect import Dialect
from resilient_infer.testing.sandbox.hf_router import HF_ROUTER
from resilient_infer.testing.sandbox.hugging_face import HF_ENDPOINT, HF_INFERENCE
from resilient_infer.testing.sandbox.llamacpp import LLAMACPP
from resilient_infer.testing.sandbox.lockfiles import Aliases, Served, lock_text, manifest_text
from resilient_infer.testing.sandbox.models import Model
from resilient_infer.testing.sandbox.openai import OPENAI
from resilient_infer.testing.sandbox.server import Server
from resilient_infer.testing.sandbox.sglang import SGLANG
from resilient_infer.testing.sandbox.tei import TEI
from resilient_infer.testing.sandbox.tgi import TGI
from resilient_infer.testing.sandbox.transformers import TRANSFORMERS
from resilient_infer.testing.sandbox.vllm import VLLM

Kind = Literal[
    "hf-inference",
    "hf-endpoint",
    "hf-router",
    "openai",
    "tei",
    "tgi",
    "vllm",
    "sglang",
    "transformers",
    "llamacpp",
]

DIALECTS: Mapping[str, Dialect] = {
    dialect.kind: dialect
    for dialect in (
        HF_INFERENCE,
        HF_ENDPOINT,
        HF_ROUTER,
        OPENAI,
        TEI,
        TGI,
        VLLM,
        SGLANG,
        TRANSFORMERS,
        LLAMACPP,
    )
}
"""Every kind of server, by its name in a manifest."""


class Sandbox:
    """Servers in this process, on loopback only, each on a free port.

        with Sandbox() as sandbox:
            first, second = sandbox.serve("hf-inference"), sandbox.serve("hf-inference")
            folder = sandbox.write(tmp_path / "lockfiles", {"sentiment": SENTIMENT})
            first.fail(Hang())
            ...

    Leaving the `with` block, or `close`, ends every server, connection and
    thread, hanging ones too. A sandbox that is never closed ends with the process.

    Args:
        scale: How long a second of a fault or a pace lasts, advice to wait included: with 0.1
            `Delay(seconds=2)` takes 0.2 s and `throttled(2)` says `retry-after: 0.2`. Headers and
            bodies given as text go out as they are.

    Raises:
        ValueError: The scale is not finite or not more than 0.
    """

    def __init__(self, *, scale: float = 1.0) -> None:
        if not 0 < scale < math.inf:
            raise ValueError(f"a scale is more than 0 and finite, not {scale}")
        self._scale = scale
        self._lock = threading.Lock()
        self._servers: list[Server] = []
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def servers(self) -> tuple[Server, ...]:
        """All servers, in the order they were started."""
        with self._lock:
            return tuple(self._servers)

    @property
    def environ(self) -> dict[str, str]:
        """The variables that the manifest names for keys, and the keys."""
        return {server.key_env: server.key for server in self.servers if server.key is not None}

    def serve(
        self,
        kind: Kind,
        *,
        name: str | None = None,
        models: Iterable[str | Model] | None = None,
        key: str | None = None,
        key_env: str | None = None,
        reports: str | None = "right",
    ) -> Server:
        """Start one more server; it answers when this returns.

        Args:
            kind: The protocol it speaks.
            name: Its provider's name in the manifest; None: kind and number, as "openai-1".
            models: What it serves: names from `CATALOGUE`, or models of your own. None: all of the
                catalogue that such a server can serve; where it can serve only one, the first of them.
            key: A Bearer token it demands; without it the answer is 401.
            key_env: The variable in which the manifest says the key is; None: made of the name.
            reports: What the server says of its commit: "right" for the truth, None for nothing, any
                other text as it is, for example "main" or the 40 hex digits of another commit. The
                kinds tei, tgi, vllm, sglang, transformers and llamacpp say it, each in its own way; a
                dedicated endpoint's is told by the management API of `sandbox.hub`.

        Raises:
            ValueError: No such kind or catalogued model, a name that is taken, a closed sandbox, or
                reports of a kind that has none.
        """
        if kind not in DIALECTS:
            raise ValueError(f"no kind {kind!r}; there are {', '.join(DIALECTS)}")
        with self._lock:
            if self._closed:
                raise ValueError("this sandbox is closed")
            taken = {server.name for server in self._servers}
            chosen = name or next(free for free in _names(kind, len(taken)) if free not in taken)
            if chosen in taken:
                raise ValueError(f"there is a server {chosen!r} already")
            server = Server(
                DIALECTS[kind],
                name=chosen,
                models=models,
                key=key,
                key_env=key_env or _variable(chosen),
                reports=reports,
                scale=self._scale,
            )
            self._servers.append(server)
        return server

    def heal(self) -> None:
        """Heal every server."""
        for server in self.servers:
            server.heal()

    def close(self) -> None:
        """End every server. Safe to call again."""
        with self._lock:
            self._closed = True
        for server in self.servers:
            server.close()

    def manifest(
        self, aliases: Mapping[str, str | Sequence[str | Served]], policy: Mapping[str, Json] | None = None
    ) -> str:
        """The text of a `models.yaml` that points here; see `write`."""
        return manifest_text(self.servers, self._targets(aliases), policy or {})

    def lock(self, aliases: Mapping[str, str | Sequence[str | Served]]) -> str:
        """The text of a `models.lock.yaml` with the commits served now; see `write`."""
        return lock_text(self._targets(aliases))

    def write(
        self,
        folder: str | Path,
        aliases: Mapping[str, str | Sequence[str | Served]],
        policy: Mapping[str, Json] | None = None,
    ) -> Path:
        """Write `models.yaml` and `models.lock.yaml` for these servers, and give back the folder.

        Args:
            folder: Made if it is missing; files of these names in it are replaced.
            aliases: For each alias its targets, in fallback order. A model's name stands for that
                model on every server that serves it; `Served` chooses the servers.
            policy: The manifest's `policy`, for example {"retries": 1, "deadline": 5}.

        Raises:
            ValueError: No server serves a model, or the targets of an alias differ in task.
        """
        manifest, lock = self.manifest(aliases, policy), self.lock(aliases)
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        (place / "models.yaml").write_text(manifest, encoding="utf-8")
        (place / "models.lock.yaml").write_text(lock, encoding="utf-8")
        return place

    def _targets(self, aliases: Mapping[str, str | Sequence[str | Served]]) -> Aliases:
        return {
            alias: [self._served(target) for target in ([targets] if isinstance(targets, str) else targets)]
            for alias, targets in aliases.items()
        }

    def _served(self, target: str | Served) -> Served:
        if isinstance(target, Served):
            return target
        return Served(model=target, by=tuple(server for server in self.servers if target in server.models))


def _names(kind: str, taken: int) -> Iterable[str]:
    return (f"{kind}-{number}" for number in range(1, taken + 2))


def _variable(name: str) -> str:
    letters = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in name.upper())
    return f"{letters}_KEY" if letters[:1].isalpha() or letters[:1] == "_" else f"_{letters}_KEY"
