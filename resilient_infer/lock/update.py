"""Update: pins moved to where the refs that were asked for are now, all of them or none.

Where each goes is found out first, in its own words (`destination.py`); then
the lock is made as `lock` makes it, so whatever `lock` would refuse is refused.
What lies between the old commit and the new one is told with it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from resilient_infer.lock.answers import Hub, HubFault, HubFaultKind
from resilient_infer.lock.binding import Identity, identity_held
from resilient_infer.lock.bounded import gather
from resilient_infer.lock.destination import Going, MinAge, destination
from resilient_infer.lock.diff import EntryDiff, Stretch, diff_locks
from resilient_infer.lock.drift import kind_of, moved_tag
from resilient_infer.lock.entries import Alias, Manifest
from resilient_infer.lock.exact import exact
from resilient_infer.lock.findings import Finding, Level, Said
from resilient_infer.lock.lineage import Ref
from resilient_infer.lock.loaded import as_note
from resilient_infer.lock.lockfile import MAJOR, MINOR, Lock, LockedModel, LockEntry
from resilient_infer.lock.missing import unchecked
from resilient_infer.lock.offline import in_order, own_aliases
from resilient_infer.lock.pins import Key, key_of
from resilient_infer.lock.reference import is_commit, stands_for
from resilient_infer.lock.relock import JOBS, Change, Relocked, relock
from resilient_infer.lock.remembering import RememberingHub
from resilient_infer.lock.tied import name_of
from resilient_infer.lock.way import Way, ways_of

Progress = Callable[[int, int], None]

_Target = tuple[str, Identity]
"""An alias, and which of its models."""

_Entries = Mapping[str, LockEntry]


@dataclass(frozen=True, slots=True, kw_only=True)
class Updated:
    """What `update` came to.

    Attributes:
        relocked: The lock, as `relock` gives it.
        notes: Why pins stay where they are, one sentence each.
        diffs: What differs from the old lock.
        ways: What lies between the commits of each model that moved.
    """

    relocked: Relocked
    notes: tuple[str, ...] = ()
    diffs: tuple[EntryDiff, ...] = ()
    ways: Mapping[Stretch, Way] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A model that may move.

    Attributes:
        held: Its pin; None: nothing that can be kept is locked.
        needed: It is no target: another model loads it.
    """

    alias: Alias
    model: str
    requested: str
    held: LockedModel | None
    needed: bool

    @property
    def target(self) -> _Target:
        """By this, `relock` is told where it goes."""
        return self.alias.name, ("model", self.model, self.requested)

    @property
    def key(self) -> tuple[str, str, Key | None]:
        return self.model, self.requested, None if self.held is None else key_of(self.held)


def update(
    manifest: Manifest,
    old: Lock | None,
    hub: Hub,
    *,
    file: str,
    only: Collection[str] | None = None,
    min_age: MinAge | None = None,
    progress: Progress = lambda done, total: None,
) -> Updated:
    """The lock of the manifest's environment with its pins where their refs are now.

    What is missing is locked, too, and what the manifest no longer names is
    dropped, as `lock` does it.

    Args:
        old: The lock file of that environment alone, as `survey_lock` gives it; None: there is none.
        file: Where the lock is or will be, as the user gave it.
        only: Aliases to update; the entries of all others stay as they are. None: all.
        min_age: How old a commit must be; None: any will do.
        progress: Told how many questions of how many are done, in several rounds.
    """
    asking = RememberingHub(hub)
    held = {} if old is None else old.entries
    relocked = Relocked(
        lock=old or Lock(version=(MAJOR, MINOR), entries={}, file=file), changes=(), faults=()
    )
    going: dict[_Target, Going] = {}
    fresh = list(_asked(manifest, held, held, only))
    while True:
        told = _goings(asking, manifest, fresh, min_age, progress)
        faults = [said for said in told.values() if isinstance(said, Finding)]
        if faults:
            return Updated(relocked=replace(relocked, faults=in_order(faults)))
        going |= {target: each for target, each in told.items() if isinstance(each, Going)}
        moves = {target: each.commit for target, each in going.items() if each.commit is not None}
        relocked = relock(manifest, old, asking, file=file, only=only, moves=moves, progress=progress)
        # A model that moved may need others than before: their age counts, too.
        found = _asked(manifest, held, relocked.lock.entries, only)
        fresh = [each for each in found if each.target not in going]
        if min_age is None or relocked.faults or not fresh:
            return _told(manifest, old, relocked, going, asking, progress)


def update_to(
    manifest: Manifest,
    old: Lock | None,
    hub: Hub,
    *,
    file: str,
    alias: str,
    commit: str,
    progress: Progress = lambda done, total: None,
) -> Updated:
    """As `update` of one alias, with one of its models at a commit that somebody names (`exact.py`).

    Raises:
        ConfigError: The manifest asks for other commits, or it could be meant of several models.
    """
    asking = RememberingHub(hub)
    wanted = manifest.aliases[alias]
    entry = None if old is None else old.entries.get(alias)
    held = {} if entry is None else {name_of(pin): pin for pin in entry.models}
    told = exact(asking, wanted, held, commit)
    if isinstance(told, Said):
        lock = old or Lock(version=(MAJOR, MINOR), entries={}, file=file)
        fault = told.of(alias, manifest.file, wanted.line, environment=wanted.environment)
        return Updated(relocked=Relocked(lock=lock, changes=(), faults=(fault,)))
    name, going = told
    target: _Target = (alias, ("model", *name))
    moves: dict[_Target, str] = {} if going.commit is None else {target: going.commit}
    only = frozenset({alias})
    relocked = relock(manifest, old, asking, file=file, only=only, moves=moves, progress=progress)
    return _told(manifest, old, relocked, {target: going}, asking, progress)


def _goings(
    hub: Hub, manifest: Manifest, asked: Sequence[_Asked], min_age: MinAge | None, progress: Progress
) -> Mapping[_Target, Going | Finding]:
    """Where each target goes, or why that is not clear. The same question is asked once."""
    # What is not locked, and may be as young as it is, needs no question but those of `relock`.
    moving = [each for each in asked if each.held is not None or min_age is not None]
    distinct = {each.key: each for each in moving}
    told = gather(
        [partial(_going, hub, each, min_age) for each in distinct.values()],
        jobs=JOBS,
        progress=lambda done: progress(done, len(distinct)),
    )
    answers = dict(zip(distinct, told, strict=True))

    def placed(each: _Asked) -> Going | Finding:
        answer = answers[each.key]
        if isinstance(answer, Going):
            return answer
        if each.needed and each.held is not None and not answer.security and answer.how_bad is Level.ERROR:
            # As `lock` has it: what cannot be read any more stays where it is, for no call goes there.
            return Going(notes=(f"{each.model} stays: {answer.message}",))
        alias = each.alias
        return answer.of(alias.name, manifest.file, alias.line, environment=alias.environment)

    return {each.target: placed(each) for each in moving}


def _asked(
    manifest: Manifest, held: _Entries, now: _Entries, only: Collection[str] | None
) -> Iterator[_Asked]:
    """The models that can move: those that were not asked for by a commit.

    Args:
        held: What is locked.
        now: What each alias needs beside its targets, as it is known by now.
    """
    for name, alias in sorted(own_aliases(manifest).items()):
        if only is not None and name not in only:
            continue
        pins = {} if name not in held else {name_of(pin): pin for pin in held[name].models}
        needed = () if name not in now else now[name].needed
        targets = [(each.model, each.requested) for each in alias.targets]
        for model, requested in dict.fromkeys((*targets, *map(name_of, needed))):
            if model is None or requested is None or is_commit(requested):
                continue
            pin = pins.get((model, requested))
            pin = pin if pin is not None and is_commit(pin.revision) else None
            if pin is None or not stands_for(requested, pin.revision):
                apart = (model, requested) not in targets
                yield _Asked(alias=alias, model=model, requested=requested, held=pin, needed=apart)


def _going(hub: Hub, asked: _Asked, min_age: MinAge | None) -> Going | Said:
    going = destination(hub, asked.model, asked.requested, asked.held, min_age)
    if isinstance(going, Said) or going.commit is None:
        return going
    listed = hub.model(asked.model, going.commit)
    if isinstance(listed, HubFault) and listed.kind is HubFaultKind.REVISION_GONE:
        return unchecked(
            f"{asked.requested} is at {going.commit[:12]}, and the Hub's API does not know that yet"
        )
    return going if asked.held is None else _with_tag(hub, asked.held, going)


def _with_tag(hub: Hub, held: LockedModel, going: Going) -> Going | Said:
    """Say it if what moved is a tag: it is meant to stay where it is."""
    kind = kind_of(hub, held)
    if isinstance(kind, HubFault):
        return unchecked(f"whether {held.requested} of {held.model} is a branch or a tag: {kind.reason}")
    notes = (as_note(moved_tag(held, going.commit)),) if kind is Ref.TAG else ()
    return replace(going, notes=(*notes, *going.notes))


def _told(
    manifest: Manifest,
    old: Lock | None,
    relocked: Relocked,
    going: Mapping[_Target, Going],
    hub: Hub,
    progress: Progress,
) -> Updated:
    """What came about, with what lies between. What cannot be told of it is a fault."""
    stays = (note for each in going.values() if each.commit is None for note in each.notes)
    notes = tuple(dict.fromkeys(stays))
    if relocked.faults:
        return Updated(relocked=relocked, notes=notes)
    diffs = diff_locks({} if old is None else old.entries, relocked.lock.entries)
    ways = ways_of(hub, diffs, progress=progress)
    faults: dict[Finding, None] = {}
    for diff in diffs:
        alias = manifest.aliases.get(diff.alias)
        for pin in diff.pins:
            way = ways.get(pin.stretch) if pin.stretch is not None else None
            for fault in () if way is None else way.faults:
                said = unchecked(f"what changed in {pin.stretch}: {fault.reason}")
                faults[said.of(diff.alias, manifest.file, 0 if alias is None else alias.line)] = None
    changes = tuple(_noted(change, going) for change in relocked.changes)
    relocked = replace(relocked, changes=changes, faults=in_order(faults))
    return Updated(relocked=relocked, notes=notes, diffs=diffs, ways=ways)


def _noted(change: Change, going: Mapping[_Target, Going]) -> Change:
    """The change, with what is to be said of where its pin goes."""
    found = None if change.pin is None else going.get((change.alias, identity_held(change.pin)))
    return change if found is None else replace(change, notes=(*change.notes, *found.notes))
