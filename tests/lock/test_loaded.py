"""Loaded (RI405): what a model runs and loads is told, and costs nothing where nothing is to be told."""

import json
from functools import partial

from resilient_infer.lock.answers import HubFault, HubFaultKind
from resilient_infer.lock.depth import Depth, everywhere, nowhere
from resilient_infer.lock.findings import Level
from resilient_infer.lock.manifest import parse_manifest
from resilient_infer.lock.verify import Report, verify
from tests.lock.fake_hub import CLASSIFIER, UNTOLD, FakeHub, fault
from tests.lock.locking import LOCK, locked, manifest_of, surveyed

ADAPTER = manifest_of("  a: acme/adapter\n")
CODE = {
    "config.json": json.dumps({"auto_map": {"AutoModel": "modeling_x.X"}}).encode(),
    "modeling_x.py": b"class X: ...",
    "train.py": b"...",
}


def hub_with_adapter() -> FakeHub:
    hub = FakeHub()
    config = json.dumps({"base_model_name_or_path": "acme/base"}).encode()
    hub.create("acme/adapter", {"adapter_config.json": config, "adapter_model.safetensors": b"small"})
    hub.create("acme/base")
    return hub


def verified(text: str, hub: FakeHub, manifest: str = ADAPTER, deep: Depth = everywhere) -> Report:
    hub.asked.clear()
    parsed = parse_manifest(manifest.encode(), "lockfiles/models.yaml", None)
    return verify(parsed, surveyed(text), hub, file=LOCK, has_token=True, deep=deep)


def by_hand(hub: FakeHub) -> str:
    """A lock of three keys a pin."""
    head = hub.repos["acme/adapter"].head
    pin = f'{{model: acme/adapter, requested: main, revision: "{head}"}}'
    return f'lock_version: "1.0"\nmodels:\n  a:\n    pins:\n      - {pin}\n'


def unreadable(trouble: HubFault, method: str, repo: str, revision: str | None) -> HubFault | None:
    return trouble if method == "read" else None


def test_what_is_needed_has_a_row_of_its_own_and_is_verified_like_the_rest() -> None:
    """Two questions each, once for all aliases; what happens to a base is said of each alias."""
    hub = hub_with_adapter()
    manifest = ADAPTER + "  b: acme/adapter\n"
    text = locked(manifest, None, hub)

    report = verified(text, hub, manifest, nowhere)

    assert [(row.alias, row.pin.model, row.state) for row in report.rows] == [
        (alias, model, "ok") for alias in "ab" for model in ("acme/adapter", "acme/base")
    ]
    assert [row.needed_by for row in report.rows] == [(), ("acme/adapter",)] * 2
    assert len(hub.asked) == 4
    hub.repos["acme/base"].squash()
    found = verified(text, hub, manifest, nowhere).findings
    assert [(each.code, each.alias) for each in found] == [("RI201", "a"), ("RI201", "b")]
    lines = text.splitlines()
    assert all("acme/base" in lines[each.line - 1] for each in found)


def test_ri203_the_name_of_a_needed_repo_is_nobodys_here_to_mend() -> None:
    """It stands in the config of whoever loads it, and not in the manifest."""
    hub = hub_with_adapter()
    text = locked(ADAPTER, None, hub)
    hub.rename("acme/base", "acme/new")
    hub.rename("acme/adapter", "acme/tuned")

    hints = {found.message.split()[0]: found.hint for found in verified(text, hub, deep=nowhere).findings}

    assert "manifest" not in hints["acme/base"]
    assert "manifest" in hints["acme/adapter"]


def test_ri405_what_could_not_be_locked_is_a_warning_at_no_cost() -> None:
    """The lock knows of it."""
    hub = hub_with_adapter()
    hub.repos["acme/base"].gate()
    text = locked(ADAPTER, None, hub)

    for deep in (nowhere, everywhere):
        (found,) = verified(text, hub, deep=deep).findings
        assert (found.code, found.level) == ("RI405", Level.WARNING)
        assert found.message == "acme/adapter loads acme/base@main (base), which is not locked"
        assert 'run "resilient-infer lock"' in found.hint
        assert hub.asked_for("read") == 0


def test_ri405_a_deep_look_at_a_lock_written_by_hand_tells_what_it_does_not_know() -> None:
    """Not in the cheap look, which reads no file; and not once `lock` has completed it."""
    hub = hub_with_adapter()
    text = by_hand(hub)

    shallow, deep = verified(text, hub, deep=nowhere), verified(text, hub)

    assert shallow.findings == ()
    assert [(found.code, found.level) for found in deep.findings] == [("RI405", Level.WARNING)]
    assert verified(locked(ADAPTER, text, hub), hub).findings == ()


def test_ri405_code_of_its_own_is_told_by_name_where_a_look_is_deep() -> None:
    """Only what the config runs: scripts that lie about are none of it."""
    hub = FakeHub()
    hub.create("acme/adapter", {**CLASSIFIER, **CODE})
    text = locked(ADAPTER, None, hub)

    assert verified(text, hub, deep=nowhere).findings == ()
    (found,) = verified(text, hub).findings

    assert (found.code, found.level) == ("RI405", Level.INFO)
    assert found.message == "acme/adapter has code of its own, which runs where it is trusted: modeling_x.py"


def test_ri405_what_the_lock_knows_is_not_told_twice() -> None:
    """Its config is read for the code beside it."""
    hub = hub_with_adapter()
    hub.repos["acme/adapter"].push(CODE)
    whole = locked(ADAPTER, None, hub)
    hub.repos["acme/base"].gate()
    part = locked(ADAPTER, None, hub)
    hub.repos["acme/base"].access, hub.repos["acme/base"].readable = "public", True

    assert [found.level for found in verified(whole, hub).findings] == [Level.INFO]
    assert [found.level for found in verified(part, hub).findings] == [Level.INFO, Level.WARNING]


def test_no_file_is_read_where_the_lock_knows_and_no_code_is() -> None:
    """Most models: a deep look costs what it cost before."""
    hub = hub_with_adapter()
    text = locked(ADAPTER, None, hub)

    assert verified(text, hub).findings == ()
    assert hub.asked_for("read") == 0


def test_many_files_of_code_are_counted() -> None:
    """Four by name."""
    hub = FakeHub()
    names = [f"m{number}" for number in range(9)]
    config = json.dumps({"auto_map": {name: f"{name}.X" for name in names}}).encode()
    hub.create("acme/adapter", {"config.json": config, **{f"{name}.py": b"" for name in names}})

    (found,) = verified(locked(ADAPTER, None, hub), hub).findings

    assert found.message.endswith(": m0.py, m1.py, m2.py, m3.py and 5 more")


def test_a_config_that_cannot_be_read_is_not_checked_and_never_gone() -> None:
    """RI900, whatever the reason is."""
    for trouble in (UNTOLD, fault(HubFaultKind.FILE_GONE)):
        hub = FakeHub()
        hub.create("acme/adapter", {**CLASSIFIER, **CODE})
        text = locked(ADAPTER, None, hub)
        hub.trouble = partial(unreadable, trouble)

        (found,) = verified(text, hub).findings

        assert found.code == "RI900"
        assert found.message.startswith("not checked: what acme/adapter loads: ")
