"""Servers: those of the manifest, asked which commit they run as a call would ask them."""

import os
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Final

from resilient_infer.assembly import Assembly
from resilient_infer.cli.outline import NAMES_THE_COMMIT
from resilient_infer.cli.progress import Progress
from resilient_infer.core.http import HttpRequest, Reception
from resilient_infer.core.outcome import Failure, FailureKind
from resilient_infer.drivers.inquiry import inquire
from resilient_infer.errors import ResilientInferError
from resilient_infer.lock.entries import Manifest, Provider
from resilient_infer.lock.live import LiveRoute, LiveRow, Runs, Told, Unasked, Unheard, live
from resilient_infer.lock.lockfile import Lock, Survey
from resilient_infer.plan.spec import AliasSpec
from resilient_infer.providers.base import Attesting
from resilient_infer.providers.registry import codec_for
from resilient_infer.state.table import GateTable
from resilient_infer.transport.http_sync import HttpSync

_AGAIN: Final = "run this again when the server answers"
_KEY: Final = "check the provider's key"
_REMEDIES: Final[Mapping[str, str]] = {
    "hf-endpoint": "deploy {commit} in full; while an update is under way it attests nothing",
    "llamacpp": "give it the path in the Hub's cache: snapshots/{commit}/…",
    "sglang": "start it with --revision {commit} --weight-version {commit}",
    "tei": "start it with --revision {commit}",
    "tgi": "start it from the Hub, with --revision {commit}",
    "vllm": "start it with --revision {commit} and a --served-model-name that ends in @{commit}",
}
"""How a server is made to name its commit; lockfiles/README.md has the same table."""

_REFUSED: Final = frozenset({FailureKind.UNAUTHORIZED, FailureKind.FORBIDDEN})


def ask_servers(
    manifest: Manifest, survey: Survey | None, *, timeout: float, jobs: int
) -> tuple[tuple[LiveRow, ...], int]:
    """What the servers of all routes to pinned models say, and how many requests that took."""
    if survey is None:
        return (), 0
    with Servers(manifest, survey.lock, timeout=timeout) as servers, Progress("asking the servers") as line:
        rows = live(manifest, survey, servers.reported_commit, jobs=jobs, progress=line.tell)
        return rows, servers.requests


class Servers:
    """Asks each server a question of its own. Use it as a context: behind it nothing is under way.

    Args:
        timeout: Seconds for one question.
    """

    def __init__(self, manifest: Manifest, lock: Lock, *, timeout: float) -> None:
        self._timeout = timeout
        self._assembly = Assembly(
            manifest, lock, "locked", table=GateTable(), environ=os.environ, source=manifest.file
        )
        self._providers = manifest.providers
        self._transport = HttpSync()
        self._once = _Once(self._transport)

    def __enter__(self) -> "Servers":
        return self

    def __exit__(self, *_: object) -> None:
        self._transport.close(cancel=True)

    @property
    def requests(self) -> int:
        """Questions that were sent so far."""
        return len(self._once.answers)

    def reported_commit(self, asked: LiveRoute) -> Told:
        """What the server of a route says that it runs."""
        try:
            return self._told(self._assembly.alias_spec(asked.alias.name), asked)
        except ResilientInferError as error:
            return Unheard(reason=error.message, hint=error.hint or "mend it, and run this again")

    def _told(self, spec: AliasSpec, asked: LiveRoute) -> Told:
        target = spec.targets[asked.target]
        route = target.routes[asked.position]
        never = _never(self._providers[asked.route.provider], spec.task.name)
        if never:
            return Unasked(reason=never)
        if route.identity is None:
            if not route.unusable:
                return Unasked(reason="its codec knows no question for this server")
            return Unheard(reason=route.unusable, hint="set it where this runs")
        outcome = inquire(spec, target.target, route, self._once, self._timeout)
        if isinstance(outcome, Failure):
            hint = _KEY if outcome.kind in _REFUSED else _AGAIN
            return Unheard(reason=outcome.reason, hint=hint)
        remedy = _REMEDIES.get(route.route.endpoint.kind, "").format(commit=target.target.revision)
        return Runs(commit=outcome.commit, remedy=remedy)


class _Once:
    """Sends a request once, and gives its answer to all who would send it: a server tells of every model."""

    def __init__(self, transport: HttpSync) -> None:
        self.answers: dict[HttpRequest, Future[Reception]] = {}
        self._transport = transport
        self._lock = threading.Lock()

    def send(self, request: HttpRequest, *, timeout: float, fresh: bool) -> Reception:
        with self._lock:
            known = self.answers.get(request)
            answer = self.answers[request] = known or Future()
        if known is None:
            try:
                answer.set_result(self._transport.send(request, timeout=timeout, fresh=fresh))
            except BaseException as error:
                answer.set_exception(error)
        return answer.result()


def _never(provider: Provider, task: str) -> str:
    """Why a provider's servers cannot be asked, whatever variables are set; "" if they can."""
    if provider.kind in NAMES_THE_COMMIT:
        return "each request names the commit, and its answer confirms it"
    if provider.kind == "hf-endpoint" and provider.deployment is None:
        return "only with endpoint: namespace/name at its provider can its commit be asked for"
    if not isinstance(codec_for(provider.kind, task), Attesting):
        return f"servers of kind {provider.kind} name no commit"
    return ""
