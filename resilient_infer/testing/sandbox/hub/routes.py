"""Routes: which answer a path asks for, whose quota it counts against and which repo it names."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from resilient_infer.testing.sandbox.hub import api, complaints, downloads
from resilient_infer.testing.sandbox.hub.registry import Registry
from resilient_infer.testing.sandbox.hub.site import Ask, Site
from resilient_infer.testing.sandbox.wire import Reply

Kind = Literal["api", "resolvers", "cache", "storage", "endpoints"]
"""What a request is for: the API and downloads, which have quotas; the place of small files that a
download is redirected to, and that of LFS objects; the management API of Inference Endpoints."""

Answer = Callable[[Site, Ask], Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where a request leads.

    Attributes:
        repo: The name it asks for, as it says it; None: it names none.
    """

    kind: Kind
    repo: str | None
    answer: Answer


def route(parts: Sequence[str], registry: Registry) -> Route:
    """The route of a path that was cut at "/"."""
    match list(parts):
        case ["api", "models", *rest] if rest:
            return _model(rest, registry)
        case ["api", "resolve-cache", "models", owner, name, commit, *path]:
            return _cached(f"{owner}/{name}", commit, "/".join(path))
        case ["api", "whoami-v2"]:
            return Route(kind="api", repo=None, answer=lambda site, ask: api.whoami(ask))
        case ["api", "agent-harnesses"]:
            return Route(kind="api", repo=None, answer=lambda site, ask: api.harnesses())
        case ["v2", "endpoint", owner, name]:
            return _endpoint(f"{owner}/{name}")
        case ["lfs", *_]:
            place = "/" + "/".join(parts)
            return Route(
                kind="storage", repo=None, answer=lambda site, ask: downloads.stored(site, ask, place)
            )
        case [name, "resolve", revision, *path] if path:
            return _resolved(name, revision, "/".join(path))
        case [owner, name, "resolve", revision, *path] if path:
            return _resolved(f"{owner}/{name}", revision, "/".join(path))
    return Route(kind="api", repo=None, answer=lambda site, ask: _nowhere())


def _model(rest: list[str], registry: Registry) -> Route:
    # "acme/refs" may be a repo, or the refs of the repo "acme".
    alone = len(rest) == 1 or (rest[1] in api.VERBS and registry.find(f"{rest[0]}/{rest[1]}") is None)
    name = rest[0] if alone else f"{rest[0]}/{rest[1]}"
    below = rest[1:] if alone else rest[2:]
    return Route(kind="api", repo=name, answer=lambda site, ask: api.model(site, ask, name, below))


def _resolved(name: str, revision: str, path: str) -> Route:
    return Route(
        kind="resolvers",
        repo=name,
        answer=lambda site, ask: downloads.resolve(site, ask, name, revision, path),
    )


def _cached(name: str, commit: str, path: str) -> Route:
    return Route(
        kind="cache", repo=name, answer=lambda site, ask: downloads.cached(site, ask, name, commit, path)
    )


def _endpoint(name: str) -> Route:
    return Route(kind="endpoints", repo=None, answer=lambda site, ask: api.deployment(site, ask, name))


def _nowhere() -> Reply:
    return complaints.complaint(404, "Sorry, we can't find the page you are looking for.")
