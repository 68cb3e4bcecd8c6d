"""Offline: `lock --check` needs the two files alone, and little time."""

import time

import pytest

from resilient_infer.errors import ConfigError
from resilient_infer.lock.emit import lock_text
from resilient_infer.lock.findings import Level, exit_code
from resilient_infer.lock.lockfile import survey_lock
from resilient_infer.lock.manifest import parse_manifest
from resilient_infer.lock.offline import check_offline
from tests.lock import locks
from tests.lock.locking import LOCK, checked, manifest_of, said
from tests.lock.samples import COMMIT, OTHER_COMMIT, lock_of, pin

BOTH = manifest_of("  a: org/one\n  b: org/two@v1\n")


def test_a_lock_that_fits_has_no_findings() -> None:
    """Written by hand, too: what is missing is no finding."""
    assert checked(BOTH, lock_of(a=pin("org/one"), b=pin("org/two", "v1")).decode()) == ()


@pytest.mark.parametrize(
    ("lock", "expected"),
    [
        (None, [("RI101", "a"), ("RI101", "b")]),
        (lock_of(a=pin("org/one")), [("RI101", "b")]),
        (lock_of(a=pin("org/one"), b=pin("org/two")), [("RI101", "b")]),
        (lock_of(a=pin("org/one"), b=pin("org/two", "v1"), c=pin("org/x")), [("RI102", "c")]),
        (lock_of(a=pin("org/one"), b=pin("org/two", "v1").replace(f'"{COMMIT}"', COMMIT)), [("RI103", "b")]),
        (lock_of(a=pin("org/one"), b=pin("org/two", "v1", "main")), [("RI103", "b")]),
        (
            lock_of(a=pin("org/one"), b=pin("org/two", "v1").replace("}", ', check: "00000000"}')),
            [("RI105", "b")],
        ),
        (lock_of(a=pin("org/one", f'"{OTHER_COMMIT}"'), b=pin("org/two", "v1")), [("RI101", "a")]),
    ],
)
def test_each_fault_has_its_code_and_alias(lock: bytes | None, expected: list[tuple[str, str]]) -> None:
    """One finding for one fault, and all of them at once."""
    found = checked(BOTH, None if lock is None else lock.decode())

    assert said(found) == expected
    assert {finding.level for finding in found} == {Level.ERROR}
    assert all("resilient-infer lock" in finding.hint for finding in found)
    assert exit_code(found) == 1


def test_a_finding_stands_where_it_can_be_mended() -> None:
    """What is missing in the manifest's line, what is wrong in the lock's."""
    stale, missing = checked(BOTH, lock_of(b=pin("org/two")).decode())

    assert (missing.file, missing.line, missing.message) == (
        "lockfiles/models.yaml",
        3,
        f"not locked: {LOCK} has no entry for it",
    )
    assert (stale.file, stale.line) == (LOCK, 3)
    assert stale.message == "the manifest asks for org/two@v1, the lock holds org/two@main"


def test_a_file_that_cannot_be_read_is_no_finding() -> None:
    """Exit 2, with every problem; the flaws of single pins among them."""
    broken = lock_of(a=pin("org/one", "v1", "main"), b="      - {model: org/two}\n")

    with pytest.raises(ConfigError) as caught:
        survey_lock(broken, "l.yaml")

    assert len(caught.value.problems) == 3


TWO = "  a:\n    fallback: {}\n    targets:\n      - model: org/one\n      - {}\n"


def contract(model: str, *labels: str) -> str:
    return pin(model).replace("}", f", contract: {{labels: [{', '.join(labels)}]}}}}")


def classifying(**entries: str) -> str:
    return lock_of(**entries).decode().replace("    pins:", "    task: text-classification\n    pins:")


@pytest.mark.parametrize(
    ("fallback", "target", "expected"),
    [
        ("contract", "model: org/two", [("RI406", "a")]),
        ("contract", "{model: org/two, labels: {neg: NEG, pos: POS}}", []),
        ("contract", "{model: org/two, labels: {neg: NEG}}", [("RI406", "a")]),
        ("any", "model: org/two", []),
        ("any", "{model: org/two, labels: {neg: NEG}}", [("RI406", "a")]),
    ],
)
def test_targets_that_answer_differently_are_found(
    fallback: str, target: str, expected: list[tuple[str, str]]
) -> None:
    """RI406, where the manifest names the target, with what to do; no network is needed."""
    lock = classifying(a=contract("org/one", "NEG", "POS") + contract("org/two", "neg", "pos"))
    found = checked(manifest_of(TWO.format(fallback, target)), lock)

    assert said(found) == expected
    assert {(each.file, each.line) for each in found} <= {("lockfiles/models.yaml", 7)}
    assert all(each.message.startswith("target 2, org/two: it") and "label" in each.hint for each in found)


def test_a_stale_entry_is_not_judged_by_what_it_holds() -> None:
    """It is RI101 first; what comes after the next `lock` is not known yet."""
    lock = classifying(a=contract("org/one", "NEG") + contract("org/old", "pos"))
    manifest = manifest_of(TWO.format("contract", "model: org/two"))

    assert said(checked(manifest, lock)) == [("RI101", "a")]
    assert said(checked(manifest, lock.replace("text-classification", "feature-extraction"))) == [
        ("RI101", "a")
    ]


def test_the_order_of_targets_does_not_matter() -> None:
    """Nor do equal ones: what can be called is what is compared."""
    manifest = manifest_of("  a: {targets: [{model: org/two}, {model: org/one}, {model: org/two}]}\n")

    assert checked(manifest, lock_of(a=pin("org/one") + pin("org/two")).decode()) == ()


def test_a_thousand_aliases_are_checked_in_no_time() -> None:
    """Full pins, as `lock` writes them. CPU time, best of three, with a wide margin for a busy machine."""
    entries = {
        f"alias-{n:03}": locks.entry(f"alias-{n:03}", locks.full_pin(n, f"org/m{n}")) for n in range(1000)
    }
    text = lock_text(locks.lock(entries)).encode()
    manifest = manifest_of("".join(f"  alias-{n:03}: org/m{n}\n" for n in range(1000))).encode()
    times = []
    for _ in range(3):
        begun = time.process_time()
        found = check_offline(
            parse_manifest(manifest, "m.yaml", None, parser="c"),
            survey_lock(text, LOCK, parser="c"),
            file=LOCK,
        )
        times.append(time.process_time() - begun)
        assert found == ()

    print(f"check of 1,000 aliases: {min(times) * 1000:.0f} ms")
    assert min(times) < 1.0
