"""Site: what the Hub's answers are made of, and who is asking for one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote

from resilient_infer.testing.sandbox.hub import complaints
from resilient_infer.testing.sandbox.hub.deployment import Deployment
from resilient_infer.testing.sandbox.hub.objects import Blob
from resilient_infer.testing.sandbox.hub.quotas import FREE_USER, Quota
from resilient_infer.testing.sandbox.hub.registry import Registry
from resilient_infer.testing.sandbox.hub.repo import Repo
from resilient_infer.testing.sandbox.wire import Reply, Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An access token.

    Attributes:
        user: Whose it is.
        quota: What its user may ask for.
    """

    value: str = field(repr=False)
    user: str
    quota: Quota = FREE_USER


@dataclass(slots=True, kw_only=True)
class Site:
    """The state behind the answers; whoever uses it holds the Hub's lock.

    Attributes:
        origin: Scheme, host and port of the Hub.
        storage: The same of the place where LFS objects are fetched from, which is another host.
        page: Items of one page of a history or a listing.
        fetched: The LFS objects that a redirect has led to, by their path there.
    """

    registry: Registry
    origin: str
    storage: str
    page: int
    tokens: dict[str, Token] = field(default_factory=dict)
    deployments: dict[str, Deployment] = field(default_factory=dict)
    fetched: dict[str, tuple[Repo, Blob]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request, taken apart.

    Attributes:
        parts: The path, cut at "/" and then percent-decoded: "refs%2Fpr%2F1" is one part.
        query: All values of each name.
        token: Whose request it is; None: it carries none.
        stranger: It carries a token that nobody has.
    """

    request: Request
    parts: tuple[str, ...]
    query: Mapping[str, list[str]]
    token: Token | None
    stranger: bool

    def asks(self, name: str) -> bool:
        """Is this set in the query? Clients write `true`, `True` or `1`."""
        return affirmed(self.query.get(name, []))

    @property
    def known(self) -> bool:
        """Is it clear who asks?"""
        return self.token is not None


def ask_of(request: Request, tokens: Mapping[str, Token]) -> Ask:
    """Take a request apart."""
    path, _, query = request.target.partition("?")
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    token = tokens.get(value) if scheme.lower() == "bearer" else None
    return Ask(
        request=request,
        parts=tuple(unquote(part) for part in path.split("/")[1:]),
        query=parse_qs(query, keep_blank_values=True) if query else {},
        token=token,
        stranger=bool(scheme) and token is None,
    )


def affirmed(values: list[str]) -> bool:
    """Do the values of a parameter say yes?"""
    return bool(values) and values[-1].lower() in ("true", "1")


def barred(repo: Repo | None, ask: Ask, *, download: bool) -> Reply | None:
    """Why a visitor may not have this; None: nothing is in the way."""
    if repo is None:
        return complaints.no_repo(known=ask.known)
    standing = repo.standing
    reader = ask.token is not None and ask.token.value in standing.readers
    if standing.private and not reader:
        return complaints.no_repo(known=ask.known)
    if standing.disabled:
        return complaints.disabled()
    if standing.gated and not reader and (download or not standing.listed):
        return complaints.gated(repo.name, known=ask.known)
    return None


def moved(repo: Repo, name: str, ask: Ask, *, below: str) -> Reply | None:
    """The redirect of an old name to the one the repo has now; None: it is asked for by that.

    Args:
        below: What stands before the name in the path, "/" or "/api/models/".
    """
    if repo.name == name:
        return None
    location = ask.request.target.replace(below + name, below + repo.name, 1)
    return Reply(
        status=307,
        headers=(("Location", location),),
        body=f"Temporary Redirect. Redirecting to {location}".encode(),
        media_type="text/plain; charset=utf-8",
    )
