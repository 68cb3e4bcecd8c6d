"""Card: the metadata at the top of a README.md, as the Hub reads it."""

import json
from collections.abc import Mapping
from functools import lru_cache

from resilient_infer.core.task import Json

README = "README.md"
_FENCE = "---\n"


def readme(card: Mapping[str, Json], text: str) -> str:
    """A README.md with this metadata. Values are written as JSON, which YAML reads as they are."""
    lines = [f"{key}: {json.dumps(value)}\n" for key, value in card.items()]
    return f"{_FENCE}{''.join(lines)}{_FENCE}{text}"


def amended(content: bytes, changes: Mapping[str, Json]) -> str:
    """The same README.md with some metadata changed; None takes a key away."""
    card = {**card_of(content), **changes}
    return readme({key: value for key, value in card.items() if value is not None}, _parted(content)[1])


@lru_cache(maxsize=1024)
def card_of(content: bytes) -> Mapping[str, Json]:
    """The metadata of a README.md; empty if it has none that can be read."""
    import yaml

    try:
        loaded: object = yaml.safe_load(_parted(content)[0])
        card: Json = json.loads(json.dumps(loaded, default=str))  # dates become text, as on the Hub
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):
        return {}
    return card if isinstance(card, dict) else {}


def _parted(content: bytes) -> tuple[str, str]:
    """The metadata and the text below it."""
    text = content.decode(errors="replace").replace("\r\n", "\n")
    if not text.startswith(_FENCE):
        return "", text
    metadata, fence, below = f"\n{text.removeprefix(_FENCE)}".partition(f"\n{_FENCE}")
    return (metadata, below) if fence else ("", text)
