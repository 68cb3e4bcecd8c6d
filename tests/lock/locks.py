"""Locks as values: what the Hub may make us write, and how two locks are compared."""

import string
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from hypothesis import strategies as st

from resilient_infer.core.secret import looks_like_secret
from resilient_infer.core.target import Pin
from resilient_infer.lock.lockfile import (
    MAJOR,
    MINOR,
    Contract,
    Lock,
    LockedModel,
    LockedName,
    LockEntry,
    Need,
    NeedKind,
)
from resilient_infer.lock.reference import parse_reference
from resilient_infer.lock.tied import name_of, reachable, tied
from resilient_infer.lock.tree import CONTROL

DANGEROUS_COMMITS: Final = (
    "4225332178759948e04347560002921719079454",  # infinity to YAML 1.2
    "1234567890123456789012345678901234567890",  # a number
    "0123456701234567012345670123456701234567",  # octal to YAML 1.1
    "0000000000000000000000000000000000000000",
    "0e12345678901234567890123456789012345678",  # zero
    "0b01010101010101010101010101010101010101",  # binary to YAML 1.1
    "1e00000000000000000000000000000000000001",
    "e123456789012345678901234567890123456789",
    "714eb0fa89d2f80546fda750413ed43d93601a13",
    "abcdefabcdefabcdefabcdefabcdefabcdefabcd",
)
TRAP_WORDS: Final = (
    *(
        "no",
        "on",
        "y",
        "N",
        "null",
        "~",
        "true",
        "=",
        "<<",
        "1",
        "010",
        "0x1f",
        "0o17",
        "0b1",
        "1e5",
        "1_000",
        ".5",
    ),
    *(
        ".inf",
        ".NaN",
        "1:30",
        "190:20:30",
        "2024-01-01",
        "-",
        "--",
        "---",
        "...",
        "-1",
        "+1",
        "?",
        ":",
        "#",
        "a#b",
    ),
    *(
        "a:b",
        "{a}",
        "[a]",
        "&a",
        "*a",
        "!a",
        "|",
        ">",
        "@a",
        "%a",
        "`a",
        "'a'",
        '"a"',
        "a,b",
        "\\",
        "\\n",
        "a\\",
        "<a",
    ),
)


def _readable(text: str) -> bool:
    return not CONTROL.search(text) and not looks_like_secret(text)


def _named(text: str) -> bool:
    try:
        return parse_reference(text).model == text and _readable(text)
    except ValueError:
        return False


hex_digits = st.sampled_from("0123456789abcdef")
commits = st.sampled_from(DANGEROUS_COMMITS) | st.text("0123456789abcdef", min_size=40, max_size=40)
words = st.sampled_from(TRAP_WORDS) | st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=12
).filter(_readable)
names = st.text(string.ascii_letters + string.digits + "._-", min_size=1, max_size=8)
repos = (st.sampled_from(TRAP_WORDS) | names | st.builds("{}/{}".format, names, names)).filter(_named)
aliases = st.sampled_from(
    ["no", "on", "y", "1", "010", "1e5", "null", "e5", "a.b", "a-", "0x1f", "2024-01-01"]
) | st.from_regex(r"[a-z0-9][a-z0-9._-]{0,6}", fullmatch=True)
anything = (
    st.sampled_from(TRAP_WORDS)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), min_size=1, max_size=12)
    | st.text(" \t\r\"'\\:#,[]{}é\u00a0\U0001f600", min_size=1, max_size=6)
).filter(_readable)
paths = anything.filter(lambda path: path[0] not in "/\\" and path != "<<")
digests = st.builds("sha256:{}".format, st.text("0123456789abcdef", min_size=64, max_size=64)) | st.builds(
    "git:{}".format, commits
)
counts = st.none() | st.integers(1, 10**12)
contracts = st.builds(
    Contract,
    labels=st.none() | st.lists(anything, min_size=1, max_size=4).map(tuple),
    dimension=counts,
    max_length=counts,
)


@st.composite
def models(draw: st.DrawFn) -> LockedModel:
    """One pin of a Hub model."""
    revision = draw(commits)
    requested = draw(words.filter(lambda word: word not in DANGEROUS_COMMITS) | st.just(revision))
    return LockedModel(
        model=draw(repos),
        requested=requested,
        revision=revision,
        hub_id=draw(st.none() | commits.map(lambda commit: commit[:24])),
        access=draw(st.sampled_from([None, "public", "gated", "private"])),
        license=draw(st.none() | words),
        contract=draw(contracts),
        weights=draw(st.none() | st.dictionaries(paths, digests, max_size=3)),
        files=draw(st.none() | digests),
    )


served = st.builds(
    LockedName,
    provider=st.from_regex(r"[a-z0-9][a-z0-9._-]{0,6}", fullmatch=True),
    name=words,
    pin=st.sampled_from([Pin.VERSIONED, Pin.FLOATING]),
)


@st.composite
def needing(draw: st.DrawFn, found: LockEntry) -> LockEntry:
    """An entry whose models need others, which need others: some locked, some not; cycles among them."""
    if not found.models:
        return found
    others = draw(st.lists(models(), max_size=3, unique_by=name_of))
    others = [pin for pin in others if name_of(pin) not in map(name_of, found.models)]
    lost = [Need(model=draw(repos), requested=draw(words), kind=NeedKind.CODE)] * draw(st.integers(0, 1))
    names = [name_of(pin) for pin in (*found.models, *others)]
    wanted = {name: draw(st.sets(st.sampled_from(names), max_size=2)) for name in names}

    def with_needs(pin: LockedModel) -> LockedModel:
        kind = draw(st.sampled_from(NeedKind))
        known = [Need(model=name[0], requested=name[1], kind=kind) for name in wanted[name_of(pin)]]
        return replace(pin, needs=tuple(sorted([*known, *lost], key=lambda need: need.order)))

    pins = tuple(with_needs(pin) if isinstance(pin, LockedModel) else pin for pin in found.pins)
    whole = replace(found, pins=pins, needed=tuple(sorted(map(with_needs, others), key=name_of)))
    there = reachable(whole)
    return tied(replace(whole, needed=tuple(pin for pin in whole.needed if name_of(pin) in there)))


@st.composite
def locks(draw: st.DrawFn, *, most: int = 3) -> Lock:
    """A lock that `lock` could come to write."""
    entries = {}
    for alias in draw(st.lists(aliases, max_size=most, unique=True)):
        pins = tuple(draw(st.lists(models() | served, min_size=1, max_size=2)))
        task = draw(st.none() | words)
        entries[alias] = draw(needing(LockEntry(alias=alias, task=task, pins=pins, file="l.yaml")))
    return lock(entries)


def lock(entries: Mapping[str, LockEntry]) -> Lock:
    """A lock of this release's version."""
    return Lock(version=(MAJOR, MINOR), entries=entries, file="l.yaml")


def entry(alias: str, *pins: LockedModel | LockedName, task: str = "text-classification") -> LockEntry:
    """An entry of `l.yaml`."""
    return LockEntry(alias=alias, task=task, pins=pins, file="l.yaml")


def full_pin(seed: int, model: str = "org/model", requested: str = "main") -> LockedModel:
    """A pin with every field, as `lock` writes it; another `seed` is another commit with other weights."""
    return LockedModel(
        model=model,
        requested=requested,
        revision=f"{seed:040x}",
        hub_id="621ffdc136468d709f17adb1",
        access="public",
        license="apache-2.0",
        contract=Contract(labels=("NEGATIVE", "POSITIVE"), max_length=512),
        weights={"model.safetensors": f"sha256:{seed:064x}"},
        files=f"sha256:{seed + 1:064x}",
    )


def bare(read: Lock) -> Lock:
    """A lock without what only a file has: lines, and checks, which the writer computes."""
    return replace(read, entries={alias: bare_entry(found) for alias, found in read.entries.items()})


def bare_entry(found: LockEntry) -> LockEntry:
    """As `bare`, of one entry."""
    pins = tuple(
        replace(pin, line=0, check=None) if isinstance(pin, LockedModel) else replace(pin, line=0)
        for pin in found.pins
    )
    needed = tuple(replace(pin, line=0, check=None) for pin in found.needed)
    return replace(found, pins=pins, needed=needed, line=0)
