"""Hub reading: what the Hub's answers say, in our own values.

Pure. Whatever is not as it should be is None, or left out: `hub.py` tells it as not told.
Sources: huggingface_hub 1.33 and 2.4 (`ModelInfo`, `GitRefs`, `GitCommitInfo`,
`RepoFile`, `BlobSecurityInfo`); the Hub's OpenAPI description for the scans' words.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from resilient_infer.core.task import Json
from resilient_infer.lock.answers import HubCommit, HubFile, HubModel, HubRefs, HubScan
from resilient_infer.lock.reference import is_commit

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_NEXT: Final = re.compile(r'<([^<>]+)>\s*;\s*rel="?next"?')

_SCANS: Final[Mapping[Json, HubScan]] = {
    "safe": HubScan.SAFE,
    "caution": HubScan.SUSPICIOUS,
    "suspicious": HubScan.SUSPICIOUS,
    "unsafe": HubScan.UNSAFE,
}
"""What is not here says nothing about the file: "unscanned", "queued", "error", or a word of later times."""


def digest_of(etag: str) -> str | None:
    """A file's digest from its ETag: sha256 for large files, the git blob's oid for the others."""
    text = etag.removeprefix("W/").strip('"')
    if _SHA256.fullmatch(text):
        return f"sha256:{text}"
    return f"git:{text}" if is_commit(text) else None


def next_query(link: str) -> str | None:
    """The query of the next page, as a `Link` header tells it; None: this was the last one.

    Only the query: where the next page is asked for is not the server's to say.
    """
    found = _NEXT.search(link)
    return None if found is None else urlsplit(found[1]).query


def model_of(listed: Json) -> HubModel | None:
    """A repo at a commit; None: it names no id and commit."""
    if not isinstance(listed, dict):
        return None
    name, commit, hub_id = listed.get("id"), listed.get("sha"), listed.get("_id")
    if not isinstance(name, str) or not isinstance(commit, str) or not is_commit(commit):
        return None
    siblings = listed.get("siblings")
    task = listed.get("pipeline_tag")
    files = tuple(file for each in _list(siblings) if (file := _file_of(each)) is not None)
    return HubModel(
        id=name,
        hub_id=hub_id if isinstance(hub_id, str) else None,
        commit=commit,
        access="private" if listed.get("private") else "gated" if listed.get("gated") else "public",
        disabled=bool(listed.get("disabled")),
        task=task if isinstance(task, str) else None,
        license=_license_of(listed),
        files=files,
        chat_template=_has_chat_template(listed, files),
    )


def refs_of(listed: Json) -> HubRefs | None:
    """The refs of a repo; None: they are none."""
    told = _dict(listed)
    if not isinstance(told.get("branches"), list) or not isinstance(told.get("tags"), list):
        return None
    return HubRefs(
        branches=_named(told["branches"], "name"),
        tags=_named(told["tags"], "name"),
        requests=_named(told.get("pullRequests"), "ref"),
    )


def commits_of(listed: Json) -> tuple[HubCommit, ...] | None:
    """One page of a history; None: it is none, or holds something else than commits."""
    if not isinstance(listed, list):
        return None
    commits = tuple(commit for each in listed if (commit := _commit_of(each)) is not None)
    return commits if len(commits) == len(listed) else None


def scans_of(listed: Json) -> dict[str, HubScan] | None:
    """The verdict on each file of an answer; None: it is none."""
    if not isinstance(listed, list):
        return None
    scans = {}
    for each in listed:
        entry = _dict(each)
        path, status = entry.get("path"), _dict(entry.get("securityFileStatus")).get("status")
        if isinstance(path, str) and entry.get("type") == "file":
            scans[path] = (
                _SCANS.get(status, HubScan.UNSCANNED) if isinstance(status, str) else HubScan.UNSCANNED
            )
    return scans


def _file_of(sibling: Json) -> HubFile | None:
    entry = _dict(sibling)
    path, size, oid = entry.get("rfilename"), entry.get("size"), entry.get("blobId")
    sha256 = _dict(entry.get("lfs")).get("sha256")
    if not isinstance(path, str):
        return None
    known = isinstance(size, int) and not isinstance(size, bool)
    return HubFile(
        path=path,
        size=int(size) if known and isinstance(size, int) else None,
        digest=f"sha256:{sha256}" if isinstance(sha256, str) else f"git:{oid}",
    )


def _license_of(listed: dict[str, Json]) -> str | None:
    license_ = _dict(listed.get("cardData")).get("license")
    if isinstance(license_, str):
        return license_
    for tag in _list(listed.get("tags")):
        if isinstance(tag, str) and tag.startswith("license:"):
            return tag.removeprefix("license:")
    return None


def _has_chat_template(listed: dict[str, Json], files: tuple[HubFile, ...]) -> bool:
    tokenizer = _dict(_dict(listed.get("config")).get("tokenizer_config"))
    return bool(tokenizer.get("chat_template")) or any(file.path == "chat_template.jinja" for file in files)


def _named(refs: Json, key: str) -> dict[str, str]:
    told = {}
    for each in _list(refs):
        name, commit = _dict(each).get(key), _dict(each).get("targetCommit")
        if isinstance(name, str) and isinstance(commit, str) and is_commit(commit):
            told[name] = commit
    return told


def _commit_of(listed: Json) -> HubCommit | None:
    entry = _dict(listed)
    commit, title = entry.get("id"), entry.get("title")
    if not isinstance(commit, str) or not is_commit(commit):
        return None
    return HubCommit(
        commit=commit, at=_moment(entry.get("date")), title=title if isinstance(title, str) else ""
    )


def _moment(date: Json) -> float | None:
    """A date as the Hub writes it ("2026-01-01T00:00:00.000Z"), in seconds since the epoch."""
    try:
        moment = datetime.fromisoformat(date) if isinstance(date, str) else None
        # Without a zone it would be read in that of this machine.
        return None if moment is None or moment.tzinfo is None else moment.timestamp()
    except (ValueError, OverflowError):
        return None


def _dict(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
