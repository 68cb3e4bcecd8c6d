"""Describe: what the API says of a repo, in the fields of the real one.

Sources: what huggingface_hub reads (`ModelInfo`, `RepoFile`, `RepoFolder`,
`GitCommitInfo`, `GitRefs`); the Hub's OpenAPI description.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime

from resilient_infer.core.task import Json
from resilient_infer.testing.sandbox.hub.card import README, card_of
from resilient_infer.testing.sandbox.hub.objects import Blob, Commit, Files
from resilient_infer.testing.sandbox.hub.repo import Repo

_SCANNERS = ("avScan", "pickleImportScan", "protectAiScan", "virusTotalScan", "jFrogScan")
_LIBRARIES = (
    ("modules.json", "sentence-transformers"),
    ("adapter_config.json", "peft"),
    ("config.json", "transformers"),
)
_ISSUES = ("unsafe", "suspicious", "caution")
_ONLY_IF_ASKED = ("inferenceProviderMapping",)


def moment(date: datetime) -> str:
    """A date as the Hub writes it: UTC, milliseconds, Z."""
    return f"{date:%Y-%m-%dT%H:%M:%S}.{date.microsecond // 1000:03d}Z"


def model_info(repo: Repo, commit: Commit) -> dict[str, Json]:
    """All that the API can say of a repo at a commit; `selected` takes what was asked for."""
    files, standing = commit.files, repo.standing
    card = card_of(files[README].content) if README in files else {}
    config = _config(files)
    return {
        "_id": repo.hub_id,
        "id": repo.name,
        "modelId": repo.name,
        "author": repo.name.partition("/")[0] if "/" in repo.name else None,
        "sha": commit.id,
        "createdAt": moment(repo.created),
        "lastModified": moment(commit.date),
        "private": standing.private,
        "gated": standing.gated,
        "disabled": standing.disabled,
        "downloads": 0,
        "likes": 0,
        "library_name": card.get("library_name", _library(files)),
        "pipeline_tag": card.get("pipeline_tag"),
        "tags": _tags(card, files),
        "cardData": dict(card),
        "config": config,
        "siblings": [{"rfilename": path} for path in sorted(files)],
        "spaces": [],
        "usedStorage": sum(blob.size for blob in files.values()),
        "inferenceProviderMapping": dict(standing.offers),
    }


def selected(told: Mapping[str, Json], expand: Iterable[str]) -> dict[str, Json]:
    """The fields named in `expand`, or the usual ones if it names none."""
    named = frozenset(expand)
    if named:
        return {field: value for field, value in told.items() if field in named or field in ("_id", "id")}
    return {field: value for field, value in told.items() if field not in _ONLY_IF_ASKED}


def siblings(files: Files) -> list[Json]:
    """The files with sizes and digests, as `blobs=true` asks for."""
    return [_sibling(path, files[path]) for path in sorted(files)]


def scanned(repo: Repo, commit: Commit) -> dict[str, Json]:
    """The security scan in short, as `securityStatus=true` asks for."""
    verdicts = {path: _verdict(repo, commit.files[path]) for path in sorted(commit.files)}
    return {
        "scansDone": not any(verdict in ("queued", "unscanned") for verdict in verdicts.values()),
        "filesWithIssues": [
            {"path": path, "level": verdict} for path, verdict in verdicts.items() if verdict in _ISSUES
        ],
    }


def entries(repo: Repo, commit: Commit, paths: Iterable[str], *, expand: bool) -> list[Json]:
    """Files and folders of a commit; paths that are neither are left out."""
    told: list[Json] = []
    for path in paths:
        if path in commit.files:
            told.append(_file(repo, commit, path, expand=expand))
        elif path and path in commit.folders:
            told.append(_folder(repo, commit, path, expand=expand))
    return told


def commits(log: Iterable[Commit]) -> list[Json]:
    """A history, newest first."""
    return [
        {
            "id": commit.id,
            "title": commit.title,
            "message": "",
            "authors": [{"user": commit.author}],
            "date": moment(commit.date),
        }
        for commit in log
    ]


def refs(repo: Repo, *, pulls: bool) -> dict[str, Json]:
    """The refs; pull requests only for those who ask."""
    history = repo.history
    told: dict[str, Json] = {
        "branches": [_ref(name, f"refs/heads/{name}", id_) for name, id_ in history.branches.items()],
        "converts": [],
        "tags": [_ref(name, f"refs/tags/{name}", id_) for name, id_ in history.tags.items()],
    }
    if pulls:
        told["pullRequests"] = [_ref(name, name, id_) for name, id_ in history.pulls.items()]
    return told


def _ref(name: str, ref: str, commit: str) -> dict[str, Json]:
    return {"name": name, "ref": ref, "targetCommit": commit}


def _sibling(path: str, blob: Blob) -> dict[str, Json]:
    told: dict[str, Json] = {"rfilename": path, "blobId": blob.oid, "size": blob.size}
    if blob.lfs:
        told["lfs"] = {"sha256": blob.sha256, "size": blob.size, "pointerSize": len(blob.pointer)}
    return told


def _file(repo: Repo, commit: Commit, path: str, *, expand: bool) -> dict[str, Json]:
    blob = commit.files[path]
    told: dict[str, Json] = {"type": "file", "oid": blob.oid, "size": blob.size, "path": path}
    if blob.lfs:
        told["lfs"] = {"oid": blob.sha256, "size": blob.size, "pointerSize": len(blob.pointer)}
    if expand:
        verdict = _verdict(repo, blob)
        told["lastCommit"] = _last_commit(repo, commit, path)
        told["securityFileStatus"] = {
            "status": verdict,
            **{scanner: {"status": verdict} for scanner in _SCANNERS},
        }
    return told


def _folder(repo: Repo, commit: Commit, path: str, *, expand: bool) -> dict[str, Json]:
    told: dict[str, Json] = {"type": "directory", "oid": commit.folders[path], "size": 0, "path": path}
    if expand:
        told["lastCommit"] = _last_commit(repo, commit, path)
    return told


def _last_commit(repo: Repo, commit: Commit, path: str) -> dict[str, Json]:
    """The commit that gave a file or folder the content it has."""
    last = commit
    for earlier in repo.history.log(commit):
        if _oid(earlier, path) != _oid(commit, path):
            break
        last = earlier
    return {"id": last.id, "title": last.title, "date": moment(last.date)}


def _oid(commit: Commit, path: str) -> str | None:
    return commit.files[path].oid if path in commit.files else commit.folders.get(path)


def _verdict(repo: Repo, blob: Blob) -> str:
    return repo.standing.scans.get(blob.oid, "safe")


def _config(files: Files) -> dict[str, Json]:
    """What the API repeats of the config: the architecture, the chat template, an adapter's base."""
    told: dict[str, Json] = {}
    config, tokenizer, adapter = (
        _read(files, f"{name}.json") for name in ("config", "tokenizer_config", "adapter_config")
    )
    told |= {key: config[key] for key in ("architectures", "model_type", "auto_map") if key in config}
    if tokenizer:
        told["tokenizer_config"] = {key: tokenizer[key] for key in ("chat_template",) if key in tokenizer}
    if adapter:
        told["peft"] = {
            key: adapter[key] for key in ("base_model_name_or_path", "task_type") if key in adapter
        }
    return told


def _read(files: Files, path: str) -> dict[str, Json]:
    try:
        content: Json = json.loads(files[path].content)
    except (KeyError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _library(files: Files) -> str | None:
    return next((library for path, library in _LIBRARIES if path in files), None)


def _tags(card: Mapping[str, Json], files: Files) -> list[Json]:
    own = card.get("tags")
    tags: list[Json] = list(own) if isinstance(own, list) else []
    tags += [card.get("library_name") or _library(files), card.get("pipeline_tag")]
    if isinstance(card.get("license"), str):
        tags.append(f"license:{card['license']}")
    tags.append("region:us")
    return list(dict.fromkeys(tag for tag in tags if isinstance(tag, str)))
