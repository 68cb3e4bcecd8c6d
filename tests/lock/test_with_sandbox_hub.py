"""Lock and verify through the real huggingface_hub, against a Hub on loopback where everything happens.

The rules are tested on a fake one (`test_relock.py`, `test_verify.py`); here is
shown that the answers of the real client lead to them.
"""

import time
from collections.abc import Callable, Iterator

import pytest

from resilient_infer.lock.depth import everywhere, nowhere
from resilient_infer.lock.emit import lock_text
from resilient_infer.lock.hub import HuggingFaceHub
from resilient_infer.lock.lockfile import survey_lock
from resilient_infer.lock.manifest import parse_manifest
from resilient_infer.lock.patience import PatientAsking
from resilient_infer.lock.quota import Quota
from resilient_infer.lock.relock import Relocked, relock
from resilient_infer.lock.verify import Report, verify
from resilient_infer.testing.sandbox import faults
from resilient_infer.testing.sandbox.hub import Hub, Look, Repo
from tests.lock.locking import LOCK, checked, manifest_of, pin_in

NAME = "acme/sentiment"
TOKEN = "hf_sandboxtoken123"
ONE = manifest_of(f"  a: {NAME}\n")
LOOK = Look(labels=("BAD", "GOOD"), max_length=256)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A sandbox Hub that huggingface_hub takes for the real one."""
    import huggingface_hub

    with Hub() as made:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", made.url)
        yield made
    huggingface_hub.close_session()


def client(token: str = "", timeout: float = 5.0) -> HuggingFaceHub:
    """The real client, with short waits."""
    asking = PatientAsking(
        Quota(),
        jobs=8,
        max_wait=0.2,
        sleep=lambda seconds: None,
        now=time.monotonic,
        jitter=lambda: 0.0,
    )
    return HuggingFaceHub(timeout=timeout, wall=time.time, now=time.monotonic, asking=asking, token=token)


def run(manifest: str, old: str | None, token: str = "") -> Relocked:
    parsed = parse_manifest(manifest.encode(), "m.yaml", None)
    return relock(
        parsed, None if old is None else survey_lock(old.encode(), LOCK).lock, client(token), file=LOCK
    )


def locked(manifest: str, old: str | None = None, token: str = "") -> str:
    done = run(manifest, old, token)
    assert done.faults == ()
    return lock_text(done.lock)


def verified(text: str, manifest: str = ONE, *, token: str = "", deep: bool = False) -> Report:
    parsed = parse_manifest(manifest.encode(), "m.yaml", None)
    survey = survey_lock(text.encode(), LOCK)
    depth = everywhere if deep else nowhere
    return verify(parsed, survey, client(token), file=LOCK, has_token=bool(token), deep=depth)


def codes(report: Report) -> list[str]:
    return [finding.code for finding in report.findings]


def test_each_kind_of_model_is_locked_with_its_contract(hub: Hub) -> None:
    """A classifier, embeddings with a dense module, a chat model, an adapter, an old repo with no owner."""
    hub.model("acme/classifier", LOOK)
    hub.model("acme/embedder", Look(task="sentence-similarity", dense=True, dimension=256, hidden=768))
    hub.model("acme/chat", Look(task="text-generation", chat=True, max_length=8192))
    hub.model("acme/adapter", Look(task="text-generation", adapter_of="acme/chat"))
    hub.model("gpt2", Look(task="text-generation"))
    manifest = manifest_of(
        "  a: acme/classifier\n  b: acme/embedder\n  c: acme/chat\n  d: acme/adapter\n  e: gpt2\n"
    )

    text = locked(manifest)

    assert checked(manifest, text) == ()
    tasks = {name: entry.task for name, entry in survey_lock(text.encode(), LOCK).lock.entries.items()}
    assert tasks == {
        "a": "text-classification",
        "b": "feature-extraction",
        "c": "chat",
        "d": "text-generation",
        "e": "text-generation",
    }
    pins = {alias: pin_in(text, alias) for alias in "abcde"}
    assert pins["a"].contract.labels == ("BAD", "GOOD")
    assert (pins["a"].contract.max_length, pins["c"].contract.max_length) == (256, 8192)
    assert pins["b"].contract.dimension == 256
    assert set(pins["b"].weights or {}) == {"2_Dense/model.safetensors", "model.safetensors"}
    assert set(pins["d"].weights or {}) == {"adapter_model.safetensors"}
    assert pins["a"].revision == hub.repo("acme/classifier").head
    assert pins["a"].hub_id == hub.repo("acme/classifier").hub_id
    assert (pins["a"].access, pins["a"].license) == ("public", "apache-2.0")
    report = verified(text, manifest, deep=True)
    assert report.findings == ()
    # The adapter's base is looked at with it.
    assert [(row.alias, row.state) for row in report.rows] == [(alias, "ok") for alias in "abcdde"]


def test_questions_one_after_another_share_a_connection(hub: Hub) -> None:
    """A redirect to where large files lie does not cost the connection, and with it a TLS handshake."""
    repo, asking = hub.model(NAME, LOOK), client()

    for _ in range(3):
        asking.head(NAME, repo.head, "model.safetensors")

    assert len({asked.connection for asked in hub.requests}) == 1


def test_lock_twice_asks_nothing_and_verify_two_things(hub: Hub) -> None:
    """As counted by the Hub."""
    repo = hub.model(NAME, LOOK)
    text = locked(ONE)
    hub.forget()

    assert locked(ONE, text) == text
    assert hub.count() == 0
    assert codes(verified(text)) == []
    assert hub.count("resolvers") == hub.count() == 2
    repo.push({"README.md": "# New\n"})
    assert locked(ONE, text) == text


def taken_over(hub: Hub) -> None:
    """The repo is deleted, and a stranger registers its name for a copy."""
    hub.delete(NAME)
    hub.model(NAME, LOOK)


TROUBLES: dict[str, tuple[Callable[[Hub, Repo], object], str]] = {
    "documents": (lambda hub, repo: repo.push({"NOTES.md": "# New\n"}), "RI301"),
    "weights": (lambda hub, repo: repo.push({"model.safetensors": b"new"}), "RI302"),
    "weights in another format": (
        lambda hub, repo: repo.push({"model.safetensors": None, "pytorch_model.bin": b"new"}),
        "RI302",
    ),
    "squashed": (lambda hub, repo: repo.squash(), "RI201"),
    "deleted": (lambda hub, repo: hub.delete(NAME), "RI202"),
    "private": (lambda hub, repo: repo.make_private(), "RI202"),
    "renamed": (lambda hub, repo: hub.rename(NAME, "acme/other"), "RI203"),
    "taken over": (lambda hub, repo: taken_over(hub), "RI204"),
    "gated": (lambda hub, repo: repo.gate(), "RI205"),
    "gated and hidden": (lambda hub, repo: repo.gate(listed=False), "RI205"),
    "disabled": (lambda hub, repo: repo.disable(), "RI206"),
    "lost": (lambda hub, repo: repo.lose("model.safetensors"), "RI207"),
    "tampered": (lambda hub, repo: repo.tamper("model.safetensors", b"evil"), "RI104"),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_each_trouble_has_its_code(hub: Hub, name: str) -> None:
    """With and without a token, deep or not, and never a fault of a Hub that answers."""
    trouble, code = TROUBLES[name]
    repo = hub.model(NAME, LOOK)
    hub.token(TOKEN)
    text = locked(ONE)

    trouble(hub, repo)

    for token in ("", TOKEN):
        assert codes(verified(text, token=token)) == [code]
        assert codes(verified(text, token=token, deep=True)) == [code]


def test_the_same_content_is_found_after_a_squash(hub: Hub) -> None:
    """At the head, by the digest of all files."""
    repo = hub.model(NAME, LOOK)
    text = locked(ONE)
    head = repo.squash()

    assert f"the same files are at {head}" in verified(text).findings[0].hint


def test_a_dead_commit_after_a_force_push_is_not_locked(hub: Hub) -> None:
    """huggingface_hub#3406, as the API behaves: the pin that is there stays, a new one is not made."""
    repo = hub.model(NAME, LOOK)
    first = repo.head
    dead = repo.push({"model.safetensors": b"new"})
    repo.force_push(first, {"model.safetensors": b"newer"}, stale=True)

    done = run(ONE, None)

    assert [finding.code for finding in done.faults] == ["RI900"]
    assert dead[:12] in done.faults[0].message
    assert done.lock.entries == {}


def test_a_pin_that_a_force_push_left_behind_is_gone(hub: Hub) -> None:
    """Though the API goes on listing its files."""
    repo = hub.model(NAME, LOOK)
    first = repo.head
    repo.push({"model.safetensors": b"new"})
    text = locked(ONE)
    repo.force_push(first, {"model.safetensors": b"newer"}, stale=True)

    assert codes(verified(text)) == codes(verified(text, deep=True)) == ["RI201"]


def test_a_gated_repo_needs_a_token_that_may_read_it(hub: Hub) -> None:
    """Locked with it; not checked without any; an error with one that may not."""
    repo = hub.model(NAME, LOOK)
    repo.gate()
    hub.token(TOKEN, access=[NAME])
    hub.token("hf_strangerstoken1")
    assert [finding.code for finding in run(ONE, None).faults] == ["RI205"]

    text = locked(ONE, token=TOKEN)

    assert pin_in(text, "a").access == "gated"
    assert codes(verified(text, token=TOKEN)) == []
    assert codes(verified(text)) == ["RI900"]
    assert codes(verified(text, token="hf_strangerstoken1")) == ["RI205"]
    assert codes(verified(text, token="hf_thisisnotoken1")) == ["RI900"]


FAULTS: dict[str, faults.Fault] = {
    "500": faults.Status(code=500),
    "503": faults.Status(code=503),
    "404 of a proxy": faults.Status(code=404),
    "401 of a proxy": faults.Status(code=401),
    "HTML": faults.Page(),
    "reset": faults.Reset(),
    "429": faults.Status(code=429),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_hub_in_trouble_never_reads_as_gone_and_moves_nothing(hub: Hub, name: str) -> None:
    """Neither a pin nor a byte; and the exit code is that of "could not be told"."""
    repo = hub.model(NAME, LOOK)
    hub.model("acme/two", LOOK)
    text = locked(ONE)
    repo.push({"model.safetensors": b"new"})
    hub.fail(FAULTS[name])

    assert set(codes(verified(text))) == {"RI900"}
    assert set(codes(verified(text, deep=True))) == {"RI900"}
    more = ONE + "  b: acme/two\n"
    done = run(more, text)
    assert [(finding.code, finding.alias) for finding in done.faults] == [("RI900", "b")]
    assert lock_text(done.lock) == text


def test_a_hub_that_is_down_or_hangs_ends_in_time(hub: Hub) -> None:
    """Bounded by the timeout of one question, with its repeats."""
    hub.model(NAME, LOOK)
    text = locked(ONE)
    hub.fail(faults.Refused())
    assert codes(verified(text)) == ["RI900"]
    hub.heal()
    hub.fail(faults.Hang())
    begun = time.monotonic()
    parsed = parse_manifest(ONE.encode(), "m.yaml", None)

    report = verify(parsed, survey_lock(text.encode(), LOCK), client(timeout=0.1), file=LOCK, has_token=False)

    assert codes(report) == ["RI900"]
    assert time.monotonic() - begun < 5
