"""Server: one sandbox server of one kind, its models, its journal and its faults."""

import math
import threading
import time
from collections import Counter, deque
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from socket import socket
from typing import Self

from resilient_infer.core.task import Json
from resilient_infer.testing.sandbox.conversation import converse
from resilient_infer.testing.sandbox.dialect import RIGHT, Dialect, Question
from resilient_infer.testing.sandbox.faults import Fault, Refused, Sight
from resilient_infer.testing.sandbox.listener import Listener
from resilient_infer.testing.sandbox.models import CATALOGUE, Model
from resilient_infer.testing.sandbox.rules import Arrival, Rule, Scope
from resilient_infer.testing.sandbox.waits import Waits
from resilient_infer.testing.sandbox.wire import Reply, Request, paced

_KEPT = 100_000
"""Requests the journal keeps: a long benchmark must not fill the memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request that arrived.

    Attributes:
        moment: When it was complete, seconds of `time.monotonic`.
        headers: Names in lower case.
        body: As JSON, or None if it was none.
        raw: The bytes of the body.
        model: What it asked for, or None if it named no model.
        attempt: How many requests for this model have come, this one included.
        connection: Number of the connection, from 1.
        request_id: What the answer's `x-request-id` says.
    """

    moment: float
    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: Json = field(repr=False)
    raw: bytes = field(repr=False)
    model: str | None
    attempt: int
    connection: int
    request_id: str


class Server:
    """A server on a free port of this machine. Made by `Sandbox.serve`; thread-safe.

    Attributes:
        kind: As in a manifest.
        name: Its provider's name in the manifest that `Sandbox.manifest` makes.
        url: Base URL, as a manifest's provider names it.
        key: The Bearer token it demands; None: it takes any and none.
        key_env: The variable in which that manifest says the key is.
        reports: What it says of its commit, if its kind says anything: "right" for the truth, other
            text as it is, None for nothing.
    """

    def __init__(
        self,
        dialect: Dialect,
        *,
        name: str,
        models: Iterable[str | Model] | None,
        key: str | None,
        key_env: str,
        reports: str | None = RIGHT,
        scale: float = 1.0,
    ) -> None:
        if reports not in (RIGHT, None) and not dialect.testifies:
            raise ValueError(f"{dialect.kind} says of no model which commit it runs; leave reports out")
        self.kind = dialect.kind
        self.name = name
        self.key = key
        self.key_env = key_env
        self.reports = reports
        self._dialect = dialect
        self._models = _shelf(dialect, models)
        self._lock = threading.Lock()
        self._journal: deque[Received] = deque(maxlen=_KEPT)
        self._attempts: Counter[str | None] = Counter()
        self._serial = 0
        self._rules: tuple[Rule, ...] = ()
        self._pace = (0.0, 0.0)
        self._waits = Waits(scale)
        self._listener = Listener(self._serve)
        self.url = f"http://127.0.0.1:{self._listener.port}{dialect.base}{dialect.entry}"

    def __repr__(self) -> str:
        return f"Server({self.kind!r}, {self.url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def models(self) -> dict[str, str]:
        """The commit of each model served now, by name."""
        return {name: model.commit for name, model in self._models.items()}

    @property
    def requests(self) -> tuple[Received, ...]:
        """What arrived, in order; of very many the newest 100,000."""
        with self._lock:
            return tuple(self._journal)

    def model(self, name: str) -> Model:
        """A model served here.

        Raises:
            ValueError: It is not.
        """
        if name not in self._models:
            raise ValueError(f"{self.name} does not serve {name}; it serves {', '.join(self._models)}")
        return self._models[name]

    def move(self, model: str, commit: str) -> None:
        """Serve another commit of a model from now on, as after a redeploy; "right" is told anew.

        Raises:
            ValueError: The model is not served here, or the commit is no 40 lower-case hex digits.
        """
        moved = replace(self.model(model), commit=commit)
        with self._lock:
            self._models = {**self._models, model: moved}

    def pace(self, *, first_token: float = 0.0, between: float = 0.0) -> None:
        """Stream like this from now on, also when healed: seconds before the first token, and between two.

        Raises:
            ValueError: Not a finite number of at least 0.
        """
        if not all(0 <= seconds < math.inf for seconds in (first_token, between)):
            raise ValueError("a pace is in seconds: finite numbers of at least 0")
        self._pace = (first_token, between)

    def fail(
        self,
        fault: Fault | Refused,
        *,
        model: str | None = None,
        attempts: Container[int] | int | None = None,
        chance: float = 1.0,
        seed: int = 0,
    ) -> None:
        """Let something go wrong from now on. Several faults act one after another, as they were set.

        Args:
            model: Only for this model; None: for every request.
            attempts: The first so many requests, or those numbers, for example `range(2, 4)`; counted
                per model, from 1, from now on. None: all of them.
            chance: Share of those requests that is hit, between 0 and 1.
            seed: What the chance draws from; the nth request always draws the same.

        Raises:
            ValueError: The model is not served here, the chance is no share, or `Refused` is limited.
        """
        if isinstance(fault, Refused):
            if (model, attempts, chance) != (None, None, 1.0):
                raise ValueError(
                    "a server refuses all connections or none; leave out model, attempts and chance"
                )
            self._waits.end()
            self._listener.refuse()
            return
        if model is not None:
            self.model(model)
        if not 0 <= chance <= 1:
            raise ValueError(f"chance is a share between 0 and 1, not {chance}")
        numbers = range(1, attempts + 1) if isinstance(attempts, int) else attempts
        rule = Rule(fault, Scope(model=model, attempts=numbers, chance=chance, seed=seed))
        with self._lock:
            self._rules = (*self._rules, rule)

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
            request_id = f"{self.name}-{self._serial}"
            question = self._question(request)
            model = None if question is None else self._dialect.named(question)
            moment = time.monotonic()
            self._attempts[model] += 1
            self._journal.append(
                Received(
                    moment=moment,
                    method=request.method,
                    path=request.path,
                    headers=request.headers,
                    body=request.content,
                    raw=request.body,
                    model=model,
                    attempt=self._attempts[model],
                    connection=connection,
                    request_id=request_id,
                )
            )
            met = self._met(request, model or "", moment, reused)
        reply = paced(self._answer(request, question), *self._pace)
        for fault, sight in met:
            reply = fault.alter(reply, sight)
        return replace(reply, headers=(("x-request-id", request_id), *reply.headers))

    def _question(self, request: Request) -> Question | None:
        """None: the path is outside the base path."""
        if not request.path.startswith(self._dialect.base):
            return None
        path = request.path.removeprefix(self._dialect.base)
        return Question(
            request=request, path=path, models=self._models, draw=self._serial, reports=self.reports
        )

    def _answer(self, request: Request, question: Question | None) -> Reply:
        if self.key is not None and request.headers.get("authorization") != f"Bearer {self.key}":
            return self._dialect.complain(401, "")
        if question is None:
            return self._dialect.complain(404, "Not Found")
        return self._dialect.answer(question)

    def _met(self, request: Request, model: str, moment: float, reused: bool) -> list[tuple[Fault, Sight]]:
        """The faults that hit a request, in the order they were set."""
        if not self._rules:
            return []
        arrival = Arrival(
            moment=moment / self._waits.scale,
            model=model,
            patience=self._patience(request) / self._waits.scale,
            reused=reused,
            complain=self._dialect.complain,
            scale=self._waits.scale,
        )
        sights = ((rule.fault, rule.sight(arrival)) for rule in self._rules)
        return [(fault, sight) for fault, sight in sights if sight is not None]

    def _patience(self, request: Request) -> float:
        """Seconds the proxy before a dedicated endpoint may hold a request while the endpoint starts."""
        asked = request.headers.get("x-scale-up-timeout", "")
        return float(asked) if self._dialect.holds and asked.isascii() and asked.isdigit() else 0.0


def _shelf(dialect: Dialect, models: Iterable[str | Model] | None) -> Mapping[str, Model]:
    if models is None:
        chosen = [model for model in CATALOGUE.values() if dialect.serves(model)]
        chosen = chosen[:1] if dialect.single else chosen
    else:
        chosen = [_known(model) if isinstance(model, str) else model for model in models]
    for model in chosen:
        if model.task not in dialect.tasks:
            raise ValueError(f"{dialect.kind} serves no model for {model.task}, as {model.name} is")
    if not chosen or (dialect.single and len(chosen) > 1):
        raise ValueError(f"{dialect.kind} serves {'one model' if dialect.single else 'at least one model'}")
    return {model.name: model for model in chosen}


def _known(name: str) -> Model:
    if name not in CATALOGUE:
        raise ValueError(f"{name} is not in the catalogue; say Model(name={name!r}, task=...) to serve it")
    return CATALOGUE[name]
