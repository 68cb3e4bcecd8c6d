"""Preview: what `update` would change, of every alias that it could move."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from resilient_infer.lock.answers import Hub
from resilient_infer.lock.diff import EntryDiff, Stretch
from resilient_infer.lock.entries import Manifest
from resilient_infer.lock.findings import Finding
from resilient_infer.lock.locked import Lock
from resilient_infer.lock.offline import in_order, own_aliases
from resilient_infer.lock.remembering import RememberingHub
from resilient_infer.lock.update import update
from resilient_infer.lock.way import Way


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What would come about.

    Attributes:
        findings: Why aliases cannot move.
    """

    diffs: tuple[EntryDiff, ...] = ()
    ways: Mapping[Stretch, Way] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def preview(
    manifest: Manifest,
    old: Lock | None,
    hub: Hub,
    *,
    file: str,
    only: Collection[str] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Preview:
    """As `update`, but who cannot move does not hold up the others.

    Args:
        only: Aliases to look at. None: all that the environment's lock holds.
    """
    asking = RememberingHub(hub)
    names = set(own_aliases(manifest) if only is None else only)
    findings: list[Finding] = []
    while True:
        done = update(manifest, old, asking, file=file, only=frozenset(names), progress=progress)
        faults = done.relocked.faults
        findings += faults
        stopped = {fault.alias for fault in faults}
        # What could not be told of a move that would be made does not undo what was told.
        if done.diffs or not stopped & names:
            return Preview(diffs=done.diffs, ways=done.ways, findings=in_order(findings))
        names -= stopped
