"""JSON Schema of the manifest, for editors; made from the key table.

It says a little less than the validator (`parse_manifest`), never more: what
the validator accepts passes the schema.
"""

import json
from collections.abc import Mapping

from resilient_infer.core.task import TASKS, Json
from resilient_infer.lock.key import Key, Level, Rows
from resilient_infer.lock.keys import AT, TARGET_ROWS
from resilient_infer.lock.read_provider import HEADER_NAME, HEADER_VALUE
from resilient_infer.lock.rules import LABEL, NAME, Choice, Flag, Number, Shape, Text
from resilient_infer.lock.url import URL_PATTERN

# A repo with a ref, or an address with a scheme; `reference.py` says the rest.
_MODEL_PATTERN = (
    r"^(?:[A-Za-z][A-Za-z0-9+.-]*://[!-~]+|[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_.-]+)?(?:@[!-~]+)?)$"
)


def json_schema() -> dict[str, Json]:
    """The schema, draft 2020-12."""
    model: Json = {"type": "string", "pattern": _MODEL_PATTERN}
    name: Json = {"type": "string", "pattern": NAME.pattern}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "resilient_infer manifest (lockfiles/models.yaml)",
        **_mapping(AT[Level.FILE], required=("version", "models")),
        "$defs": {
            "providers": _by_name(_ref("provider")),
            "provider": _mapping(AT[Level.PROVIDER], required=("kind",)),
            "url": {"type": "string", "pattern": URL_PATTERN},
            "headers": {
                "type": "object",
                "propertyNames": {"pattern": HEADER_NAME.pattern},
                "additionalProperties": {"type": "string", "pattern": HEADER_VALUE.pattern},
            },
            "policy": _mapping(AT[Level.POLICY]),
            "breaker": _mapping(AT[Level.BREAKER]),
            "aliases": _by_name(_ref("alias")),
            "alias": {"anyOf": [model, _mapping(AT[Level.ALIAS], required=("targets",))]},
            "environments": _by_name(_ref("aliases")),
            "task": {"enum": list(TASKS)},
            "model": model,
            "targets": _list(_ref("target")),
            "target": {
                "anyOf": [
                    _mapping(AT[Level.TARGET], required=("model",)),
                    _mapping(_without(TARGET_ROWS, "model", "routes"), required=("provider", "name", "pin")),
                ]
            },
            "routes": _list({"anyOf": [name, _mapping(AT[Level.ROUTE], required=("provider",))]}),
            "labels": {
                "type": "object",
                "minProperties": 1,
                "propertyNames": {"pattern": LABEL.pattern},
                "additionalProperties": {"type": "string", "pattern": LABEL.pattern},
            },
            "price": _mapping(AT[Level.PRICE]),
        },
    }


def schema_text() -> str:
    """The schema as the file `models.schema.json` holds it."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def _without(rows: Rows, *names: str) -> Rows:
    return {name: key for name, key in rows.items() if name not in names}


def _ref(name: str) -> Json:
    return {"$ref": f"#/$defs/{name}"}


def _by_name(value: Json) -> Json:
    return {"type": "object", "propertyNames": {"pattern": NAME.pattern}, "additionalProperties": value}


def _list(item: Json) -> Json:
    return {"type": "array", "minItems": 1, "items": item}


def _mapping(rows: Rows, *, required: tuple[str, ...] = ()) -> dict[str, Json]:
    found: dict[str, Json] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: _property(key) for name, key in rows.items()},
    }
    return {**found, "required": list(required)} if required else found


def _property(key: Key) -> Json:
    found: dict[str, Json] = {"description": key.text, **_type(key)}
    return found if key.default is None else {**found, "default": key.default}


def _type(key: Key) -> Mapping[str, Json]:
    match key.type:
        case Shape(name=name):
            return {"$ref": f"#/$defs/{name}"}
        case Flag():
            return {"type": "boolean"}
        case Choice(words=words):
            return {"enum": list(words)}
        case Text(pattern=pattern):
            return {"type": "string", "pattern": pattern}
        case Number(whole=whole, least=least, most=most, above=above):
            lower = "exclusiveMinimum" if above else "minimum"
            return {"type": "integer" if whole else "number", lower: least, "maximum": most}
