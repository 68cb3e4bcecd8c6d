"""Diff: everything that is recorded and differs is found, and nothing else, whatever stands where."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.target import Pin
from resilient_infer.lock.answers import HubFile
from resilient_infer.lock.diff import classes_of, diff_entries, diff_files, diff_locks
from resilient_infer.lock.files import FileClass
from resilient_infer.lock.locked import Contract, LockedModel, LockedName, LockEntry, Need, NeedKind
from tests.lock.samples import COMMIT, OTHER_COMMIT


def pin(model: str = "acme/one", requested: str = "main", revision: str = COMMIT) -> LockedModel:
    return LockedModel(
        model=model,
        requested=requested,
        revision=revision,
        hub_id="id",
        access="public",
        license="mit",
        contract=Contract(labels=("A", "B"), dimension=3, max_length=5),
        weights={"model.safetensors": "sha256:a"},
        files="sha256:f",
        check="01234567",
        line=7,
    )


def entry(*pins: LockedModel | LockedName, task: str = "t", line: int = 3) -> LockEntry:
    return LockEntry(alias="a", task=task, pins=pins, file=f"{line}.yaml", line=line)


NAME = LockedName(provider="openai", name="gpt", pin=Pin.FLOATING)
CHANGES = {
    "requested": {"requested": "v1"},
    "revision": {"revision": OTHER_COMMIT},
    "hub_id": {"hub_id": "other"},
    "access": {"access": "gated"},
    "license": {"license": None},
    "labels": {"contract": Contract(labels=("B", "A"), dimension=3, max_length=5)},
    "dimension": {"contract": Contract(labels=("A", "B"), dimension=4, max_length=5)},
    "max_length": {"contract": Contract(labels=("A", "B"), dimension=3)},
    "needs": {"needs": (Need(model="acme/base", requested="main", kind=NeedKind.BASE),)},
    "files": {"files": "sha256:g"},
}


@given(names=st.sets(st.sampled_from(sorted(CHANGES))))
def test_each_recorded_thing_that_differs_is_found(names: set[str]) -> None:
    """Before and after, in the order of the file; where it stands and `check` do not matter."""
    old, new = pin(), replace(pin(), line=9, check="89abcdef")
    contract = old.contract
    for name in sorted(names):
        changed = dict(CHANGES[name])
        told = changed.pop("contract", None)
        if isinstance(told, Contract):
            contract = replace(contract, **{name: getattr(told, name)})  # type: ignore[arg-type]  # by its name
        new = replace(new, **changed)  # type: ignore[arg-type]  # by its name
    new = replace(new, contract=contract)

    diff = diff_entries("a", entry(old), entry(new, line=8))

    if not names:
        assert diff is None
        return
    assert diff is not None
    (found,) = diff.pins
    assert {field.name for field in found.fields} == names
    assert [field.name for field in found.fields] == [name for name in CHANGES if name in names]
    assert all(field.before != field.after for field in found.fields)
    assert (found.stretch is not None) is ("revision" in names)


def test_weights_that_differ_are_found_in_the_lock_alone() -> None:
    """Added, removed and changed; if a side lists none, nothing is said."""
    old = replace(pin(), weights={"a.bin": "sha256:1", "b.bin": "sha256:2", "c.bin": "sha256:3"})
    new = replace(pin(), weights={"b.bin": "sha256:2", "c.bin": "sha256:9", "d.bin": "sha256:4"})

    diff = diff_entries("a", entry(old), entry(new))

    assert diff is not None
    files = diff.pins[0].files
    assert [(file.path, file.before is None, file.after is None) for file in files] == [
        ("a.bin", False, True),
        ("c.bin", False, False),
        ("d.bin", True, False),
    ]
    assert diff_entries("a", entry(old), entry(replace(new, weights=None))) is None


def test_targets_come_go_and_change_their_order() -> None:
    """A model asked for at another ref is the same one; two of one model are told apart by their refs."""
    one, two = pin(), pin("acme/two")
    moved, tagged = pin("acme/two", "v1", OTHER_COMMIT), pin("acme/one", "v1", OTHER_COMMIT)

    swapped = diff_entries("a", entry(one, two), entry(two, one))
    assert swapped is not None
    assert (swapped.ordered, swapped.pins) == (False, ())
    changed = diff_entries("a", entry(one, two, NAME), entry(moved, one))
    assert changed is not None
    assert [(each.before, each.after) for each in changed.pins] == [(two, moved), (NAME, None)]
    second = diff_entries("a", entry(one), entry(tagged, one))
    assert second is not None
    assert [(each.before, each.after) for each in second.pins] == [(None, tagged)]
    dropped = diff_entries("a", entry(one, tagged), entry(one))
    assert dropped is not None
    assert [(each.before, each.after) for each in dropped.pins] == [(tagged, None)]


def test_what_is_needed_is_compared_too() -> None:
    """And told apart from the targets."""
    base = pin("acme/base")
    newer = replace(base, revision=OTHER_COMMIT)

    diff = diff_entries("a", replace(entry(pin()), needed=(base,)), replace(entry(pin()), needed=(newer,)))

    assert diff is not None
    assert [(each.needed, each.pin.revision) for each in diff.pins if isinstance(each.pin, LockedModel)] == [
        (True, OTHER_COMMIT)
    ]


def test_locks_are_compared_by_alias() -> None:
    """New and gone ones among them; a task of its own; only what was named, if something was."""
    before = {"a": entry(pin()), "b": entry(pin()), "c": entry(pin())}
    after = {"b": entry(pin(), task="other"), "c": entry(pin(), line=99), "d": entry(NAME)}

    diffs = diff_locks(before, after)

    assert [(each.alias, each.before, each.after) for each in diffs] == [
        ("a", True, False),
        ("b", True, True),
        ("d", False, True),
    ]
    assert diffs[1].task is not None
    assert (diffs[1].task.before, diffs[1].task.after) == ("t", "other")
    assert [each.alias for each in diff_locks(before, after, ["c", "d", "nowhere"])] == ["d"]


PATHS = st.sampled_from(
    ["README.md", "model.safetensors", "config.json", "vocab.txt", "x.py", "chat_template.jinja"]
)
TREES = st.dictionaries(PATHS, st.integers(0, 2))


@given(old=TREES, new=TREES)
def test_files_differ_where_their_content_does(old: dict[str, int], new: dict[str, int]) -> None:
    """What behaviour depends on first, documents last; forth and back are mirror images."""
    before, after = (
        [HubFile(path=path, size=size, digest=f"git:{size}") for path, size in tree.items()]
        for tree in (old, new)
    )

    files, back = diff_files(before, after), diff_files(after, before)

    assert {file.path for file in files} == {path for path in {*old, *new} if old.get(path) != new.get(path)}
    assert [(file.path, file.before, file.after) for file in files] == [
        (file.path, file.after, file.before) for file in back
    ]
    kinds = classes_of(files)
    assert FileClass.DOCUMENTS not in kinds[:-1]
    assert sum(file.fetched for file in files) == sum(new[file.path] for file in files if file.path in new)
