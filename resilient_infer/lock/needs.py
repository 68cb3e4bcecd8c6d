"""Needs: which other repos loading a model loads, and which code of its own would run.

Pure and total, as `configs.py`. Only what a library really loads is a need.
Sources: transformers (`get_class_from_dynamic_module`: the code of
"owner/repo--module.Class" comes from the repo's default branch; `AutoTokenizer`
for maps that are lists; `generate` for its custom folder), peft (`PeftConfig`),
sentence-transformers (`modules.json`, `models.Transformer`), open_clip
(`get_tokenizer`, `HFTextEncoder`), the inference toolkit of Inference Endpoints
(`handler.py`). Names that are kept and not loaded are no needs: `name_or_path`,
`_name_or_path`, the card's `base_model`, the tokenizer of a trained prompt.
"""

from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import Final

from resilient_infer.core.task import Json
from resilient_infer.lock.configs import (
    ADAPTER,
    CONFIG,
    OPEN_CLIP,
    PROCESSORS,
    TOKENIZER,
    as_mapping,
    mapping,
    modules_of,
    sentence_contents,
)
from resilient_infer.lock.locked import Need, NeedKind
from resilient_infer.lock.read_pin import MOST_NEEDS
from resilient_infer.lock.recordable import is_line, is_word
from resilient_infer.lock.reference import DEFAULT_REF, parse_reference

_MOST_CLASSES: Final = 256
"""Classes of one map that are looked at; a real one names five."""

_RUN_BY_NAME: Final = ("custom_generate/generate.py", "handler.py")
"""Code that runs because it is there: for `generate`, and in an Inference Endpoint."""

_OURS: Final = "sentence_transformers."


def needs_of(model: str, contents: Mapping[str, bytes]) -> tuple[Need, ...]:
    """The other repos that `model` loads, sorted, none of them locked yet; at most `MOST_NEEDS`."""
    found = {need for need in _needs(contents) if need.model != model}
    return tuple(sorted(found, key=lambda need: need.order)[:MOST_NEEDS])


def own_code(model: str, paths: Collection[str], contents: Mapping[str, bytes]) -> tuple[str, ...]:
    """The Python files of the repo that would run with it, once somebody trusts them, sorted."""
    named = {f"{module}.py" for repo, module in _classes(contents) if repo in ("", model)}
    return tuple(sorted(path for path in (*named, *_RUN_BY_NAME) if path in paths and is_line(path)))


def _needs(contents: Mapping[str, bytes]) -> Iterator[Need]:
    yield from _base(mapping(contents.get(ADAPTER)))
    for repo, _ in _classes(contents):
        yield from _need(repo, NeedKind.CODE)
    for path in sentence_contents(contents):
        yield from _need(mapping(contents[path]).get("tokenizer_name_or_path"), NeedKind.TOKENIZER)
    text = as_mapping(as_mapping(mapping(contents.get(OPEN_CLIP)).get("model_cfg")).get("text_cfg"))
    yield from _need(text.get("hf_tokenizer_name"), NeedKind.TOKENIZER)
    yield from _need(text.get("hf_model_name"), NeedKind.CONFIG)


def _base(adapter: Mapping[str, Json]) -> Iterator[Need]:
    ref = adapter.get("revision")
    return _need(adapter.get("base_model_name_or_path"), NeedKind.BASE, ref if isinstance(ref, str) else "")


def _need(repo: Json, kind: NeedKind, ref: str = "") -> Iterator[Need]:
    """A need, if that is the name of a repo and no path; a ref that none can have is none."""
    if not isinstance(repo, str) or not _is_repo(repo):
        return
    try:
        requested = parse_reference(f"{repo}@{ref}").requested if ref else DEFAULT_REF
    except ValueError:
        requested = DEFAULT_REF
    yield Need(model=repo, requested=requested if is_word(requested) else DEFAULT_REF, kind=kind)


def _is_repo(text: str) -> bool:
    try:
        return parse_reference(text).model == text and is_word(text)
    except ValueError:
        return False


def _classes(contents: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    """The repo ("": its own) and the module of each class that is no class of the libraries."""
    for path, content in sorted(contents.items()):
        if path.rpartition("/")[2] in (CONFIG, TOKENIZER, *PROCESSORS):
            yield from _parsed(_named(mapping(content).get("auto_map")))
    yield from _parsed(module.type for module in modules_of(contents) if not module.type.startswith(_OURS))


def _named(auto_map: Json) -> Iterator[str]:
    """The classes of an `auto_map`: for each role one, or a slow and a fast one; in old files a bare list."""
    values = list(auto_map.values()) if isinstance(auto_map, dict) else [auto_map]
    each = (one for value in values for one in (value if isinstance(value, list) else [value]))
    return (name for name in islice(each, _MOST_CLASSES) if isinstance(name, str))


def _parsed(names: Iterator[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        repo, dashes, reference = name.rpartition("--")
        module, dot, class_ = reference.partition(".")
        if module and dot and class_ and "." not in class_ and bool(repo) == bool(dashes):
            yield repo, module
