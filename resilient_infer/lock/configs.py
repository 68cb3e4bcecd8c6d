"""Configs: the small files of a repo that say how its model is put together.

Pure and total: the files are written by strangers, and whatever makes no sense
in them counts as not said. Sources of the layouts: transformers (`CONFIG_NAME`
and its neighbours in `utils`), peft, sentence-transformers (`modules.json`, one
folder a module), setfit, open_clip.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from resilient_infer.core.task import Json

CONFIG: Final = "config.json"
TOKENIZER: Final = "tokenizer_config.json"
ADAPTER: Final = "adapter_config.json"
MODULES: Final = "modules.json"
"""What makes a repo one of sentence-transformers."""

SETFIT: Final = "config_setfit.json"
OPEN_CLIP: Final = "open_clip_config.json"

PROCESSORS: Final = ("preprocessor_config.json", "processor_config.json", "video_preprocessor_config.json")
"""What `AutoProcessor`, `AutoImageProcessor`, `AutoFeatureExtractor` and `AutoVideoProcessor` read."""

MOST_MODULES: Final = 16
_MOST_SENTENCE: Final = 2
"""Files of that name that are read in one folder; a real repo has one."""

_SENTENCE: Final = re.compile(r"sentence_[a-z-]{1,24}_config\.json")
_OF_A_FOLDER: Final = (CONFIG, TOKENIZER)
_AT_THE_TOP: Final = (*_OF_A_FOLDER, ADAPTER, *PROCESSORS, SETFIT, OPEN_CLIP, MODULES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A module of sentence-transformers.

    Attributes:
        type: Its class, as "sentence_transformers.models.Pooling".
        folder: Where its files are: "" or "1_Pooling/".
    """

    type: str
    folder: str

    @property
    def kind(self) -> str:
        """The last part of its type."""
        return self.type.rpartition(".")[2]


def wanted(paths: Collection[str], contents: Mapping[str, bytes]) -> tuple[str, ...]:
    """Which files to ask for next, given a repo's files and the content of those read so far.

    Ask until it is empty: `modules.json` names further ones. Never more than a few dozen.
    """
    names = [name for name in _AT_THE_TOP if name in paths]
    if MODULES in names:
        for module in modules_of(contents):
            names += [f"{module.folder}{name}" for name in _OF_A_FOLDER]
            names += _sentence_paths(module.folder, paths)
    return tuple(dict.fromkeys(name for name in names if name in paths and name not in contents))


def modules_of(contents: Mapping[str, bytes]) -> tuple[Module, ...]:
    """The modules that `modules.json` lists."""
    listed = _json(contents.get(MODULES))
    modules = listed[:MOST_MODULES] if isinstance(listed, list) else []
    return tuple(_module(each) for each in modules if isinstance(each, dict))


def mapping(content: bytes | None) -> Mapping[str, Json]:
    """What a file says, if it is a mapping."""
    return as_mapping(_json(content))


def as_mapping(value: Json) -> Mapping[str, Json]:
    """A value, if it is a mapping."""
    return value if isinstance(value, dict) else {}


def sentence_contents(contents: Mapping[str, bytes]) -> Iterator[str]:
    """The files, of those read, in which sentence-transformers keeps what it tells the tokenizer."""
    return (path for path in sorted(contents) if _SENTENCE.fullmatch(path.rpartition("/")[2]))


def _module(listed: Mapping[str, Json]) -> Module:
    type_, path = listed.get("type"), listed.get("path")
    return Module(
        type=type_ if isinstance(type_, str) else "",
        folder=f"{path.rstrip('/')}/" if isinstance(path, str) and path else "",
    )


def _sentence_paths(folder: str, paths: Collection[str]) -> list[str]:
    named = [path for path in paths if path.startswith(folder)]
    return sorted(path for path in named if _SENTENCE.fullmatch(path[len(folder) :]))[:_MOST_SENTENCE]


def _json(content: bytes | None) -> Json:
    if content is None:
        return None
    try:
        value: Json = json.loads(content)
    except (ValueError, RecursionError):  # no JSON, no UTF-8, a number of 5,000 digits; 10,000 brackets
        return None
    return value
