"""Contract: what falling back to another model depends on, read from a repo's small files.

Pure and total: the files are written by strangers, and whatever makes no sense
in them counts as not said. Sources of the layouts: transformers
(`PretrainedConfig` and its attribute maps), sentence-transformers
(`SentenceTransformer.load`, `models.Pooling`, `models.Dense`), setfit (`labels`),
peft (the base model has the config).
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from resilient_infer.core.task import Json
from resilient_infer.lock.configs import (
    CONFIG,
    MODULES,
    SETFIT,
    TOKENIZER,
    as_mapping,
    mapping,
    modules_of,
    sentence_contents,
)
from resilient_infer.lock.locked import Contract
from resilient_infer.lock.recordable import is_line, is_word

MOST_LABELS: Final = 4096
"""Labels that are recorded; with more, none are."""

_MOST_TOKENS: Final = 10**8
"""Ten times the longest context of a public model; tokenizers without a limit say 10**30."""

_MOST_NUMBERS: Final = 10**6
"""Far above the length of any embedding."""

_HIDDEN: Final = ("hidden_size", "dim", "d_model", "n_embd")
_POSITIONS: Final = ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len")
"""One number, by the names that transformers' attribute maps know for it."""

_BEHIND_PADDING: Final = (
    "roberta",
    "xlm-roberta",
    "xlm-roberta-xl",
    "camembert",
    "roberta-prelayernorm",
    "xmod",
)
"""`model_type`s that share `create_position_ids_from_input_ids`."""

_HEAD: Final = re.compile(r"[A-Za-z0-9]+For[A-Za-z]*(?:Classification|Detection|Segmentation)")
_USUAL_LABELS: Final = 2
"""`num_labels` of `PretrainedConfig`; labels that are LABEL_0 and LABEL_1 are not saved."""

_LABELLED: Final = ("-classification", "-detection", "-segmentation")
EMBEDDING: Final = ("feature-extraction", "sentence-similarity")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskChoice:
    """A repo's task (None: unknown) and, for people, why it is taken for that."""

    task: str | None
    reason: str


def choose_task(tag: str | None, paths: Collection[str], *, chat_template: bool) -> TaskChoice:
    """The task of a repo; its `pipeline_tag` misleads for embeddings and for chat."""
    if MODULES in paths and SETFIT not in paths:
        return TaskChoice(task="feature-extraction", reason=f"{MODULES} makes it an embedding model")
    if tag == "text-generation" and chat_template:
        return TaskChoice(task="chat", reason="its tokenizer has a chat template")
    if tag is not None and is_word(tag):
        return TaskChoice(task=tag, reason="the repo's pipeline_tag")
    return TaskChoice(task=None, reason="the repo names none; say task: in the manifest")


def has_chat_template(contents: Mapping[str, bytes]) -> bool:
    """Whether the tokenizer's config holds a chat template."""
    return bool(mapping(contents.get(TOKENIZER)).get("chat_template"))


def contract_of(task: str | None, contents: Mapping[str, bytes]) -> Contract:
    """The contract of a repo that is used for `task`. Never raises, whatever the files hold."""
    config = mapping(contents.get(CONFIG))
    return Contract(
        labels=_labels(task, config, contents),
        dimension=_dimension(task, config, contents),
        max_length=_max_length(config, contents),
    )


def inherited(task: str | None, own: Contract, base: Mapping[str, bytes]) -> Contract:
    """The contract of an adapter: its own, and of its base what it does not say; the shorter length holds.

    Args:
        task: What the adapter is used for.
        base: The content of its base's small files.
    """
    theirs = contract_of(task, base)
    ends = (end for end in (own.max_length, theirs.max_length) if end is not None)
    return Contract(
        labels=theirs.labels if own.labels is None else own.labels,
        dimension=theirs.dimension if own.dimension is None else own.dimension,
        max_length=min(ends, default=None),
    )


def has_labels(task: str) -> bool:
    """Labels left in the config of another task mean nothing, and zero-shot answers with the caller's."""
    return task.endswith(_LABELLED) and not task.startswith("zero-shot")


def _labels(
    task: str | None, config: Mapping[str, Json], contents: Mapping[str, bytes]
) -> tuple[str, ...] | None:
    if task is not None and not has_labels(task):
        return None
    by_setfit = mapping(contents.get(SETFIT)).get("labels")
    if isinstance(by_setfit, list):
        return _whole(by_setfit)
    named = config.get("id2label")
    if isinstance(named, dict):
        return _whole([named.get(str(index)) for index in range(len(named))])
    return _usual_labels(config) if named is None and task is not None else None


def _usual_labels(config: Mapping[str, Json]) -> tuple[str, ...] | None:
    """What a classifier answers whose config names no labels."""
    architectures = config.get("architectures")
    head = architectures[0] if isinstance(architectures, list) and architectures else None
    if not isinstance(head, str) or not _HEAD.fullmatch(head):
        return None
    count = _count(config.get("num_labels"), MOST_LABELS) or _USUAL_LABELS
    return tuple(f"LABEL_{index}" for index in range(count))


def _whole(labels: list[Json]) -> tuple[str, ...] | None:
    """All of these labels, or none: half a list would be wrong."""
    known = tuple(label for label in labels if isinstance(label, str) and is_line(label))
    return known if len(known) == len(labels) and 0 < len(labels) <= MOST_LABELS else None


def _dimension(task: str | None, config: Mapping[str, Json], contents: Mapping[str, bytes]) -> int | None:
    if MODULES not in contents:
        return _first(config, _HIDDEN, _MOST_NUMBERS) if task in EMBEDDING else None
    for module in reversed(modules_of(contents)):
        own = mapping(contents.get(f"{module.folder}{CONFIG}"))
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
    """Each way of pooling adds its own vector to the end; newer versions name them in one list."""
    width = _first(pooling, ("word_embedding_dimension", "embedding_dimension"), _MOST_NUMBERS)
    named = pooling.get("pooling_mode")
    switched_on = sum(key.startswith("pooling_mode_") and value is True for key, value in pooling.items())
    ways = len(named) if isinstance(named, list) else switched_on
    return None if width is None else _count(width * max(ways, 1), _MOST_NUMBERS)


def _max_length(config: Mapping[str, Json], contents: Mapping[str, bytes]) -> int | None:
    """sentence-transformers cuts where it says; else the tokenizer cuts and the positions end."""
    for path in sentence_contents(contents):
        cut = _count(mapping(contents[path]).get("max_seq_length"), _MOST_TOKENS)
        if cut is not None:
            return cut
    folder = next((module.folder for module in modules_of(contents) if module.kind == "Transformer"), "")
    tokenizer = mapping(contents.get(f"{folder}{TOKENIZER}"))
    own = mapping(contents.get(f"{folder}{CONFIG}")) or config
    ends = (_count(tokenizer.get("model_max_length"), _MOST_TOKENS), _positions(own))
    return min((end for end in ends if end is not None), default=None)


def _positions(config: Mapping[str, Json]) -> int | None:
    """How many tokens have a place. RoBERTa and its kin begin to count behind the padding token."""
    positions, padding = _first(config, _POSITIONS, _MOST_TOKENS), config.get("pad_token_id", 1)
    if positions is None or config.get("model_type") not in _BEHIND_PADDING or not isinstance(padding, int):
        return positions
    return _count(positions - padding - 1, _MOST_TOKENS)


def _first(config: Mapping[str, Json], names: tuple[str, ...], most: int) -> int | None:
    """A number by one of its names; models that take more than text keep it with the text part."""
    nested = as_mapping(config.get("text_config"))
    counts = (_count(each.get(name), most) for each in (config, nested) for name in names)
    return next((count for count in counts if count is not None), None)


def _count(value: Json, most: int) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 < value <= most else None
