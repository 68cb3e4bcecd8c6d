"""Dialect: how one kind of server names its models, answers and complains."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from resilient_infer.core.task import Json
from resilient_infer.testing.sandbox.models import Model
from resilient_infer.testing.sandbox.wire import Reply, Request

RIGHT = "right"
"""The server reports the commit it really serves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A request and what the server has to answer it with.

    Attributes:
        path: Below the dialect's base path.
        models: What is served at this moment, by name.
        draw: Differs from request to request; what sampling draws from.
        reports: What the server says of its commit: "right", other text as it is, or nothing.
    """

    request: Request
    path: str
    models: Mapping[str, Model]
    draw: int
    reports: str | None = RIGHT

    def reported(self, model: Model) -> str | None:
        """What the server says which commit of a model it runs, true or not; None: it does not say."""
        return model.commit if self.reports == RIGHT else self.reports

    @property
    def only(self) -> Model:
        """The model of a server that serves one."""
        return next(iter(self.models.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One kind of server. No I/O and no state.

    Attributes:
        kind: As in a manifest's `providers`.
        base: Path before everything else.
        entry: What the server's URL has behind `base`; paths outside it are served, too.
        tasks: What its models may be for.
        serves: Whether a model of the catalogue belongs here if the user names none.
        single: Serves one model.
        holds: A proxy before it may hold a request while it starts, as X-Scale-Up-Timeout asks.
        testifies: It says which commit it runs.
        named: The model a question is about, or None if it is about none.
        answer: The answer of a server that is well.
        complain: An error in this dialect, from a status and a message; "": the usual words.
    """

    kind: str
    base: str
    tasks: frozenset[str]
    serves: Callable[[Model], bool]
    single: bool
    named: Callable[[Question], str | None]
    answer: Callable[[Question], Reply]
    complain: Callable[[int, str], Reply]
    entry: str = ""
    holds: bool = False
    testifies: bool = False


class Refusal(Exception):
    """A question that this server cannot answer, as the answer it gets instead."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


def whole_number(value: Json) -> bool:
    """JSON's true is no number here, although Python's True is."""
    return isinstance(value, int) and not isinstance(value, bool)


def number(value: Json) -> bool:
    """Any JSON number but not true or false."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)
