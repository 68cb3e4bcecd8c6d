"""Scans: whether the files that a loader would take are safe to load, as the Hub's scanners say."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from resilient_infer.lock.answers import Hub, HubFault, HubModel, HubScan
from resilient_infer.lock.files import FileClass, class_of
from resilient_infer.lock.findings import Level, Said
from resilient_infer.lock.lockfile import LockedModel
from resilient_infer.lock.missing import unchecked
from resilient_infer.lock.recordable import is_line
from resilient_infer.lock.weights import is_pickle, usable, weights_of

_NAMED: Final = 3
"""Files that a finding names; the others are counted."""

_SAID: Final[Mapping[HubScan, tuple[str, str, Level]]] = {
    HubScan.UNSAFE: (
        "the Hub's scans take for unsafe",
        "do not load it; look at the file's page on the Hub",
        Level.ERROR,
    ),
    HubScan.SUSPICIOUS: (
        "the Hub's scans take for suspicious",
        "look at the file's page on the Hub before you load it",
        Level.WARNING,
    ),
    HubScan.UNSCANNED: ("the Hub has not scanned", "", Level.INFO),
}


def scans(hub: Hub, pin: LockedModel, seen: HubModel) -> tuple[Said, ...]:
    """RI402.

    Args:
        seen: The repo at the pin.
    """
    paths = loadable(seen)
    told = hub.scanned(pin.model, pin.revision, paths)
    if isinstance(told, HubFault):
        return (unchecked(told.reason, about="the scans of its files"),)
    found: list[Said] = []
    for scan, (what, hint, level) in _SAID.items():
        files = [path for path in paths if told.get(path, HubScan.UNSCANNED) is scan]
        if files:
            message = f"{what}: {_listed(files)}"
            found.append(Said(code="RI402", message=message, hint=hint, level=level))
    return tuple(found)


def pickled(weights: Iterable[str]) -> tuple[Said, ...]:
    """RI403, told by the names of the files that a loader would take."""
    paths = sorted(weights)
    if not paths or not all(map(is_pickle, paths)):
        return ()
    hint = "to load a pickle can run code; prefer a revision with safetensors"
    return (Said(code="RI403", message=f"only pickled weights: {_listed(paths)}", hint=hint),)


def weights_at(pin: LockedModel, seen: HubModel | None) -> Collection[str]:
    """The weights of a pin: as they were locked, else as the Hub lists them."""
    if pin.weights is not None:
        return pin.weights.keys()
    return () if seen is None else weights_of(seen.files).keys()


def loadable(seen: HubModel) -> tuple[str, ...]:
    """The files that a loader could take: weights of every format, and code."""
    return tuple(file.path for file in seen.files if _is_loadable(file.path))


def _is_loadable(path: str) -> bool:
    kind = class_of(path)
    return is_line(path) if kind is FileClass.CODE else kind is FileClass.WEIGHTS and usable(path)


def _listed(paths: list[str]) -> str:
    more = len(paths) - _NAMED
    return ", ".join(paths[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")
