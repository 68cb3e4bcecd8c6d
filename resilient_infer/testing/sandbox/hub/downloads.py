"""Downloads: files at a revision, from git or from where LFS objects are.

The three shapes the real Hub answers in: a file in git of an ordinary public
repo is behind a 307 to a cached place on the same host; an LFS file is behind
a 302 to another host, whose reply knows nothing of the repo; all else comes
at once. Sources: a maintainer's account in huggingface_hub#4815; headers of
huggingface.co quoted in swift-transformers#209 and huggingface_hub's
`get_hf_file_metadata`.
"""

import re
from dataclasses import replace
from urllib.parse import quote, urlencode

from resilient_infer.testing.sandbox.hub import complaints
from resilient_infer.testing.sandbox.hub.objects import Blob, Commit
from resilient_infer.testing.sandbox.hub.repo import Repo
from resilient_infer.testing.sandbox.hub.site import Ask, Site, barred, moved
from resilient_infer.testing.sandbox.wire import Reply, Request

_RANGE = re.compile(r"bytes=(\d{0,12})-(\d{0,12})")


def resolve(site: Site, ask: Ask, name: str, revision: str, path: str) -> Reply:
    """GET or HEAD /{name}/resolve/{revision}/{path}."""
    repo = site.registry.find(name)
    error = barred(repo, ask, download=True)
    if error is not None or repo is None:
        return _as_text(error or complaints.no_repo(known=ask.known))
    redirect = moved(repo, name, ask, below="/")
    if redirect is not None:
        return redirect
    commit = repo.history.find(revision)
    if commit is None:
        forgotten = {stale.id for stale in repo.standing.stale.values()}
        return _as_text(complaints.no_entry() if revision in forgotten else complaints.no_revision(revision))
    return _file(site, ask, repo, commit, path)


def cached(site: Site, ask: Ask, name: str, revision: str, path: str) -> Reply:
    """GET or HEAD /api/resolve-cache/models/{name}/{revision}/{path}, where a 307 leads to."""
    repo = site.registry.find(name)
    error = barred(repo, ask, download=True)
    if error is not None or repo is None:
        return _as_text(error or complaints.no_repo(known=ask.known))
    commit = repo.history.find(revision)
    if commit is None or path not in commit.files:
        return _as_text(complaints.no_entry())
    return _whole(ask.request, commit, path)


def stored(site: Site, ask: Ask, place: str) -> Reply:
    """GET or HEAD of an LFS object, where a 302 leads to: content-addressed, without a token."""
    repo, blob = site.fetched.get(place, (None, None))
    if repo is None or blob is None or blob.sha256 in repo.standing.lost:
        return Reply(status=404, body=b"<Error><Code>NoSuchKey</Code></Error>", media_type="application/xml")
    return _ranged(ask.request, _content(blob, (("ETag", f'"{blob.sha256}"'),)))


def _file(site: Site, ask: Ask, repo: Repo, commit: Commit, path: str) -> Reply:
    at = (("X-Repo-Commit", commit.id),)
    blob = commit.files.get(path)
    if blob is None:
        missing = _as_text(complaints.no_entry())
        return replace(missing, headers=(*missing.headers, *at))
    if blob.lfs and blob.sha256 in repo.standing.lost:
        missing = _as_text(complaints.no_entry("Object does not exist"))
        return replace(missing, headers=(*missing.headers, *at))
    if blob.lfs:
        return _elsewhere(site, repo, commit, path, blob)
    restricted = repo.standing.private or repo.standing.gated
    if restricted or "/" not in repo.name or not blob.size:
        return _whole(ask.request, commit, path)
    return _nearby(ask.request, repo, commit, path, blob)


def _nearby(request: Request, repo: Repo, commit: Commit, path: str, blob: Blob) -> Reply:
    asked = urlencode({request.path: "", "etag": f'"{blob.etag}"'})
    location = f"/api/resolve-cache/models/{repo.name}/{commit.id}/{quote(path)}?{asked}"
    return _redirect(307, location, commit, path, blob)


def _elsewhere(site: Site, repo: Repo, commit: Commit, path: str, blob: Blob) -> Reply:
    place = f"/lfs/{repo.hub_id}/{blob.sha256}"
    site.fetched[place] = (repo, blob)
    redirect = _redirect(302, site.storage + place, commit, path, blob)
    return replace(redirect, headers=(*redirect.headers, ("X-Linked-Size", str(blob.size))))


def _redirect(status: int, location: str, commit: Commit, path: str, blob: Blob) -> Reply:
    return Reply(
        status=status,
        headers=(
            ("Location", location),
            ("X-Repo-Commit", commit.id),
            ("X-Linked-ETag", f'"{blob.etag}"'),
            ("Accept-Ranges", "bytes"),
            ("Content-Disposition", _disposition(path)),
        ),
        body=f"Redirecting to {location}".encode(),
        media_type="text/plain; charset=utf-8",
    )


def _whole(request: Request, commit: Commit, path: str) -> Reply:
    blob = commit.files[path]
    headers = (
        ("ETag", f'"{blob.etag}"'),
        ("X-Repo-Commit", commit.id),
        ("Content-Disposition", _disposition(path)),
    )
    return _ranged(request, _content(blob, headers))


def _content(blob: Blob, headers: tuple[tuple[str, str], ...]) -> Reply:
    media_type = "application/octet-stream" if blob.lfs else "text/plain; charset=utf-8"
    return Reply(headers=(*headers, ("Accept-Ranges", "bytes")), body=blob.content, media_type=media_type)


def _ranged(request: Request, whole: Reply) -> Reply:
    """Only the bytes that were asked for; what is no range of bytes is ignored (RFC 9110, 14.2)."""
    wanted = _RANGE.fullmatch(request.headers.get("range", ""))
    if wanted is None or request.method != "GET" or wanted[0] == "bytes=-":
        return whole
    size = len(whole.body)
    last = int(wanted[2] or size - 1) if wanted[1] else size - 1
    start = int(wanted[1]) if wanted[1] else max(0, size - int(wanted[2]))
    if start >= size:
        return Reply(status=416, headers=(("Content-Range", f"bytes */{size}"),))
    if last < start:
        return whole
    end = min(last, size - 1)
    spans = ("Content-Range", f"bytes {start}-{end}/{size}")
    return replace(whole, status=206, headers=(*whole.headers, spans), body=whole.body[start : end + 1])


def _disposition(path: str) -> str:
    name = path.rpartition("/")[2]
    return f"inline; filename*=UTF-8''{quote(name)}; filename=\"{quote(name)}\";"


def _as_text(error: Reply) -> Reply:
    message = next(value for name, value in error.headers if name == "X-Error-Message")
    return complaints.plain(error, message)
