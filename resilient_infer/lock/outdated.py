"""Outdated: how far what was asked for is ahead of what is locked. Nothing is moved, and little is asked.

A pin whose ref is where it was costs one HEAD; of the others the API tells
which commits lie between and which files differ.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import Enum
from typing import Final

from resilient_infer.lock.answers import Hub, HubFault, HubFaultKind
from resilient_infer.lock.destination import head_of
from resilient_infer.lock.drift import ask_otherwise, kind_of, moved_tag
from resilient_infer.lock.entries import Manifest
from resilient_infer.lock.findings import Finding, Level, Said
from resilient_infer.lock.lineage import Ref
from resilient_infer.lock.locked import LockedModel, Survey
from resilient_infer.lock.missing import explain, identity, unchecked
from resilient_infer.lock.offline import compare, in_order
from resilient_infer.lock.pins import ask_each, asked_for, key_of
from resilient_infer.lock.reference import is_commit, stands_for
from resilient_infer.lock.refusals import refusal
from resilient_infer.lock.remembering import RememberingHub
from resilient_infer.lock.way import Way, way


class Age(Enum):
    """How a pin stands to what was asked for."""

    CURRENT = "current"
    BEHIND = "behind"
    FIXED = "fixed"
    """A commit was asked for: there is nothing that could be ahead of it."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One pin of one alias.

    Attributes:
        head: The commit that its ref stands for now; None: not asked, or not told.
        way: What lies between, if that is another one.
        needed: It is no target: another model loads it.
    """

    alias: str
    pin: LockedModel
    needed: bool
    age: Age
    head: str | None
    way: Way | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What `outdated` found: each pin in the order of the lock, and what was wrong with some."""

    standings: tuple[Standing, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    age: Age
    head: str | None = None
    way: Way | None = None
    said: tuple[Said, ...] = ()


def outdated(
    manifest: Manifest,
    survey: Survey,
    hub: Hub,
    *,
    has_token: bool,
    only: Collection[str] | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Overview:
    """How the pins that the manifest asks for stand to what is on the Hub.

    Args:
        survey: The lock as the manifest's environment sees it, with what is wrong in it.
        has_token: Whether the Hub is asked with a token: without one, no access says little.
        only: Aliases to look at. None: all.
        progress: Told how many pins of how many are done.
    """
    asking = RememberingHub(hub)
    pins = list(asked_for(manifest, survey.lock, only))
    told = ask_each(
        (pin for _, pin in pins), lambda pin: _told(asking, pin, has_token=has_token), progress=progress
    )
    standings: list[Standing] = []
    findings = _of_the_file(manifest, survey, only)
    for entry, pin in pins:
        answer = told[key_of(pin)]
        standings.append(
            Standing(
                alias=entry.alias,
                pin=pin,
                needed=pin in entry.needed,
                age=answer.age,
                head=answer.head,
                way=answer.way,
            )
        )
        findings += [
            said.of(entry.alias, entry.file, pin.line, environment=manifest.aliases[entry.alias].environment)
            for said in answer.said
        ]
    return Overview(standings=tuple(standings), findings=in_order(findings))


_OF_THE_FILE: Final = ("RI101", "RI103", "RI105")


def _of_the_file(manifest: Manifest, survey: Survey, only: Collection[str] | None) -> list[Finding]:
    """Which aliases are not locked as asked, or not as `lock` would write it."""
    aliases = {name: each for name, each in manifest.aliases.items() if only is None or name in only}
    found = compare(aliases, manifest, survey, file=survey.lock.file, orphans=Level.INFO)
    return [each for each in found if each.code in _OF_THE_FILE and (only is None or each.alias in only)]


def _told(hub: Hub, pin: LockedModel, *, has_token: bool) -> _Told:
    if is_commit(pin.requested) or stands_for(pin.requested, pin.revision):
        return _Told(age=Age.FIXED)
    head = head_of(hub, pin.model, pin.requested, pin)
    if isinstance(head, HubFault):
        return _Told(age=Age.UNKNOWN, said=(_unknown(pin, head),))
    if head == pin.revision:
        return _Told(age=Age.CURRENT, head=head)
    now = hub.model(pin.model, head)
    if isinstance(now, HubFault):
        return _Told(age=Age.UNKNOWN, head=head, said=(unchecked(f"what {pin.requested} has: {now.reason}"),))
    said = identity(pin, now)
    if any(each.settles for each in said):
        return _Told(age=Age.UNKNOWN, head=head, said=said)
    said += _of_the_ref(hub, pin, head)
    between = way(hub, pin.model, pin.revision, head)
    said += tuple(unchecked(f"what changed at {pin.requested}: {fault.reason}") for fault in between.faults)
    if between.gone:
        lost = hub.model(pin.model, pin.revision)
        said += explain(hub, pin, lost, has_token=has_token) if isinstance(lost, HubFault) else ()
    return _Told(age=Age.BEHIND, head=head, way=between, said=said)


def _of_the_ref(hub: Hub, pin: LockedModel, head: str) -> tuple[Said, ...]:
    """A branch is meant to move, a tag is not."""
    kind = kind_of(hub, pin)
    if isinstance(kind, HubFault):
        return (unchecked(f"whether {pin.requested} is a branch or a tag: {kind.reason}"),)
    return (moved_tag(pin, head),) if kind is Ref.TAG else ()


def _unknown(pin: LockedModel, fault: HubFault) -> Said:
    if fault.kind is HubFaultKind.REVISION_GONE:
        message = f"{pin.model} has no {pin.requested} any more"
        return Said(code="RI303", message=message, hint=ask_otherwise(pin))
    return refusal(pin.model, pin.requested, None, fault)
