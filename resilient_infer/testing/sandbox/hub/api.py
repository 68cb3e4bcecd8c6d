"""API: the answers below /api/models, and of the few other places a client asks at."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlencode

from resilient_infer.core.task import Json
from resilient_infer.testing.sandbox.hub import complaints, describe
from resilient_infer.testing.sandbox.hub.objects import Commit
from resilient_infer.testing.sandbox.hub.repo import Repo
from resilient_infer.testing.sandbox.hub.site import Ask, Site, affirmed, barred, moved
from resilient_infer.testing.sandbox.wire import Reply, answered


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """What is looked at: a repo, a commit, what it was called in the request, and a path in it."""

    repo: Repo
    commit: Commit
    revision: str
    path: str


def whoami(ask: Ask) -> Reply:
    """GET /api/whoami-v2."""
    if ask.token is None:
        return complaints.no_token()
    access: Json = {"displayName": "sandbox", "role": "read", "createdAt": "2026-01-01T00:00:00.000Z"}
    return answered(
        {
            "type": "user",
            "name": ask.token.user,
            "fullname": ask.token.user,
            "isPro": False,
            "orgs": [],
            "auth": {"type": "access_token", "accessToken": access},
        }
    )


def harnesses() -> Reply:
    """GET /api/agent-harnesses, which huggingface_hub asks for before its first request."""
    return answered({"harnesses": {}})


def deployment(site: Site, ask: Ask, name: str) -> Reply:
    """GET /v2/endpoint/{namespace}/{name} of the management API of Inference Endpoints."""
    if ask.token is None:
        return complaints.no_token()
    found = site.deployments.get(name)
    if found is None:
        return complaints.complaint(404, f"Endpoint {name} not found")
    return answered(found.described())


def model(site: Site, ask: Ask, name: str, rest: Sequence[str]) -> Reply:
    """Whatever is asked of a repo: /api/models/{name}, and below."""
    repo = site.registry.find(name)
    error = barred(repo, ask, download=False)
    if error is not None or repo is None:
        return error or complaints.no_repo(known=ask.known)
    redirect = moved(repo, name, ask, below="/api/models/")
    if redirect is not None:
        return redirect
    verb, *operands = rest or ("revision", "main")
    if verb == "refs" and not operands:
        return answered(describe.refs(repo, pulls=ask.asks("include_prs")))
    answer = _AT_A_REVISION.get(verb)
    if answer is None or not operands:
        return complaints.complaint(404, "Sorry, we can't find the page you are looking for.")
    revision, *path = operands
    stale = repo.standing.stale if verb == "revision" else {}
    commit = _remembered(stale, revision) or repo.history.find(revision, short=True)
    if commit is None:
        return complaints.no_revision(revision)
    return answer(site, ask, _Place(repo=repo, commit=commit, revision=revision, path="/".join(path)))


def _remembered(stale: Mapping[str, Commit], revision: str) -> Commit | None:
    """The commit that the API has not yet forgotten, though its files are gone."""
    return next((commit for ref, commit in stale.items() if revision in (ref, commit.id)), None)


def _revision(site: Site, ask: Ask, place: _Place) -> Reply:
    told = describe.model_info(place.repo, place.commit)
    if ask.asks("blobs"):
        told["siblings"] = describe.siblings(place.commit.files)
    answer = describe.selected(told, (*ask.query.get("expand", ()), *ask.query.get("expand[]", ())))
    if ask.asks("securityStatus"):
        answer["securityRepoStatus"] = describe.scanned(place.repo, place.commit)
    return answered(answer)


def _commits(site: Site, ask: Ask, place: _Place) -> Reply:
    told = describe.commits(place.repo.history.log(place.commit))
    listed = _paged(site, ask, told, "p", site.page)
    return replace(listed, headers=(*listed.headers, ("X-Total-Count", str(len(told)))))


def _tree(site: Site, ask: Ask, place: _Place) -> Reply:
    commit, path = place.commit, place.path
    if path and path not in commit.folders:
        return complaints.no_entry(f'{path} does not exist on "{place.revision}"')
    start = f"{path}/" if path else ""
    below = sorted(entry for entry in {*commit.files, *commit.folders} if entry and entry.startswith(start))
    if not ask.asks("recursive"):
        below = [entry for entry in below if "/" not in entry.removeprefix(start)]
    told = describe.entries(place.repo, commit, below, expand=ask.asks("expand"))
    return _paged(site, ask, told, "cursor", site.page)


def _paths_info(site: Site, ask: Ask, place: _Place) -> Reply:
    if ask.request.method != "POST":
        return complaints.complaint(405, "Method not allowed")
    content = ask.request.content
    if isinstance(content, dict):
        named = content.get("paths")
        paths = [str(one) for one in named] if isinstance(named, list) else []
        expand = content.get("expand") is True
    else:
        form = parse_qs(ask.request.body.decode(errors="replace"))
        paths, expand = form.get("paths", []), affirmed(form.get("expand", []))
    return answered(describe.entries(place.repo, place.commit, paths, expand=expand))


def _paged(site: Site, ask: Ask, items: list[Json], turner: str, size: int) -> Reply:
    """One page, and in `Link` where the next one is, as on GitHub."""
    asked = {name: values[-1] for name, values in ask.query.items()}
    limit = _number(asked.get("limit"), size) or size
    page = _number(asked.get(turner), 0)
    links: tuple[tuple[str, str], ...] = ()
    if (page + 1) * limit < len(items):
        following = urlencode({**asked, turner: str(page + 1)})
        path = ask.request.target.partition("?")[0]
        links = (("Link", f'<{site.origin}{path}?{following}>; rel="next"'),)
    return answered(items[page * limit : (page + 1) * limit], headers=links)


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else default


_AT_A_REVISION: Mapping[str, Callable[[Site, Ask, _Place], Reply]] = {
    "revision": _revision,
    "commits": _commits,
    "tree": _tree,
    "paths-info": _paths_info,
}
VERBS = frozenset(("refs", *_AT_A_REVISION))
"""What may follow a repo's name, so that a name without a namespace can be told from one with it."""
