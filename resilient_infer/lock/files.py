"""Files: a repo's files at a commit, as one digest, and what kind of change two lists differ by."""

import hashlib
import re
from collections.abc import Iterable
from enum import Enum
from typing import Final

from resilient_infer.lock.answers import HubFile
from resilient_infer.lock.weights import holds_weights


class FileClass(Enum):
    """What a file means to those who call the model."""

    DOCUMENTS = "documents"
    WEIGHTS = "weights"
    TOKENIZER = "tokenizer"
    CHAT_TEMPLATE = "chat template"
    CONFIG = "config"
    CODE = "code"


def files_digest(files: Iterable[HubFile]) -> str:
    """The digest of a whole tree: sha256 over the sorted lines `path NUL size NUL sha256-or-git-oid LF`.

    Sorted by their bytes, paths in UTF-8; a size that the Hub does not say is empty.
    """
    lines = sorted(_line(file) for file in files)
    return f"sha256:{hashlib.sha256(b''.join(lines)).hexdigest()}"


def _line(file: HubFile) -> bytes:
    size = "" if file.size is None else str(file.size)
    oid = file.digest.partition(":")[2]
    return f"{file.path}\0{size}\0{oid}\n".encode("utf-8", errors="surrogatepass")


def changed_classes(before: Iterable[HubFile], after: Iterable[HubFile]) -> tuple[FileClass, ...]:
    """The classes of the files that were added, removed or changed, in the order of the enum."""
    old, new = ({file.path: file.digest for file in files} for files in (before, after))
    paths = (path for path in old.keys() | new.keys() if old.get(path) != new.get(path))
    found = {class_of(path) for path in paths}
    return tuple(kind for kind in FileClass if kind in found)


_DOCUMENT: Final = re.compile(
    r"(?!.*\.(?:json|ya?ml|toml|cfg|ini|jinja2?)$)"
    r"(?:readme|licen[cs]e|notice|citation|changelog|model_?card|\.git(?:attributes|ignore|keep))(?:[._-].*)?"
    r"|.*\.(?:md|rst|pdf|html?|png|jpe?g|gif|svg|webp|bib)"
)
_CODE: Final = re.compile(r".*\.(?:pyc?|ipynb|sh|js|ts|c|cc|cpp|cu|h|so|dll|dylib|rs|go|jl)")
_TOKENIZER: Final = re.compile(
    r".*(?:tokenizer|tokens_map|added_tokens|vocab|tekken).*"
    r"|(?:merges|bpe|dict|normalizer)[^/]*\.(?:txt|json|codes)"
    r"|.*\.(?:model|spm|tiktoken|bpe)"
)


def class_of(path: str) -> FileClass:
    """What a file is, by its name. What nobody knows counts as config: it may change behaviour."""
    whole = path.lower()
    name = whole.rpartition("/")[2]
    if "chat_template" in whole:
        return FileClass.CHAT_TEMPLATE
    if _CODE.fullmatch(name):
        return FileClass.CODE
    if _TOKENIZER.fullmatch(name):
        return FileClass.TOKENIZER
    if holds_weights(name) or name.endswith((".safetensors.index.json", ".bin.index.json")):
        return FileClass.WEIGHTS
    return FileClass.DOCUMENTS if _DOCUMENT.fullmatch(name) else FileClass.CONFIG
