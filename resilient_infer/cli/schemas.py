"""Schemas: JSON Schema of what the commands about pins print with `--format json`, for programs that read it.

All keys are always there, also after a failure. A new key raises the second
number of `schema_version`, a changed one the first.
"""

import json
from collections.abc import Mapping
from typing import Final, get_args

from resilient_infer.cli.answer import SCHEMA_VERSION
from resilient_infer.core.target import Pin
from resilient_infer.core.task import Json
from resilient_infer.lock.files import FileClass
from resilient_infer.lock.findings import Level
from resilient_infer.lock.live import State
from resilient_infer.lock.outdated import Age
from resilient_infer.lock.relock import What
from resilient_infer.lock.way import Course

NAMES: Final = ("verify", "lock", "update", "outdated", "diff")
"""The commands that have a schema, in the file `NAME.schema.json`."""

_TEXT: Final[Json] = {"type": "string"}
_TEXT_OR_NULL: Final[Json] = {"type": ["string", "null"]}
_FLAG: Final[Json] = {"type": "boolean"}
_COUNT: Final[Json] = {"type": "integer", "minimum": 0}
_SECONDS: Final[Json] = {"type": "number", "minimum": 0}
_CODE: Final[Json] = {"type": "string", "pattern": "^RI[0-9]{3}$"}
_COMMIT: Final[Json] = {"type": "string", "pattern": "^[0-9a-f]{40}$"}
_COMMIT_OR_NULL: Final[Json] = {"type": ["string", "null"], "pattern": "^[0-9a-f]{40}$"}


def json_schema(name: str) -> dict[str, Json]:
    """The schema of a command's object, draft 2020-12."""
    own = _OWN[name]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"resilient-infer {name} --format json",
        **_object({**_FIRST, "command": {"const": name}, **own, **_LAST}),
        "$defs": {"finding": _FINDING, "error": _ERROR},
    }


def schema_text(name: str) -> str:
    """The schema as its file holds it."""
    return json.dumps(json_schema(name), indent=2, ensure_ascii=False) + "\n"


def _object(properties: Mapping[str, Json]) -> dict[str, Json]:
    """An object with exactly these keys."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": dict(properties),
    }


def _list(item: Json) -> dict[str, Json]:
    return {"type": "array", "items": item}


def _words(words: tuple[str, ...]) -> dict[str, Json]:
    return {"enum": list(words)}


_FINDING: Final[Json] = _object(
    {
        "code": _CODE,
        "state": {"type": "string", "description": "What the code means."},
        "level": _words(tuple(level.value for level in Level)),
        "security": {"type": "boolean", "description": "Somebody may be at work; no flag silences it."},
        "alias": {"type": ["string", "null"], "description": "null: it concerns the whole file."},
        "file": {"type": "string", "description": "Relative to the folder that the command ran in."},
        "line": {"type": "integer", "minimum": 0, "description": "From 1; 0: it concerns the whole file."},
        "message": _TEXT,
        "hint": {"type": "string", "description": "What to do; may be empty."},
    }
)

_ERROR: Final[Json] = _object(
    {
        "kind": {"type": "string", "description": "The class of the error, for example ConfigError."},
        "message": _TEXT,
        "hint": _TEXT,
        "problems": _list(_TEXT),
        "retry_after": {"type": ["number", "null"]},
    }
)

_FIRST: Final[Mapping[str, Json]] = {
    "schema_version": {
        "type": "string",
        "pattern": f"^{SCHEMA_VERSION.partition('.')[0]}\\.[0-9]+$",
    },
    "command": _TEXT,
    "exit_code": {"enum": [0, 1, 2, 3]},
}

_LAST: Final[Mapping[str, Json]] = {
    "findings": _list({"$ref": "#/$defs/finding"}),
    "elapsed": _SECONDS,
    "requests": _COUNT,
    "error": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/error"}]},
}

_VERIFY: Final[Mapping[str, Json]] = {
    "pins": _list(
        _object(
            {
                "alias": _TEXT,
                "state": _words(("ok", "drift", "warning", "unchecked", "error")),
                "model": _TEXT,
                "requested": _TEXT,
                "revision": _COMMIT,
                "branch": _COMMIT_OR_NULL,
                "note": _TEXT,
                "codes": _list(_CODE),
                "needed_by": {**_list(_TEXT), "description": "Models that load it; empty: it is a target."},
            }
        )
    ),
    "routes": _list(
        _object(
            {
                "alias": _TEXT,
                "route": _TEXT,
                "state": _words(get_args(State)),
                "model": _TEXT,
                "revision": _COMMIT,
                "reported": _TEXT_OR_NULL,
                "says": _TEXT,
                "codes": _list(_CODE),
            }
        )
    ),
}

_MADE: Final[Mapping[str, Json]] = {
    "files": _list(
        _object(
            {
                "environment": _TEXT_OR_NULL,
                "file": _TEXT,
                "aliases": _COUNT,
                "differs": {"type": ["boolean", "null"], "description": "null: not asked, with --check."},
                "written": _FLAG,
            }
        )
    ),
    "changes": _list(
        _object(
            {
                "environment": _TEXT_OR_NULL,
                "alias": _TEXT,
                "change": _words(tuple(what.value for what in What)),
                "model": _TEXT_OR_NULL,
                "requested": _TEXT_OR_NULL,
                "revision": _COMMIT_OR_NULL,
                "before": _TEXT_OR_NULL,
                "provider": _TEXT_OR_NULL,
                "name": _TEXT_OR_NULL,
                "pin": {"enum": [Pin.VERSIONED.value, Pin.FLOATING.value, None]},
                "notes": _list(_TEXT),
            }
        )
    ),
    "notes": _list(_TEXT),
}

_LOCK: Final[Mapping[str, Json]] = {"check": _FLAG, "dry_run": _FLAG, "relocate": _FLAG, **_MADE}

_COURSE: Final[Json] = {
    "enum": [*(course.value for course in Course), None],
    "description": "How the one commit came from the other; null: the same commit, or not told.",
}
_SIZE: Final[Json] = {"type": ["integer", "null"], "minimum": 0, "description": "Bytes; null: not told."}
_CLASSES: Final = _words(tuple(kind.value for kind in FileClass))
_STATE: Final[Json] = {
    "anyOf": [
        {"type": "null"},
        _object({"requested": _TEXT_OR_NULL, "revision": _COMMIT_OR_NULL}),
    ]
}
_VALUE: Final[Json] = {"type": ["string", "integer", "array", "null"], "items": _TEXT}
_FIELD: Final = _object({"name": _TEXT, "before": _VALUE, "after": _VALUE})
_SIZES: Final[Mapping[str, Json]] = {"size_before": _SIZE, "size_after": _SIZE, "size_fetched": _SIZE}

_PIN_DIFF: Final = _object(
    {
        "name": _TEXT,
        "needed": {"type": "boolean", "description": "No call goes there: another model loads it."},
        "before": _STATE,
        "after": _STATE,
        "fields": _list(_FIELD),
        "course": _COURSE,
        "commits": {
            "anyOf": [
                {"type": "null"},
                _list(_object({"commit": _COMMIT, "at": {"type": ["number", "null"]}, "title": _TEXT})),
            ]
        },
        "classes": _list(_CLASSES),
        "whole": {"type": "boolean", "description": "All files were compared, not only the locked weights."},
        "files": _list(
            _object(
                {
                    "path": _TEXT,
                    "class": _CLASSES,
                    "size_before": _SIZE,
                    "size_after": _SIZE,
                    "digest_before": _TEXT_OR_NULL,
                    "digest_after": _TEXT_OR_NULL,
                }
            )
        ),
        **_SIZES,
    }
)

_DIFFERENCES: Final = _list(
    _object(
        {
            "environment": _TEXT_OR_NULL,
            "alias": _TEXT,
            "before": {"type": "boolean", "description": "It was locked."},
            "after": {"type": "boolean", "description": "It is locked."},
            "task": {"anyOf": [{"type": "null"}, _FIELD]},
            "reordered": _FLAG,
            "pins": _list(_PIN_DIFF),
        }
    )
)

_OUTDATED: Final[Mapping[str, Json]] = {
    "pins": _list(
        _object(
            {
                "alias": _TEXT,
                "state": _words(tuple(age.value for age in Age)),
                "model": _TEXT,
                "requested": _TEXT,
                "revision": _COMMIT,
                "head": _COMMIT_OR_NULL,
                "needed": _FLAG,
                "course": _COURSE,
                "commits": {"type": ["integer", "null"], "minimum": 0},
                "since": {"type": ["number", "null"], "description": "Seconds since the epoch."},
                "classes": {"anyOf": [{"type": "null"}, _list(_CLASSES)]},
                **_SIZES,
            }
        )
    )
}

_OWN: Final[Mapping[str, Mapping[str, Json]]] = {
    "verify": _VERIFY,
    "lock": _LOCK,
    "update": {"dry_run": _FLAG, **_MADE, "differences": _DIFFERENCES},
    "outdated": _OUTDATED,
    "diff": {"before": _TEXT, "after": _TEXT, "differences": _DIFFERENCES},
}
