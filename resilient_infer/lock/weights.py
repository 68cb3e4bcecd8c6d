"""Weights: which files of a repo a loader would take, told by their names.

Sources: the file names of transformers (`WEIGHTS_NAME`, `SAFE_WEIGHTS_NAME`),
diffusers and peft; what they prefer where several formats are there.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from resilient_infer.lock.answers import HubFile
from resilient_infer.lock.lockfile import MOST_WEIGHTS
from resilient_infer.lock.recordable import is_line

_ENDINGS: Final = re.compile(
    r"(?i).*\.(?:safetensors|bin|gguf|ggml|onnx|onnx_data|h5|keras|msgpack|ot|pt|pth|ckpt|tflite|pb|mlmodel|npz"
    r"|pkl|pickle|joblib|engine|llamafile|nemo)",
    re.DOTALL,
)
_TORCH: Final = re.compile(r"(?:pytorch_model|adapter_model|diffusion_pytorch_model)[^/]*\.bin")
_LEFT_BY_TRAINING: Final = re.compile(
    r"(?:^|/)(?:checkpoint-\d+/|runs/|(?:training_args|optimizer|scheduler|scaler|rng_state)[^/]*$)"
)
_SHARD: Final = re.compile(r"(.+)-\d{5}-of-\d{5}(\.[a-z]+)")

_PICKLED: Final = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".nemo")
_NOT_PICKLED: Final = ("openvino_", "ggml")
"""Beginnings of names of other formats that end in .bin: OpenVINO's and ggml's."""

_OTHERS: Final = (
    (".gguf",),
    (".onnx", ".onnx_data"),
    (".bin", ".pt", ".pth", ".ckpt"),
    (".h5", ".keras", ".msgpack"),
)
"""Taken, the first kind that is there, where neither safetensors nor PyTorch's usual names are."""


def weights_of(files: Iterable[HubFile]) -> Mapping[str, str]:
    """Digests of the files a loader would take, by path: the `MOST_WEIGHTS` largest."""
    taken = sorted(_taken([file for file in files if usable(file.path)]), key=_by_size)
    return {file.path: file.digest for file in sorted(taken[:MOST_WEIGHTS], key=lambda file: file.path)}


def taken(paths: Iterable[str]) -> frozenset[str]:
    """Those of some files of a repo that a loader would take, told by their paths."""
    files = [HubFile(path=path, size=None, digest="") for path in set(paths) if usable(path)]
    return frozenset(file.path for file in _taken(files))


def largest(files: Sequence[HubFile]) -> HubFile:
    """The file to ask for as a sample of all: the largest that a loader would take, else the largest."""
    return min(_taken([file for file in files if usable(file.path)]) or files, key=_by_size)


def sample(weights: Mapping[str, str]) -> str | None:
    """The file of a lock to ask for: the lock has no sizes, so it is the first of the upper folder."""
    return min(weights, key=lambda path: (path.count("/"), path), default=None)


def holds_weights(path: str) -> bool:
    """Whether a file's name ends like those of weights, also of formats that no loader prefers."""
    return _ENDINGS.fullmatch(path) is not None


def usable(path: str) -> bool:
    """Whether a file may be taken by a loader at all: training leaves others behind."""
    return is_line(path) and path[0] not in "/\\" and not _LEFT_BY_TRAINING.search(path)


def is_pickle(path: str) -> bool:
    """Whether a weight file is a pickle, by its name: to load one can run what is in it."""
    name = path.rpartition("/")[2].lower()
    return name.endswith(_PICKLED) and not name.startswith(_NOT_PICKLED)


def _by_size(file: HubFile) -> tuple[int, str]:
    return -(file.size or 0), file.path


def _taken(files: Sequence[HubFile]) -> list[HubFile]:
    """In each folder safetensors, else PyTorch's; a repo may hold its parts in different formats."""
    folders: dict[str, list[HubFile]] = {}
    for file in files:
        folders.setdefault(file.path.rpartition("/")[0], []).append(file)
    chosen = [file for inside in folders.values() for file in _preferred(inside)]
    if chosen:
        return chosen
    kinds = ([file for file in files if file.path.endswith(suffixes)] for suffixes in _OTHERS)
    rest = [file for file in files if holds_weights(file.path)]
    return next((kind for kind in kinds if kind), rest)


def _preferred(files: Sequence[HubFile]) -> list[HubFile]:
    safe = [file for file in files if file.path.endswith(".safetensors")]
    torch = [file for file in files if _TORCH.fullmatch(file.path.rpartition("/")[2])]
    return _without_repeats(safe or torch)


def _without_repeats(files: Sequence[HubFile]) -> list[HubFile]:
    """Shards of a file that is there whole are not loaded, nor `consolidated` copies of another layout."""
    whole = {file.path for file in files}
    kept = []
    for file in files:
        shard = _SHARD.fullmatch(file.path)
        if shard is None or shard[1] + shard[2] not in whole:
            kept.append(file)
    own = [file for file in kept if not file.path.rpartition("/")[2].startswith("consolidated")]
    return own or kept
