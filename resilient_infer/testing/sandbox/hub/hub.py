"""Hub: the sandbox's Hub, its repos, tokens, journal and faults."""

import threading
import time
from collections import deque
from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from socket import socket
from typing import Self

from resilient_infer.testing.sandbox.conversation import converse
from resilient_infer.testing.sandbox.faults import Fault, Refused, Sight
from resilient_infer.testing.sandbox.hub import complaints
from resilient_infer.testing.sandbox.hub.deployment import Deployment
from resilient_infer.testing.sandbox.hub.plausible import Look, plausible
from resilient_infer.testing.sandbox.hub.quotas import ANONYMOUS, FREE_USER, Allowance, Meter, Quota
from resilient_infer.testing.sandbox.hub.registry import Registry
from resilient_infer.testing.sandbox.hub.repo import Contents, Repo
from resilient_infer.testing.sandbox.hub.routes import Kind, Route, route
from resilient_infer.testing.sandbox.hub.site import Ask, Site, Token, ask_of
from resilient_infer.testing.sandbox.listener import Listener
from resilient_infer.testing.sandbox.rules import Arrival, Rule, Scope
from resilient_infer.testing.sandbox.waits import Waits
from resilient_infer.testing.sandbox.wire import Reply, Request

_KEPT = 100_000
"""Requests the journal keeps: a long benchmark must not fill the memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request that arrived.

    Attributes:
        moment: When it was complete, seconds of `time.monotonic`.
        path: Without the query, percent-decoded.
        target: Path and query as they were sent.
        kind: What it was for, which is also whose quota it counted against.
        repo: The repo's name in it, or None if it named none.
        token: It carried a token, a good one or not.
        connection: Number of the connection, from 1.
        request_id: What the answer's `X-Request-Id` says.
    """

    moment: float
    method: str
    path: str
    target: str
    kind: Kind
    repo: str | None
    token: bool
    connection: int
    request_id: str


class Hub:
    """A Hub on loopback, on a free port. Leaving the `with` block, or `close`, ends it.

    Args:
        page: Items of one page of a commit history or a file listing; the real Hub's pages are longer.
    """

    def __init__(self, *, page: int = 50) -> None:
        if page < 1:
            raise ValueError(f"a page has at least 1 item, not {page}")
        self._lock = threading.RLock()
        self._journal: deque[Asked] = deque(maxlen=_KEPT)
        self._serial = 0
        self._meter = Meter()
        self._anonymous = ANONYMOUS
        self._rules: tuple[tuple[Kind | None, Rule], ...] = ()
        self._waits = Waits()
        self._listener = Listener(self._serve)
        self.url = f"http://127.0.0.1:{self._listener.port}"
        self.endpoints_url = f"{self.url}/v2"
        # Clients tell hosts apart by name (huggingface_hub 1.x) or by name and port (2.x): this is another
        # host to both, and needs no second port.
        storage = f"http://localhost:{self._listener.port}"
        self._site = Site(registry=Registry(self._lock), origin=self.url, storage=storage, page=page)

    def __repr__(self) -> str:
        return f"Hub({self.url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def requests(self) -> tuple[Asked, ...]:
        """What arrived, in order; of very many the newest 100,000."""
        with self._lock:
            return tuple(self._journal)

    def count(self, kind: Kind | None = None) -> int:
        """How many requests of a kind have arrived, or of all."""
        return sum(kind in (None, asked.kind) for asked in self.requests)

    def forget(self) -> None:
        """Begin the journal and all quota windows anew."""
        with self._lock:
            self._journal.clear()
            self._meter.forget()

    def create(self, name: str, files: Contents) -> Repo:
        """Make a repo with these files in the first commit of main, public.

        Raises:
            ValueError: The name is taken, or is none. A name without a namespace, as "gpt2", is one.
        """
        with self._lock:
            return self._site.registry.add(name, files)

    def model(self, name: str, look: Look | None = None) -> Repo:
        """Make a repo of a plausible model; its weights differ from those of every other name."""
        chosen = look or Look()
        return self.create(name, plausible(chosen if chosen.seed else replace(chosen, seed=name)))

    def repo(self, name: str) -> Repo:
        """The repo that has this name now.

        Raises:
            ValueError: There is none.
        """
        with self._lock:
            return self._site.registry.owned(name)

    def rename(self, old: str, new: str) -> None:
        """Rename or move a repo: the old name redirects, until somebody registers it.

        Raises:
            ValueError: There is no such repo, or the new name is taken or none.
        """
        with self._lock:
            self._site.registry.rename(old, new)

    def delete(self, name: str) -> None:
        """Delete a repo. Its name can be registered again, by anybody, as another repo.

        Raises:
            ValueError: There is none.
        """
        with self._lock:
            self._site.registry.remove(name)

    def token(
        self, value: str, *, user: str = "tester", access: Iterable[str] = (), quota: Quota = FREE_USER
    ) -> Token:
        """Issue an access token.

        Args:
            access: Names of private or gated repos that it may read, as `Repo.grant` does.
        """
        made = Token(value=value, user=user, quota=quota)
        with self._lock:
            for name in access:
                self.repo(name).grant(value)
            self._site.tokens[value] = made
        return made

    def limit(self, quota: Quota) -> None:
        """Set the quota of visitors without a token, and begin all windows anew."""
        with self._lock:
            self._anonymous = quota
            self._meter.forget()

    def deploy(
        self, name: str, *, model: str, revision: str, replicas: int = 1, url: str | None = None
    ) -> Deployment:
        """Run a model on machines of its own; told by the management API at `endpoints_url`.

        Args:
            name: "namespace/name" of the endpoint.
            url: Where it would answer, for example a `Server`'s.

        Raises:
            ValueError: The name has no namespace.
        """
        if name.count("/") != 1:
            raise ValueError(f"an endpoint is namespace/name, not {name!r}")
        made = Deployment(name, model=model, revision=revision, replicas=replicas, url=url, lock=self._lock)
        with self._lock:
            self._site.deployments[name] = made
        return made

    def fail(
        self,
        fault: Fault | Refused,
        *,
        kind: Kind | None = None,
        repo: str | None = None,
        attempts: Container[int] | int | None = None,
        chance: float = 1.0,
        seed: int = 0,
    ) -> None:
        """Let something go wrong from now on. Several faults act one after another, as they were set.

        Args:
            kind: Only for requests of this kind; None: for all.
            repo: Only for requests that name this repo so; None: for all.
            attempts: The first so many requests, or those numbers; counted per repo's name, from 1.
            chance: Share of those requests that is hit, between 0 and 1.
            seed: What the chance draws from; the nth request always draws the same.

        Raises:
            ValueError: The chance is no share, or `Refused` is limited.
        """
        if isinstance(fault, Refused):
            if (kind, repo, attempts, chance) != (None, None, None, 1.0):
                raise ValueError("a Hub refuses all connections or none; leave out what limits it")
            self._listener.refuse()
            return
        if not 0 <= chance <= 1:
            raise ValueError(f"chance is a share between 0 and 1, not {chance}")
        numbers = range(1, attempts + 1) if isinstance(attempts, int) else attempts
        rule = Rule(fault, Scope(model=repo, attempts=numbers, chance=chance, seed=seed))
        with self._lock:
            self._rules = (*self._rules, (kind, rule))

    def heal(self) -> None:
        """Forget all faults: what waits is answered now, what hangs is cut off, what refused listens."""
        with self._lock:
            self._rules = ()
        self._waits.end()
        self._listener.admit()

    def close(self) -> None:
        """End all connections and threads, hanging ones too. Safe to call again."""
        self._waits.close()
        self._listener.close()

    def _serve(self, sock: socket, connection: int) -> None:
        converse(sock, self._waits, lambda request, reused: self._reply(request, connection, reused))

    def _reply(self, request: Request, connection: int, reused: bool) -> Reply:
        with self._lock:
            self._serial += 1
            request_id = f"hub-{self._serial}"
            ask = ask_of(request, self._site.tokens)
            chosen = route(ask.parts, self._site.registry)
            moment = time.monotonic()
            self._journal.append(
                Asked(
                    moment=moment,
                    method=request.method,
                    path=request.path,
                    target=request.target,
                    kind=chosen.kind,
                    repo=chosen.repo,
                    token="authorization" in request.headers,
                    connection=connection,
                    request_id=request_id,
                )
            )
            met = self._met(chosen, moment, reused)
            reply = self._answer(chosen, ask, moment)
        for fault, sight in met:
            reply = fault.alter(reply, sight)
        return replace(reply, headers=(("X-Request-Id", request_id), *reply.headers))

    def _answer(self, chosen: Route, ask: Ask, moment: float) -> Reply:
        allowance = self._allowance(chosen, ask, moment)
        if allowance is not None and not allowance.admitted:
            reply = complaints.complaint(429, f"You have reached your '{chosen.kind}' rate limit.")
        elif ask.stranger and chosen.kind != "storage":
            reply = complaints.bad_token()
        elif ask.request.method not in ("GET", "HEAD", "POST"):
            reply = complaints.complaint(405, "Method not allowed")
        else:
            reply = chosen.answer(self._site, ask)
        return reply if allowance is None else replace(reply, headers=(*reply.headers, *allowance.headers))

    def _allowance(self, chosen: Route, ask: Ask, moment: float) -> Allowance | None:
        if chosen.kind not in ("api", "resolvers"):
            return None
        visitor, quota = (ask.token.value, ask.token.quota) if ask.token else ("", self._anonymous)
        return self._meter.count(visitor, chosen.kind, quota, moment)

    def _met(self, chosen: Route, moment: float, reused: bool) -> list[tuple[Fault, Sight]]:
        """The faults that hit a request, in the order they were set."""
        arrival = Arrival(
            moment=moment,
            model=chosen.repo or "",
            patience=0.0,
            reused=reused,
            complain=complaints.complaint,
        )
        hit = ((rule.fault, rule.sight(arrival)) for kind, rule in self._rules if kind in (None, chosen.kind))
        return [(fault, sight) for fault, sight in hit if sight is not None]
