"""Read pin: one pin of a lock, whole, or what is wrong with it."""

from collections.abc import Mapping
from typing import Final

from resilient_infer.core.target import Pin
from resilient_infer.lock.digest import digest_of, tree_of
from resilient_infer.lock.key import Key, Level, Rows
from resilient_infer.lock.locked import Contract, LockedModel, LockedName, Need, NeedKind
from resilient_infer.lock.nodes import MappingNode
from resilient_infer.lock.problems import quote
from resilient_infer.lock.reference import is_commit, parse_reference
from resilient_infer.lock.rules import LABEL, NAME, WORD, Choice, Number, Shape, Text, ValueType
from resilient_infer.lock.values import Fields, Place, entries, fields, items, scalar, text, text_at, whole_at

MOST_WEIGHTS: Final = 64
"""Weight files that one pin may list."""

MOST_NEEDS: Final = 16
"""Other repos that one pin may name; a real model names two or three."""

RELOCK: Final = 'run "resilient-infer lock"'


def rows_of(*named: tuple[str, ValueType]) -> Rows:
    """Rows of a lock's keys: they stand nowhere else and have no default."""
    return {name: Key(name=name, levels=(Level.FILE,), type=type_, text="") for name, type_ in named}


_DIGEST: Final = Text(
    pattern=r"^(?:sha256:[0-9a-f]{64}|git:[0-9a-f]{40})$", rule="a digest: sha256:… or git:…"
)
_PATH: Final = Text(pattern=r"^[^/\\].*$", rule="a path inside the repo")
_ACCESS: Final = Choice(words=("public", "gated", "private"))
_COUNT: Final = Number(least=1, whole=True)

_MODEL_ROWS: Final = rows_of(
    ("model", WORD),
    ("requested", WORD),
    ("revision", WORD),
    ("hub_id", WORD),
    ("access", _ACCESS),
    ("license", WORD),
    ("contract", Shape(name="contract")),
    ("needs", Shape(name="needs")),
    ("weights", Shape(name="weights")),
    ("files", _DIGEST),
    ("check", Text(pattern=r"^[0-9a-f]{8}$", rule="8 lower-case hex digits")),
)
_NAME_ROWS: Final = rows_of(
    ("provider", NAME), ("name", WORD), ("pin", Choice(words=(Pin.VERSIONED.value, Pin.FLOATING.value)))
)
_CONTRACT_ROWS: Final = rows_of(
    ("labels", Shape(name="labels")), ("dimension", _COUNT), ("max_length", _COUNT)
)
_NEED_ROWS: Final = rows_of(
    ("model", WORD),
    ("requested", WORD),
    ("revision", WORD),
    ("kind", Choice(words=tuple(kind.value for kind in NeedKind))),
)


def read_pin(place: Place) -> LockedModel | LockedName | None:
    """A pin of either sort; None after noting what is wrong with it."""
    node = place.node
    if isinstance(node, MappingNode) and any(key.text == "provider" for key, _ in node.items):
        return _locked_name(fields(place, _NAME_ROWS))
    return read_model(place)


def read_model(place: Place) -> LockedModel | None:
    """A pin of a Hub model; None after noting what is wrong with it."""
    found = fields(place, _MODEL_ROWS)
    for key in ("model", "requested", "revision"):
        found.required(key, RELOCK)
    model, requested, revision = _model(found), text_at(found, "requested"), _revision(found)
    contract, weights = _contract(found.at("contract")), _weights(found.at("weights"))
    locked = LockedModel(
        model=model or "",
        requested=requested or "",
        revision=revision or "",
        hub_id=text_at(found, "hub_id"),
        access=text_at(found, "access"),
        license=text_at(found, "license"),
        contract=contract,
        needs=_needs(found.at("needs")),
        weights=weights,
        files=text_at(found, "files"),
        check=_checked(found),
        line=found.place.node.line,
    )
    if requested and revision and is_commit(requested) and is_commit(revision) and requested != revision:
        found.place.wrong(f"RI101: commit {requested[:12]} was requested and another one is locked; {RELOCK}")
    return locked if model and requested and revision else None


def _locked_name(found: Fields) -> LockedName | None:
    for key in _NAME_ROWS:
        found.required(key, RELOCK)
    provider, name, pin = text_at(found, "provider"), text_at(found, "name"), text_at(found, "pin")
    if provider is None or name is None or pin is None:
        return None
    return LockedName(provider=provider, name=name, pin=Pin(pin), line=found.place.node.line)


def _model(found: Fields) -> str | None:
    value, place = text_at(found, "model"), found.at("model")
    if value is None or place is None:
        return None
    try:
        plain = parse_reference(value).model == value
    except ValueError:
        plain = False
    if not plain:
        place.wrong(f"{quote(value)} is no Hub repo; {RELOCK}")
    return value if plain else None


def _revision(found: Fields) -> str | None:
    place = found.at("revision")
    node = None if place is None else scalar(place)
    if place is None or node is None:
        return None
    if is_commit(node.text) and node.quoted:
        return node.text
    if is_commit(node.text):
        fault = f"commit {node.text} stands without quotes"
    else:
        fault = f"{quote(node.text)} is no full commit of 40 lower-case hex digits"
    place.wrong(f"RI103: {fault}; {RELOCK}")
    return node.text


def _contract(place: Place | None) -> Contract:
    if place is None:
        return Contract()
    found = fields(place, _CONTRACT_ROWS)
    listed = found.at("labels")
    labels = None if listed is None else [text(item, LABEL) for item in items(listed, "labels")]
    return Contract(
        labels=None if labels is None else tuple(label for label in labels if label is not None),
        dimension=whole_at(found, "dimension"),
        max_length=whole_at(found, "max_length"),
    )


def _needs(place: Place | None) -> tuple[Need, ...]:
    if place is None:
        return ()
    needs = [_need(fields(item, _NEED_ROWS)) for item in items(place, "needs")]
    if len(needs) > MOST_NEEDS:
        place.wrong(f"{len(needs)} other repos are named; at most {MOST_NEEDS} are")
    return tuple(need for need in needs if need is not None)


def _need(found: Fields) -> Need | None:
    for key in ("model", "requested", "kind"):
        found.required(key, RELOCK)
    model, requested, kind = _model(found), text_at(found, "requested"), text_at(found, "kind")
    revision = _revision(found)
    if model is None or requested is None or kind is None:
        return None
    return Need(model=model, requested=requested, kind=NeedKind(kind), revision=revision)


def _weights(place: Place | None) -> Mapping[str, str] | None:
    if place is None:
        return None
    weights = {key.text: text(value, _DIGEST) or "" for key, value in entries(place, _PATH, "weight file")}
    if len(weights) > MOST_WEIGHTS:
        place.wrong(f"{len(weights)} weight files are listed; at most {MOST_WEIGHTS} are")
    return weights


def _checked(found: Fields) -> str | None:
    """`check`, if it is given and right; that it is wrong is a problem."""
    check, place = text_at(found, "check"), found.at("check")
    node = found.place.node
    if check is None or place is None or not isinstance(node, MappingNode):
        return check
    right = digest_of({key.text: tree_of(value) for key, value in node.items})
    if check != right:
        place.wrong(
            "RI105: check does not fit the entry's other fields: a hand edit, a bot's bump or a mixed merge; "
            f"{RELOCK}"
        )
        return None
    return check
