"""Live: do the deployed servers run what is locked?

Asks nobody itself: how a server is asked comes in as an argument. A server
that names no commit is "not attested", which is no finding against it; only
another commit is.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

from resilient_infer.lock.binding import difference_of, identity_asked, identity_held
from resilient_infer.lock.bounded import gather
from resilient_infer.lock.entries import Alias, Manifest, RouteEntry
from resilient_infer.lock.findings import ALIAS, Finding, Said
from resilient_infer.lock.lockfile import LockedModel, LockEntry, Survey
from resilient_infer.lock.reference import is_commit


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRoute:
    """A way to a pinned model.

    Attributes:
        target: Which of the alias's targets it reaches; `position` says which of the target's routes it is.
            Both count from 0.
        stale: How the alias's entry in the lock differs from what it asks for; then it is not asked.
    """

    alias: Alias
    target: int
    position: int
    route: RouteEntry
    pin: LockedModel
    stale: str = ""

    def __str__(self) -> str:
        return f"{self.route.provider}:{self.route.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """The server answered.

    Attributes:
        commit: The full commit that it says it runs; None: it names none.
        remedy: How such a server is started so that it names one.
    """

    commit: str | None
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unasked:
    """There is nothing that could be asked, for a reason that another day does not change."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unheard:
    """It could not be told, and what to do about it."""

    reason: str
    hint: str


Told = Runs | Unasked | Unheard
"""What asking a server which commit it runs came to."""

State = Literal["attested", "mismatch", "silent", "unasked", "unchecked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRow:
    """One route of one alias, and what its server said.

    Attributes:
        state: "silent": it was asked and names no commit; "unasked": nobody there could be asked.
        reported: The full commit that the server says it runs, or None.
        says: What else there is to say of it, in a few words.
        findings: RI501, RI503 or RI900, at the route's line of the manifest.
    """

    alias: str
    route: str
    pin: LockedModel
    state: State
    reported: str | None = None
    says: str = ""
    findings: tuple[Finding, ...] = ()


def live(
    manifest: Manifest,
    survey: Survey | None,
    reported_commit: Callable[[LiveRoute], Told],
    *,
    jobs: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[LiveRow, ...]:
    """Ask the server of each route to a pinned model, and compare what it says with the lock.

    A server that several aliases have in common is asked about a pin once.

    Args:
        reported_commit: Asks a server. Takes a bounded time, and raises nothing for what a server does.
        jobs: Questions under way at a time.
        progress: Told how many servers of how many have answered.
    """
    routes = [] if survey is None else list(_routes(manifest, survey))
    distinct = {_key(route): route for route in reversed(routes) if not route.stale}
    asks = [partial(reported_commit, route) for route in distinct.values()]
    answers = gather(asks, jobs=jobs, progress=lambda done: progress(done, len(asks)))
    told = dict(zip(distinct, answers, strict=True))
    return tuple(_row(route, told.get(_key(route)), manifest.file) for route in routes)


def _routes(manifest: Manifest, survey: Survey) -> Iterator[LiveRoute]:
    for name, alias in manifest.aliases.items():
        entry = survey.lock.entries.get(name)
        if entry is not None:
            yield from _routes_of(alias, entry)


def _routes_of(alias: Alias, entry: LockEntry) -> Iterator[LiveRoute]:
    pins = {identity_held(pin): pin for pin in entry.pins}
    stale = difference_of(alias, entry)
    for number, target in enumerate(alias.targets):
        pin = pins.get(identity_asked(target))
        if isinstance(pin, LockedModel) and is_commit(pin.revision):
            for position, route in enumerate(target.routes):
                yield LiveRoute(
                    alias=alias, target=number, position=position, route=route, pin=pin, stale=stale
                )


def _key(route: LiveRoute) -> tuple[str, ...]:
    """All that the question and what is to be made of its answer depend on."""
    return route.route.provider, route.route.name, route.pin.model, route.pin.revision


def _row(route: LiveRoute, told: Told | None, file: str) -> LiveRow:
    if route.stale or told is None:
        told = Unheard(reason="the alias is not locked as the manifest asks", hint="lock it first")
    state, says = _state(route, told)
    said = _said(route, told, state)
    alias = route.alias
    finding = (
        () if said is None else (said.of(alias.name, file, route.route.line, environment=alias.environment),)
    )
    return LiveRow(
        alias=alias.name,
        route=str(route),
        pin=route.pin,
        state=state,
        reported=told.commit if isinstance(told, Runs) else None,
        says=says,
        findings=finding,
    )


def _state(route: LiveRoute, told: Told) -> tuple[State, str]:
    match told:
        case Runs(commit=None, remedy=remedy):
            return "silent", f"names no commit in full; {remedy}" if remedy else "names no commit in full"
        case Runs(commit=commit) if commit == route.pin.revision:
            return "attested", "runs the pinned commit"
        case Runs(commit=commit):
            return "mismatch", f"runs {commit}"
        case Unasked(reason=reason):
            return "unasked", reason
        case Unheard(reason=reason):
            return "unchecked", reason


def _said(route: LiveRoute, told: Told, state: State) -> Said | None:
    match told:
        case Runs(commit=str(commit)) if state == "mismatch":
            return _other_commit(route, commit)
        case Runs(commit=None, remedy=remedy):
            message = f"{route}: the server names no commit in full, so it attests nothing"
            return Said(code="RI503", message=message, hint=remedy)
        case Unheard(reason=reason, hint=hint):
            return Said(code="RI900", message=f"not checked: {route}: {reason}", hint=hint)
    return None


def _other_commit(route: LiveRoute, commit: str) -> Said:
    pin = route.pin
    return Said(
        code="RI501",
        message=f"{route}: pinned to {pin.model}@{pin.revision[:7]} but the endpoint serves @{commit[:7]}",
        hint=f"redeploy the pin; or, to accept what it serves: resilient-infer update {ALIAS} --to {commit}",
    )
