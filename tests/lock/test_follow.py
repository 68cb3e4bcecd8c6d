"""Follow: what a model needs is locked with it, once; a Hub that is down is never a repo that is gone."""

import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resilient_infer.core.outcome import FailureKind
from resilient_infer.lock.answers import HubFault, HubFaultKind
from resilient_infer.lock.emit import lock_text
from resilient_infer.lock.follow import MOST_FOLLOWED, MOST_LEVELS
from resilient_infer.lock.locked import Contract, LockEntry
from resilient_infer.lock.manifest import parse_manifest
from resilient_infer.lock.relock import What, relock
from resilient_infer.lock.tied import name_of, reachable
from tests.lock.fake_hub import CLASSIFIER, UNTOLD, FakeHub, FakeRepo, fault
from tests.lock.locking import LOCK, checked, locked, manifest_of, pin_in, run, said, surveyed

ADAPTER = manifest_of("  a: acme/adapter\n")
LLAMA = {"max_position_embeddings": 8192, "architectures": ["LlamaForCausalLM"]}


def adapter(base: str, revision: str | None = None) -> dict[str, bytes]:
    config = {"base_model_name_or_path": base, "revision": revision, "peft_type": "LORA"}
    return {"adapter_config.json": json.dumps(config).encode(), "adapter_model.safetensors": b"small"}


def runs(*repos: str) -> dict[str, bytes]:
    """A model with the code of these repos."""
    classes = {f"Auto{number}": f"{repo}--modeling_x.X" for number, repo in enumerate(repos)}
    config = {**LLAMA, "auto_map": classes}
    return {"config.json": json.dumps(config).encode(), "model.safetensors": b"large"}


def hub_with_adapter() -> FakeHub:
    """An adapter, its base, and the code that runs the base; beside them a model that needs nothing."""
    hub = FakeHub()
    hub.create("acme/adapter", adapter("acme/base")).task = "text-generation"
    hub.create("acme/base", runs("acme/code")).task = "text-generation"
    hub.create("acme/code", {"modeling_x.py": b"class X: ..."}).task = None
    hub.create("acme/other")
    return hub


def entry_in(text: str, alias: str = "a") -> LockEntry:
    survey = surveyed(text)
    assert survey is not None
    assert survey.flaws == ()
    return survey.lock.entries[alias]


def needed_in(text: str, alias: str = "a") -> list[str]:
    return [pin.model for pin in entry_in(text, alias).needed]


def test_an_adapter_is_locked_with_its_base_and_the_bases_code() -> None:
    """Each once, at its default branch's commit, and who needs it is said; the pin names the commits."""
    hub = hub_with_adapter()

    done = run(ADAPTER, None, hub)

    entry = done.lock.entries["a"]
    assert [pin.model for pin in entry.needed] == ["acme/base", "acme/code"]
    assert [pin.revision for pin in entry.needed] == [
        hub.repos["acme/base"].head,
        hub.repos["acme/code"].head,
    ]
    (need,) = entry.models[0].needs
    assert (need.model, need.requested, need.kind.value) == ("acme/base", "main", "base")
    assert need.revision == hub.repos["acme/base"].head
    assert [(change.what, getattr(change.pin, "model", "")) for change in done.changes] == [
        (What.ADDED, "acme/adapter"),
        (What.ADDED, "acme/base"),
        (What.ADDED, "acme/code"),
    ]
    assert done.changes[1].notes[0] == "needed by acme/adapter (base)"
    assert done.changes[2].notes[0] == "needed by acme/base (code)"


def test_lock_twice_gives_the_same_bytes_and_asks_nothing_wherever_branches_go() -> None:
    """What an adapter needs stays where it was locked, like the adapter."""
    hub = hub_with_adapter()
    first = locked(ADAPTER, None, hub)
    for repo in hub.repos.values():
        repo.push({"model.safetensors": b"new"})
    hub.asked.clear()

    again = run(ADAPTER, first, hub)

    assert lock_text(again.lock) == first
    assert (again.changes, again.faults, hub.asked) == ((), (), [])
    assert checked(ADAPTER, first) == ()


def test_the_ref_that_the_config_names_is_locked() -> None:
    """A branch, a tag or a commit of the base."""
    hub = hub_with_adapter()
    tagged = hub.repos["acme/base"].push({"model.safetensors": b"other"}, branch="v2")
    hub.repos["acme/adapter"].push(adapter("acme/base", "v2"))

    entry = entry_in(locked(ADAPTER, None, hub))

    assert [(pin.model, pin.requested) for pin in entry.needed] == [("acme/base", "v2")]
    assert entry.needed[0].revision == tagged


def test_the_contract_and_the_task_of_an_adapter_are_its_bases() -> None:
    """As far as the adapter does not say them itself; the shorter length holds."""
    hub = FakeHub()
    hub.create("acme/adapter", adapter("acme/base")).task = None
    hub.create("acme/base")

    entry = entry_in(locked(ADAPTER, None, hub))

    assert entry.task == "text-classification"
    assert entry.models[0].contract == Contract(labels=("NEGATIVE", "POSITIVE"), max_length=512)
    hub.repos["acme/adapter"].push({"tokenizer_config.json": b'{"model_max_length": 128}'})
    assert pin_in(locked(ADAPTER, None, hub), "a").contract.max_length == 128


def test_ri406_an_adapter_that_answers_like_its_base_is_held_to_it() -> None:
    """Labels that come from the base are compared like any others."""
    hub = FakeHub()
    hub.create("acme/adapter", adapter("acme/base")).task = "text-classification"
    hub.create("acme/base", {**CLASSIFIER, "config.json": b'{"id2label": {"0": "BAD", "1": "GOOD"}}'})
    hub.create("acme/other")
    both = "{targets: [{model: acme/other}, {model: acme/adapter%s}]}"

    assert said(run(manifest_of(f"  a: {both % ''}\n"), None, hub).faults) == [("RI406", "a")]
    mapped = both % ", labels: {BAD: NEGATIVE, GOOD: POSITIVE}"
    assert run(manifest_of(f"  a: {mapped}\n"), None, hub).faults == ()


def test_an_adapter_without_a_tokenizer_speaks_like_its_base() -> None:
    """A chat template of the base makes it a chat model, unless it has a tokenizer of its own."""
    hub = hub_with_adapter()
    hub.repos["acme/base"].push({"tokenizer_config.json": b'{"chat_template": "{{ x }}"}'})

    done = run(ADAPTER, None, hub)
    hub.repos["acme/adapter"].push({"tokenizer_config.json": b"{}"})
    own = run(ADAPTER, None, hub)

    assert (done.lock.entries["a"].task, own.lock.entries["a"].task) == ("chat", "text-generation")
    assert "task chat: its base, acme/base: its tokenizer has a chat template" in done.changes[0].notes


def test_a_base_that_is_a_target_too_is_locked_once() -> None:
    """As the target that it is; frozen, it is one of the two that may be called."""
    hub = hub_with_adapter()
    manifest = manifest_of(
        "  a: {task: text-generation, targets: [{model: acme/adapter}, {model: acme/base}]}\n"
    )

    text = locked(manifest, None, hub)

    assert [pin.model for pin in entry_in(text).models] == ["acme/adapter", "acme/base", "acme/code"]
    assert needed_in(text) == ["acme/code"]
    assert checked(manifest, text) == ()
    fewer = locked(ADAPTER, text, hub)
    assert needed_in(fewer) == ["acme/base", "acme/code"]
    assert locked(manifest, fewer, hub) == text


def test_a_cycle_ends_where_it_began() -> None:
    """Each repo at each ref is asked about once."""
    hub = FakeHub()
    hub.create("acme/adapter", {**adapter("acme/one"), **runs("acme/two")})
    hub.create("acme/one", {**adapter("acme/two"), **runs("acme/adapter")})
    hub.create("acme/two", {**adapter("acme/adapter"), **runs("acme/one")})

    text = locked(ADAPTER, None, hub)

    assert needed_in(text) == ["acme/one", "acme/two"]
    assert hub.asked_for("model") == 3
    hub.asked.clear()
    assert locked(ADAPTER, text, hub) == text
    assert hub.asked == []


def gate(repo: FakeRepo) -> None:
    repo.gate()


def hide(repo: FakeRepo) -> None:
    repo.access, repo.readable = "private", False


def disable(repo: FakeRepo) -> None:
    repo.disabled = True


def empty(repo: FakeRepo) -> None:
    repo.refs.clear()


FATES = {"gated": gate, "private": hide, "disabled": disable, "without a main": empty}


@pytest.mark.parametrize("fate", FATES)
def test_ri405_what_cannot_be_read_is_said_and_the_model_is_locked_without_it(fate: str) -> None:
    """The need has no commit; the lock fits, stays as it is, and takes the repo once it can."""
    hub = hub_with_adapter()
    whole = hub_with_adapter()
    FATES[fate](hub.repos["acme/base"])

    done = run(ADAPTER, None, hub)

    assert done.faults == ()
    text = lock_text(done.lock)
    assert needed_in(text) == []
    assert [need.revision for need in entry_in(text).models[0].needs] == [None]
    (note,) = [note for note in done.changes[0].notes if note.startswith("RI405")]
    assert note.startswith("RI405: acme/adapter loads acme/base@main (base), which is not locked: ")
    assert checked(ADAPTER, text) == ()
    again = run(ADAPTER, text, hub)
    assert (lock_text(again.lock), again.changes, again.notes) == (text, (), (f"a: {note}",))
    assert done.notes == run(ADAPTER, text, whole).notes == ()
    assert locked(ADAPTER, text, whole) == locked(ADAPTER, None, whole)


def test_what_an_adapter_is_for_is_known_once_its_base_can_be_read() -> None:
    """Task and contract, though the adapter itself stays where it was locked."""
    hub = FakeHub()
    hub.create("acme/adapter", adapter("acme/base")).task = None
    hub.create("acme/base").gate()
    part = locked(ADAPTER, None, hub)
    hub.repos["acme/base"].readable = True

    entry = entry_in(locked(ADAPTER, part, hub))

    assert (entry_in(part).task, entry_in(part).models[0].contract) == (None, Contract())
    assert (entry.task, entry.models[0].contract.labels) == ("text-classification", ("NEGATIVE", "POSITIVE"))


def test_an_adapter_takes_after_a_base_that_is_moved() -> None:
    """It is kept, and asked again what it says itself; a chain of adapters likewise."""
    hub = FakeHub()
    hub.create("acme/adapter", adapter("acme/middle")).task = None
    hub.create("acme/middle", adapter("acme/base")).task = None
    base = hub.create("acme/base")
    text = locked(ADAPTER, None, hub)
    head = base.push({"config.json": b'{"id2label": {"0": "BAD"}}', "tokenizer_config.json": None})
    parsed = parse_manifest(ADAPTER.encode(), "lockfiles/models.yaml", None)
    survey = surveyed(text)
    assert survey is not None
    moves = {("a", ("model", "acme/base", "main")): head}

    done = relock(parsed, survey.lock, hub, file=LOCK, moves=moves)

    moved = lock_text(done.lock)
    assert [pin.contract for pin in entry_in(moved).models] == [Contract(labels=("BAD",))] * 3
    assert moved == locked(ADAPTER, None, hub)
    assert [(change.what, change.before) for change in done.changes] == [
        (What.MOVED, entry_in(text).needed[0].revision)
    ]


def test_a_renamed_base_is_locked_under_the_name_that_the_config_has() -> None:
    """Whoever loads it asks for that name; that it is the old one is said."""
    hub = hub_with_adapter()
    hub.rename("acme/base", "acme/new")

    done = run(ADAPTER, None, hub)

    assert [pin.model for pin in done.lock.entries["a"].needed] == ["acme/base", "acme/code"]
    assert any("RI203: acme/base is now called acme/new" in note for note in done.changes[1].notes)
    assert locked(ADAPTER, lock_text(done.lock), hub) == lock_text(done.lock)


@pytest.mark.parametrize("kind", [HubFaultKind.UNTOLD, HubFaultKind.DENIED])
@pytest.mark.parametrize("silent", ["acme/base", "acme/code"])
def test_a_hub_that_does_not_answer_is_no_base_that_is_gone(kind: HubFaultKind, silent: str) -> None:
    """RI900, no entry for this alias, and the others are made."""
    hub = hub_with_adapter()
    trouble = fault(kind, FailureKind.SERVER_ERROR)
    hub.trouble = lambda method, repo, revision: trouble if repo == silent else None

    done = run(ADAPTER + "  b: acme/other\n", None, hub)

    assert said(done.faults) == [("RI900", "a")]
    assert list(done.lock.entries) == ["b"]


def test_a_base_whose_name_was_taken_over_is_not_locked_in_silence() -> None:
    """What is held stays; for whoever needs it anew, RI204: the lock knows another repo of that name."""
    hub = hub_with_adapter()
    text = locked(ADAPTER, None, hub)
    hub.create("acme/base", hub_id="a-stranger")
    hub.create("acme/second", adapter("acme/base"))

    done = run(ADAPTER + "  b: acme/second\n", text, hub)

    assert said(done.faults) == [("RI204", "b")]
    assert lock_text(done.lock) == text


def test_what_is_no_longer_needed_is_dropped_when_the_model_moves() -> None:
    """And what it still needs stays where it is; what is new is locked."""
    hub = hub_with_adapter()
    text = locked(ADAPTER, None, hub)
    before = hub.repos["acme/base"].head
    hub.create("acme/extra", {"modeling_x.py": b"..."})
    hub.repos["acme/base"].push({"model.safetensors": b"newer"})
    hub.repos["acme/adapter"].push({**adapter("acme/base"), **runs("acme/extra")}, branch="v2")

    more = run(manifest_of("  a: acme/adapter@v2\n"), text, hub)

    assert [pin.model for pin in more.lock.entries["a"].needed] == ["acme/base", "acme/code", "acme/extra"]
    assert more.lock.entries["a"].needed[0].revision == before
    back = run(ADAPTER, lock_text(more.lock), hub)
    assert lock_text(back.lock) == text
    assert [change.what for change in back.changes] == [What.MOVED, What.DROPPED]


def test_an_alias_that_is_dropped_drops_what_it_needed() -> None:
    """Each pin is named."""
    hub = hub_with_adapter()
    text = locked(ADAPTER, None, hub)

    done = run(manifest_of("  b: acme/other\n"), text, hub)

    dropped = [change.pin for change in done.changes if change.what is What.DROPPED]
    assert [getattr(pin, "model", "") for pin in dropped] == ["acme/adapter", "acme/base", "acme/code"]


def test_a_lock_written_by_hand_gets_what_its_models_need() -> None:
    """Three keys are completed at the commit they name, and only then does anybody know of the base."""
    hub = hub_with_adapter()
    head = hub.repos["acme/adapter"].head
    hand = (
        'lock_version: "1.0"\nmodels:\n  a:\n    pins:\n'
        f'      - {{model: acme/adapter, requested: main, revision: "{head}"}}\n'
    )

    assert locked(ADAPTER, hand, hub) == locked(ADAPTER, None, hub)


@pytest.mark.parametrize("gone", ["needed", "needs"])
def test_ri105_what_a_hand_takes_out_is_seen_and_put_back(gone: str) -> None:
    """The pins of an entry are bound to one another: none can be taken out."""
    hub = hub_with_adapter()
    text = locked(ADAPTER, None, hub)
    lines = text.splitlines(keepends=True)
    start = next(number for number, line in enumerate(lines) if line.strip() == f"{gone}:")
    end = len(lines) if gone == "needed" else start + 2
    edited = "".join(lines[:start] + lines[end:])

    assert {code for code, _ in said(checked(ADAPTER, edited))} == {"RI105"}
    assert locked(ADAPTER, edited, hub) == text


def test_ri105_a_needed_commit_of_another_merge_side_is_seen() -> None:
    """Both pins are whole, and do not belong together."""
    hub = hub_with_adapter()
    ours = locked(ADAPTER, None, hub)
    hub.repos["acme/base"].push({"model.safetensors": b"newer"})
    theirs = locked(ADAPTER, None, hub)
    mixed = ours.partition("    needed:")[0] + "    needed:" + theirs.partition("    needed:")[2]

    assert mixed not in (ours, theirs)
    found = checked(ADAPTER, mixed)
    assert said(found) == [("RI105", "a")]
    assert "acme/adapter: it needs acme/base@main (base) at commit" in found[0].message
    assert locked(ADAPTER, mixed, hub) == theirs


def test_policy_and_prices_do_not_make_needs_stale() -> None:
    """Staleness is structural, as for the targets."""
    hub = hub_with_adapter()
    text = locked(ADAPTER, None, hub)
    route = "{provider: hf-inference, price: {input: 1}}"
    body = f"  a: {{deadline: 9, targets: [{{model: acme/adapter, routes: [{route}]}}]}}\n"

    assert checked(manifest_of(body, head="policy: {retries: 5}\n"), text) == ()


def test_needs_of_many_aliases_are_asked_about_once() -> None:
    """Fifty adapters of one base."""
    hub = FakeHub()
    hub.create("acme/base")
    lines = []
    for number in range(50):
        hub.create(f"acme/adapter{number}", adapter("acme/base")).task = "text-classification"
        lines.append(f"  a{number}: acme/adapter{number}\n")

    done = run(manifest_of("".join(lines)), None, hub)

    assert len(done.lock.entries) == 50
    assert hub.asked_for("model") == 51


def chain(hub: FakeHub, length: int) -> None:
    hub.create("acme/adapter", runs("acme/n1"))
    for number in range(1, length + 1):
        hub.create(f"acme/n{number}", runs(f"acme/n{number + 1}"))
    hub.create(f"acme/n{length + 1}")


def test_a_chain_is_followed_so_far_and_no_further() -> None:
    """What lies beyond is named as not locked, and locking again goes no deeper."""
    hub = FakeHub()
    chain(hub, 10)

    text = locked(ADAPTER, None, hub)

    assert needed_in(text) == [f"acme/n{number}" for number in range(1, MOST_LEVELS + 1)]
    assert locked(ADAPTER, text, hub) == text
    assert checked(ADAPTER, text) == ()


def test_a_hostile_tree_of_repos_ends() -> None:
    """Eight names in each repo, and each of those eight more: a bounded number is looked at."""
    hub = FakeHub()
    names = [f"acme/n{number}" for number in range(200)]
    fan = dict(zip(["acme/adapter", *names], (names[n : n + 8] for n in itertools.count(0, 8)), strict=False))
    for name, below in fan.items():
        hub.create(name, runs(*below))

    text = locked(ADAPTER, None, hub)

    assert len(needed_in(text)) == MOST_FOLLOWED
    assert hub.asked_for("model") == MOST_FOLLOWED + 1
    hub.asked.clear()
    assert locked(ADAPTER, text, hub) == text
    assert hub.asked == []


def test_what_many_need_is_looked_at_once_and_in_an_order_of_its_own() -> None:
    """However many name it, gone or not; with too many, the same are taken whichever target comes first."""
    hub = FakeHub()
    shared = [f"acme/s{number}" for number in range(6)]
    hub.create("acme/one", runs(*shared, "acme/gone"))
    hub.create("acme/two", runs(*shared, "acme/gone"))
    for number, name in enumerate(shared):
        hub.create(name, runs("acme/gone", *(f"acme/t{number}{letter}" for letter in "abcdef")))
    for number, letter in itertools.product(range(6), "abcdef"):
        hub.create(f"acme/t{number}{letter}")

    def needed(*order: str) -> list[str]:
        targets = ", ".join(f"{{model: {name}}}" for name in order)
        return needed_in(locked(manifest_of(f"  a: {{task: chat, targets: [{targets}]}}\n"), None, hub))

    found = needed("acme/one", "acme/two")

    assert found == needed("acme/two", "acme/one")
    assert len(found) == MOST_FOLLOWED - 1
    assert set(shared) <= set(found)


NAMES = [f"acme/r{number}" for number in range(6)]
graphs = st.fixed_dictionaries(
    {name: st.tuples(st.none() | st.sampled_from(NAMES), st.sets(st.sampled_from(NAMES))) for name in NAMES}
)
Graph = Mapping[str, tuple[str | None, Iterable[str]]]


def hub_of(graph: Graph, gone: Iterable[str] = ()) -> FakeHub:
    """Repos with a base, or none, and the code of others."""
    hub = FakeHub()
    for name, (base, code) in graph.items():
        files = {**CLASSIFIER, **runs(*sorted(code))}
        hub.create(name, {**files, **(adapter(base) if base else {})})
    for name in gone:
        hub.repos[name].gate()
    return hub


def manifest_for(order: Iterable[int]) -> str:
    lines = {0: "  a: acme/r0\n", 1: "  b: acme/r1\n"}
    lines[2] = "  c: {task: chat, targets: [{model: acme/r2}, {model: acme/r0}]}\n"
    return manifest_of("".join(lines[number] for number in order))


@settings(max_examples=40, deadline=None)
@given(
    graph=graphs,
    gone=st.sets(st.sampled_from(NAMES[3:])),
    order=st.permutations(range(3)),
    pushed=st.sets(st.sampled_from(NAMES)),
)
def test_whoever_needs_whom_the_lock_is_canonical(
    graph: Graph, gone: set[str], order: list[int], pushed: set[str]
) -> None:
    """Twice the same bytes; the manifest's order does not matter; each pin is reachable and bound."""
    hub = hub_of(graph, gone)
    manifest = manifest_for(range(3))

    text = locked(manifest, None, hub)

    assert locked(manifest_for(order), None, hub_of(graph, gone)) == text
    assert checked(manifest, text) == ()
    survey = surveyed(text)
    assert survey is not None
    for entry in survey.lock.entries.values():
        assert {name_of(pin) for pin in entry.models} <= reachable(entry)
        assert not gone & {pin.model for pin in entry.models}
        commits = {name_of(pin): pin.revision for pin in entry.models}
        assert all(need.revision == commits.get(name_of(need)) for pin in entry.models for need in pin.needs)
    for name in pushed:
        hub.repos[name].push({"README.md": b"new"})
    hub.asked.clear()
    assert locked(manifest, text, hub) == text
    assert {repo for _, repo, _, _ in hub.asked} <= gone


@settings(max_examples=25, deadline=None)
@given(graph=graphs, gone=st.sets(st.sampled_from(NAMES[3:]), min_size=1))
def test_what_could_not_be_read_is_taken_later_as_if_it_had_always_been_there(
    graph: Graph, gone: set[str]
) -> None:
    """The lock that grows is the lock that is made at once."""
    manifest = manifest_for(range(3))
    part = locked(manifest, None, hub_of(graph, gone))

    assert locked(manifest, part, hub_of(graph)) == locked(manifest, None, hub_of(graph))


@settings(max_examples=25, deadline=None)
@given(graph=graphs, silent=st.sampled_from(NAMES))
def test_a_hub_that_falls_silent_never_makes_an_entry_with_less_in_it(graph: Graph, silent: str) -> None:
    """Each alias is locked as it would be, or not at all."""
    manifest, hub = manifest_for(range(3)), hub_of(graph)
    whole = run(manifest, None, hub_of(graph)).lock.entries

    def trouble(method: str, repo: str, revision: str | None) -> HubFault | None:
        return UNTOLD if repo == silent else None

    hub.trouble = trouble
    done = run(manifest, None, hub)

    assert all(entry == whole[alias] for alias, entry in done.lock.entries.items())
    missing = whole.keys() - done.lock.entries.keys()
    assert {finding.alias for finding in done.faults} == missing
    assert all(silent in {pin.model for pin in whole[alias].models} for alias in missing)


def test_an_entry_without_needs_has_no_lines_for_them() -> None:
    """Most models need nothing, and their entries look as before."""
    text = locked(manifest_of("  a: acme/other\n"), None, hub_with_adapter())

    assert "need" not in text
    assert replace(entry_in(text), line=0).needed == ()
