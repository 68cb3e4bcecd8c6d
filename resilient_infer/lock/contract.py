"""Contract: what falling back to another model depends on, read from a repo's small files.

Pure and total: the files are written by strangers, and whatever makes no sense
in them counts as not said. Sources of the layouts: transformers
(`PretrainedConfig` and its attribute maps), sentence-transformers
(`SentenceTransformer.load`, `models.Pooling`, `models.Dense`), setfit.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from resilient_infer.core.task import Json
from resilient_infer.lock.lockfile import Contract
from resilient_infer.lock.recordable import is_line, is_word

MODULES: Final = "modules.json"
"""What makes a repo one of sentence-transformers."""

MOST_LABELS: Final = 4096
"""Labels that are recorded; with more, none are: half a list would be wrong."""

MOST_MODULES: Final = 16
_MOST_TOKENS: Final = 10**8
"""Ten times the longest context of a public model; tokenizers without a limit say 10**30."""

_MOST_NUMBERS: Final = 10**6
"""Far above the length of any embedding."""

_MOST_SENTENCE: Final = 2
"""Files of that name that are read in one folder; a real repo has one."""

_SENTENCE: Final = re.compile(r"sentence_[a-z-]{1,24}_config\.json")
_SMALL: Final = ("config.json", "tokenizer_config.json")

_HIDDEN: Final = ("hidden_size", "dim", "d_model", "n_embd")
_POSITIONS: Final = ("max_position_embeddings", "n_positions", "n_ctx")
"""One number, by the names that transformers' attribute maps know for it."""

_LABELLED: Final = ("-classification", "-detection", "-segmentation")
EMBEDDING: Final = ("feature-extraction", "sentence-similarity")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskChoice:
    """A repo's task (None: unknown) and, for people, why it is taken for that."""

    task: str | None
    reason: str


def choose_task(tag: str | None, paths: Collection[str], *, chat_template: bool) -> TaskChoice:
    """The task of a repo; its `pipeline_tag` misleads for embeddings and for chat."""
    if MODULES in paths and "config_setfit.json" not in paths:
        return TaskChoice(task="feature-extraction", reason=f"{MODULES} makes it an embedding model")
    if tag == "text-generation" and chat_template:
        return TaskChoice(task="chat", reason="its tokenizer has a chat template")
    if tag is not None and is_word(tag):
        return TaskChoice(task=tag, reason="the repo's pipeline_tag")
    return TaskChoice(task=None, reason="the repo names none; say task: in the manifest")


def has_chat_template(contents: Mapping[str, bytes]) -> bool:
    """Whether the tokenizer's config holds a chat template."""
    return bool(_mapping(contents.get("tokenizer_config.json")).get("chat_template"))


def wanted(paths: Collection[str], contents: Mapping[str, bytes]) -> tuple[str, ...]:
    """Which files to ask for next, given a repo's files and the content of those read so far.

    Ask until it is empty: `modules.json` names further ones. Never more than a few dozen.
    """
    names = [name for name in (*_SMALL, MODULES) if name in paths]
    if MODULES in names:
        for module in _modules(contents):
            names += [f"{module.folder}{name}" for name in _SMALL]
            names += _sentence_paths(module.folder, paths)
    return tuple(dict.fromkeys(name for name in names if name in paths and name not in contents))


def contract_of(task: str | None, contents: Mapping[str, bytes]) -> Contract:
    """The contract of a repo that is used for `task`. Never raises, whatever the files hold."""
    config = _mapping(contents.get("config.json"))
    return Contract(
        labels=_labels(config) if task is None or has_labels(task) else None,
        dimension=_dimension(task, config, contents),
        max_length=_max_length(config, contents),
    )


def has_labels(task: str) -> bool:
    """Labels left in the config of another task mean nothing, and zero-shot answers with the caller's."""
    return task.endswith(_LABELLED) and not task.startswith("zero-shot")


def _labels(config: Mapping[str, Json]) -> tuple[str, ...] | None:
    named = config.get("id2label")
    if not isinstance(named, dict) or not 0 < len(named) <= MOST_LABELS:
        return None
    labels = [named.get(str(index)) for index in range(len(named))]
    known = tuple(label for label in labels if isinstance(label, str) and is_line(label))
    return known if len(known) == len(labels) else None


def _dimension(task: str | None, config: Mapping[str, Json], contents: Mapping[str, bytes]) -> int | None:
    if MODULES not in contents:
        return _first(config, _HIDDEN, _MOST_NUMBERS) if task in EMBEDDING else None
    for module in reversed(_modules(contents)):
        own = _mapping(contents.get(f"{module.folder}config.json"))
        match module.kind:
            case "Dense":
                return _count(own.get("out_features"), _MOST_NUMBERS)
            case "Pooling":
                return _pooled(own)
            case "Transformer":
                return _first(own, _HIDDEN, _MOST_NUMBERS)
            case "Normalize" | "Dropout" | "LayerNorm":
                continue
        return None
    return None


def _pooled(pooling: Mapping[str, Json]) -> int | None:
    """Each way of pooling that is switched on adds its own vector to the end."""
    width = _first(pooling, ("word_embedding_dimension", "embedding_dimension"), _MOST_NUMBERS)
    ways = sum(key.startswith("pooling_mode_") and value is True for key, value in pooling.items())
    return None if width is None else _count(width * max(ways, 1), _MOST_NUMBERS)


def _max_length(config: Mapping[str, Json], contents: Mapping[str, bytes]) -> int | None:
    """sentence-transformers cuts where it says; else the tokenizer cuts and the positions end."""
    for path in _sentence_contents(contents):
        cut = _count(_mapping(contents[path]).get("max_seq_length"), _MOST_TOKENS)
        if cut is not None:
            return cut
    folder = next((module.folder for module in _modules(contents) if module.kind == "Transformer"), "")
    tokenizer = _mapping(contents.get(f"{folder}tokenizer_config.json"))
    own = _mapping(contents.get(f"{folder}config.json")) or config
    nested = own.get("text_config")
    positions = _first(own, _POSITIONS, _MOST_TOKENS)
    if positions is None and isinstance(nested, dict):
        positions = _first(nested, _POSITIONS, _MOST_TOKENS)
    ends = (_count(tokenizer.get("model_max_length"), _MOST_TOKENS), positions)
    return min((end for end in ends if end is not None), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Module:
    """A module of sentence-transformers: the last part of its type, and its folder ("" or "1_Pooling/")."""

    kind: str
    folder: str


def _modules(contents: Mapping[str, bytes]) -> tuple[_Module, ...]:
    listed = _json(contents.get(MODULES))
    modules = listed[:MOST_MODULES] if isinstance(listed, list) else []
    return tuple(_module(each) for each in modules if isinstance(each, dict))


def _module(listed: Mapping[str, Json]) -> _Module:
    type_, path = listed.get("type"), listed.get("path")
    kind = type_.rpartition(".")[2] if isinstance(type_, str) else ""
    return _Module(kind=kind, folder=f"{path.rstrip('/')}/" if isinstance(path, str) and path else "")


def _sentence_paths(folder: str, paths: Collection[str]) -> list[str]:
    named = [path for path in paths if path.startswith(folder)]
    return sorted(path for path in named if _SENTENCE.fullmatch(path[len(folder) :]))[:_MOST_SENTENCE]


def _sentence_contents(contents: Mapping[str, bytes]) -> Iterator[str]:
    return (path for path in sorted(contents) if _SENTENCE.fullmatch(path.rpartition("/")[2]))


def _first(mapping: Mapping[str, Json], names: tuple[str, ...], most: int) -> int | None:
    counts = (_count(mapping.get(name), most) for name in names)
    return next((count for count in counts if count is not None), None)


def _count(value: Json, most: int) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 < value <= most else None


def _mapping(content: bytes | None) -> Mapping[str, Json]:
    value = _json(content)
    return value if isinstance(value, dict) else {}


def _json(content: bytes | None) -> Json:
    if content is None:
        return None
    try:
        value: Json = json.loads(content)
    except (ValueError, RecursionError):  # no JSON, no UTF-8, a number of 5,000 digits; 10,000 brackets
        return None
    return value
