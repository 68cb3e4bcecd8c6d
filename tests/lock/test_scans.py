"""Scans: files that a loader would take are told as bad as the Hub takes them to be."""

from collections.abc import Collection

import pytest

from resilient_infer.lock.answers import HubFile, HubModel, HubScan
from resilient_infer.lock.findings import Level
from resilient_infer.lock.lockfile import LockedModel
from resilient_infer.lock.scans import loadable, pickled, scans, weights_at
from tests.lock.fake_hub import CLASSIFIER, FakeHub

NAME = "acme/one"


def model(*paths: str) -> HubModel:
    files = tuple(HubFile(path=path, size=1, digest="git:" + "0" * 40) for path in paths)
    return HubModel(
        id=NAME,
        hub_id="x",
        commit="0" * 40,
        access="public",
        disabled=False,
        task=None,
        license=None,
        files=files,
        chat_template=False,
    )


def looked_at(told: dict[str, HubScan]) -> list[tuple[str, Level, str]]:
    """Code, level and message for a repo whose scans say this; what they do not name is safe."""
    hub = FakeHub()
    repo = hub.create(NAME, {**CLASSIFIER, **dict.fromkeys(told, b"x")})
    repo.scans = told
    seen = hub.model(NAME, repo.head)
    assert isinstance(seen, HubModel)
    found = scans(hub, LockedModel(model=NAME, requested="main", revision=repo.head), seen)
    return [(said.code, said.how_bad, said.message) for said in found]


def test_safe_files_are_nothing_to_tell() -> None:
    """One question."""
    assert looked_at({}) == []


@pytest.mark.parametrize(
    ("scan", "level"),
    [
        (HubScan.UNSAFE, Level.ERROR),
        (HubScan.SUSPICIOUS, Level.WARNING),
        (HubScan.UNSCANNED, Level.INFO),
    ],
)
@pytest.mark.parametrize("path", ["model.safetensors", "pytorch_model.bin", "handler.py", "onnx/model.onnx"])
def test_ri402_is_as_bad_as_the_scan(scan: HubScan, level: Level, path: str) -> None:
    """Weights, pickles and code."""
    ((code, bad, message),) = looked_at({path: scan})

    assert (code, bad) == ("RI402", level)
    assert path in message


def test_ri402_names_some_files_and_counts_the_others() -> None:
    """Each level is told for itself, the worst first."""
    many = {f"part-{number}.pt": HubScan.SUSPICIOUS for number in range(9)}

    found = looked_at({**many, "evil.py": HubScan.UNSAFE})

    assert [(code, level) for code, level, _ in found] == [("RI402", Level.ERROR), ("RI402", Level.WARNING)]
    assert found[1][2].endswith("part-0.pt, part-1.pt, part-2.pt and 6 more")


def test_what_no_loader_takes_is_not_looked_at() -> None:
    """Documents, configs, and what training left behind; but code may have any name."""
    seen = model(
        "README.md",
        "config.json",
        "checkpoint-500/pytorch_model.bin",
        "training_args.bin",
        "optimizer.pt",
        "scheduler.py",
        "model.safetensors",
        "sub/modeling.py",
    )

    assert loadable(seen) == ("scheduler.py", "model.safetensors", "sub/modeling.py")


def test_a_file_that_the_scans_do_not_know_is_not_scanned() -> None:
    """The answer leaves it out."""
    hub = FakeHub()
    repo = hub.create(NAME)
    pin = LockedModel(model=NAME, requested="main", revision=repo.head)

    found = scans(hub, pin, model("model.safetensors", "only-listed.bin"))

    assert [(said.code, said.how_bad) for said in found] == [("RI402", Level.INFO)]
    assert "only-listed.bin" in found[0].message


def test_scans_that_are_not_told_are_not_checked() -> None:
    """RI900."""
    hub = FakeHub()
    repo = hub.create(NAME)
    hub.down()

    found = scans(hub, LockedModel(model=NAME, requested="main", revision=repo.head), model("model.bin"))

    assert [said.code for said in found] == ["RI900"]


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        ({"pytorch_model.bin"}, True),
        ({"pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"}, True),
        ({"best.PT"}, True),
        ({"model.joblib"}, True),
        ({"model.safetensors"}, False),
        ({"unet/model.safetensors", "vae/pytorch_model.bin"}, False),
        ({"openvino_model.bin"}, False),
        ({"ggml-model-q4.bin"}, False),
        ({"model.gguf"}, False),
        (set(), False),
    ],
    ids=lambda value: "+".join(sorted(value)) or "none" if isinstance(value, set) else None,
)
def test_ri403_only_where_all_weights_are_pickles(weights: Collection[str], told: bool) -> None:
    """By their names; nothing is asked."""
    found = pickled(weights)

    assert [(said.code, said.how_bad) for said in found] == ([("RI403", Level.INFO)] if told else [])


def test_the_weights_of_a_pin_are_those_that_were_locked() -> None:
    """Else what the Hub lists; not told is not pickled."""
    pin = LockedModel(model=NAME, requested="main", revision="0" * 40)
    locked = LockedModel(model=NAME, requested="main", revision="0" * 40, weights={"a.bin": "git:0"})

    assert list(weights_at(locked, model("model.safetensors"))) == ["a.bin"]
    assert list(weights_at(pin, model("model.safetensors", "README.md"))) == ["model.safetensors"]
    assert list(weights_at(pin, None)) == []
