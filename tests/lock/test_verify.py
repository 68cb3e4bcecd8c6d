"""Verify: what became of a pin is told by its cause; what could not be told is never told as gone."""

import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.lock.answers import HubFaultKind
from resilient_infer.lock.depth import everywhere, nowhere
from resilient_infer.lock.findings import Level, exit_code
from resilient_infer.lock.lockfile import survey_lock
from resilient_infer.lock.manifest import parse_manifest
from resilient_infer.lock.verify import Report, verify
from tests.lock.fake_hub import CLASSIFIER, UNTOLD, FakeHub, FakeRepo, fault
from tests.lock.locking import LOCK, locked, manifest_of, pin_in
from tests.lock.samples import COMMIT, lock_of, pin

NAME = "acme/one"
ONE = manifest_of(f"  a: {NAME}\n")


def one() -> tuple[FakeHub, FakeRepo, str]:
    """A Hub with one model, and the lock of it."""
    hub = FakeHub()
    repo = hub.create(NAME)
    text = locked(ONE, None, hub)
    hub.asked.clear()
    return hub, repo, text


def verified(
    manifest: str, lock: str | None, hub: FakeHub, *, has_token: bool = True, deep: bool = False
) -> Report:
    parsed = parse_manifest(manifest.encode(), "lockfiles/models.yaml", None)
    survey = None if lock is None else survey_lock(lock.encode(), LOCK)
    return verify(parsed, survey, hub, file=LOCK, has_token=has_token, deep=everywhere if deep else nowhere)


def codes(report: Report) -> list[str]:
    return [finding.code for finding in report.findings]


def state(report: Report) -> str:
    assert len(report.rows) == 1
    return report.rows[0].state


def test_a_pin_that_is_well_costs_two_requests() -> None:
    """A: it is there, and unchanged. B: the branch is still there."""
    hub, repo, text = one()

    report = verified(ONE, text, hub)

    assert hub.asked == [
        ("head", NAME, repo.head, "model.safetensors"),
        ("head", NAME, "main", "model.safetensors"),
    ]
    assert (report.findings, state(report), report.rows[0].branch) == ((), "ok", repo.head)
    assert exit_code(report.findings) == 0


def test_a_thousand_aliases_of_one_model_cost_two_requests() -> None:
    """Pins are asked about once; each alias has its row."""
    hub, _, _ = one()
    manifest = manifest_of("".join(f"  a{number}: {NAME}\n" for number in range(1000)))
    text = locked(manifest, None, hub)
    hub.asked.clear()

    report = verified(manifest, text, hub)

    assert (len(report.rows), len(hub.asked)) == (1000, 2)


def test_a_thousand_pins_cost_two_thousand_requests() -> None:
    """One anonymous window of the Hub."""
    hub = FakeHub()
    names = [f"acme/m{number}" for number in range(1000)]
    for name in names:
        hub.create(name)
    manifest = manifest_of("".join(f"  a{number}: {name}\n" for number, name in enumerate(names)))
    text = locked(manifest, None, hub)
    hub.asked.clear()

    report = verified(manifest, text, hub)

    assert report.findings == ()
    assert len(hub.asked) == 2000


def test_a_requested_commit_is_asked_for_once() -> None:
    """There is no branch to look after."""
    hub = FakeHub()
    commit = hub.create(NAME).head
    manifest = manifest_of(f'  a: "{NAME}@{commit}"\n')
    text = locked(manifest, None, hub)
    hub.asked.clear()

    assert state(verified(manifest, text, hub)) == "ok"
    assert len(hub.asked) == 1


@pytest.mark.parametrize("digits", [7, 12, 39])
def test_a_commit_requested_in_short_is_asked_for_once(digits: int) -> None:
    """Nothing moves it, though downloads know no short ones."""
    hub, repo, text = one()
    short = repo.head[:digits]
    manifest = manifest_of(f'  a: "{NAME}@{short}"\n')
    repo.refs[short] = repo.head
    text = locked(manifest, None, hub)
    del repo.refs[short]
    hub.asked.clear()

    assert state(verified(manifest, text, hub)) == "ok"
    assert len(hub.asked) == 1


DRIFTS: dict[str, tuple[dict[str, bytes | None], str, str]] = {
    "documents": ({"README.md": b"new", "new.png": b"x"}, "RI301", "documents"),
    "weights": ({"model.safetensors": b"new"}, "RI302", "weights"),
    "weights gone": (
        {"model.safetensors": None, "pytorch_model.bin": b"x", "README.md": b"new"},
        "RI302",
        "documents, weights",
    ),
    "config": ({"config.json": b"{}", "README.md": b"x"}, "RI302", "documents, config"),
    "tokenizer": ({"tokenizer_config.json": b"{}"}, "RI302", "tokenizer"),
    "chat template": ({"chat_template.jinja": b"x"}, "RI302", "chat template"),
    "code": ({"modeling.py": b"x"}, "RI302", "code"),
    "nothing": ({}, "RI301", "the same files"),
}


@pytest.mark.parametrize("name", DRIFTS)
def test_ri301_ri302_what_moved_is_named_by_class(name: str) -> None:
    """Documents change nothing; weights, tokenizer, template, config, code do. Drift fails only if asked."""
    changes, code, classes = DRIFTS[name]
    hub, repo, text = one()
    new = repo.push(changes)

    report = verified(ONE, text, hub)

    assert codes(report) == [code]
    finding = report.findings[0]
    assert finding.message == f"main is at {new[:12]} now: {classes}"
    assert (finding.level, report.rows[0].branch) == (Level.INFO, new)
    assert state(report) == ("drift" if code == "RI302" else "ok")
    assert exit_code(report.findings) == 0
    assert exit_code(report.findings, fail_on=["drift"]) == (1 if code == "RI302" else 0)
    assert len(hub.asked) == (3 if name == "nothing" else 4)


def test_ri302_new_weights_are_told_without_the_api() -> None:
    """The downloads say it; only what else changed stays open. Anything less is not checked."""
    hub, repo, text = one()
    repo.push({"model.safetensors": b"new"})
    hub.trouble = lambda method, name, revision: UNTOLD if method == "model" else None

    assert codes(verified(ONE, text, hub)) == ["RI302"]
    repo.push({"model.safetensors": CLASSIFIER["model.safetensors"]})
    assert codes(verified(ONE, text, hub)) == ["RI900"]
    repo.push({"model.safetensors": None})
    assert codes(verified(ONE, text, hub)) == ["RI900"]


def test_ri303_a_branch_that_is_gone_is_a_warning() -> None:
    """The pin itself is well."""
    hub = FakeHub()
    repo = hub.create(NAME)
    repo.refs["v1"] = repo.head
    manifest = manifest_of(f"  a: {NAME}@v1\n")
    text = locked(manifest, None, hub)
    del repo.refs["v1"]

    report = verified(manifest, text, hub)

    assert (codes(report), state(report)) == (["RI303"], "warning")
    assert exit_code(report.findings) == 0
    assert exit_code(report.findings, fail_on=["warning"]) == 1


def test_ri201_a_commit_that_is_gone_and_where_its_files_are() -> None:
    """After a squash the same content is often at the head."""
    hub, repo, text = one()
    new = repo.squash()

    report = verified(ONE, text, hub)

    assert (codes(report), state(report)) == (["RI201"], "error")
    assert f"the same files are at {new}" in report.findings[0].hint
    assert (report.findings[0].line, report.findings[0].file) == (7, LOCK)
    repo.push({"model.safetensors": b"new"})
    assert "the same files" not in verified(ONE, text, hub).findings[0].hint
    assert exit_code(report.findings) == 1


def test_ri201_the_requested_branch_is_searched_too() -> None:
    """Not only the default one."""
    hub = FakeHub()
    repo = hub.create(NAME)
    repo.push({**CLASSIFIER, "config.json": b"{}"}, branch="dev")
    manifest = manifest_of(f"  a: {NAME}@dev\n")
    text = locked(manifest, None, hub)
    new = repo.push({}, branch="dev")
    del repo.commits[pin_in(text, "a").revision]

    assert f"the same files are at {new}" in verified(manifest, text, hub).findings[0].hint


def test_ri202_a_repo_that_is_gone() -> None:
    """Or was made private: the Hub says the same of both."""
    hub, repo, text = one()
    repo.access, repo.readable = "private", False

    assert codes(verified(ONE, text, hub, has_token=False)) == ["RI202"]
    del hub.repos[NAME]
    report = verified(ONE, text, hub)
    assert codes(report) == ["RI202"]
    assert exit_code(report.findings) == 1


def test_ri900_a_private_or_gated_pin_without_a_token_is_not_checked() -> None:
    """It was locked by somebody with a token, who can still read it."""
    hub, repo, _ = one()
    for access, code in (("private", "RI202"), ("gated", "RI205")):
        repo.access, repo.readable = access, True
        text = locked(ONE, None, hub)
        repo.readable = False

        without = verified(ONE, text, hub, has_token=False)

        assert codes(without) == ["RI900"]
        assert "HF_TOKEN" in without.findings[0].hint
        assert exit_code(without.findings) == 3
        assert codes(verified(ONE, text, hub, has_token=True)) == [code]


def test_ri203_a_renamed_repo_is_the_same_one() -> None:
    """A warning: the old name can be squatted."""
    hub, repo, text = one()
    hub.rename(NAME, "acme/other")

    report = verified(ONE, text, hub)

    assert (codes(report), state(report)) == (["RI203"], "warning")
    assert "acme/other" in report.findings[0].message
    assert report.findings[0].hint.endswith(f"resilient-infer update a --to {repo.head}")
    assert report.rows[0].branch == repo.head


def test_ri203_whether_it_is_the_same_repo_may_stay_open() -> None:
    """A redirect alone does not say it."""
    hub, _, text = one()
    hub.rename(NAME, "acme/other")
    hub.trouble = lambda method, name, revision: UNTOLD if method == "model" else None

    assert sorted(codes(verified(ONE, text, hub))) == ["RI203", "RI900"]


def test_ri204_a_name_that_changed_hands() -> None:
    """Security: another repo under the old name, or behind a redirect."""
    hub, _, text = one()
    hub.create(NAME, hub_id="a-stranger")

    report = verified(ONE, text, hub)

    assert codes(report) == ["RI204"]
    assert report.findings[0].security
    assert exit_code(report.findings, exit_zero=True) == 1
    hub, repo, text = one()
    hub.rename(NAME, "acme/other")
    repo.hub_id = "a-stranger"
    assert codes(verified(ONE, text, hub)) == ["RI204"]


def test_ri204_a_copy_with_the_same_commits_is_seen_by_looking_deep() -> None:
    """A stranger may push the very history that was locked."""
    hub, repo, text = one()
    repo.hub_id = "a-stranger"

    assert codes(verified(ONE, text, hub)) == []
    assert codes(verified(ONE, text, hub, deep=True)) == ["RI204"]


def test_ri205_gated_since_it_was_locked() -> None:
    """Without access an error; with access a warning, for those who look deep."""
    hub, repo, text = one()
    repo.access = "gated"

    assert codes(verified(ONE, text, hub)) == []
    deep = verified(ONE, text, hub, deep=True)
    assert [(finding.code, finding.level) for finding in deep.findings] == [("RI205", Level.WARNING)]
    repo.readable = False
    for has_token in (True, False):
        report = verified(ONE, text, hub, has_token=has_token)
        assert [(finding.code, finding.level) for finding in report.findings] == [("RI205", Level.ERROR)]


def test_ri206_a_disabled_repo() -> None:
    """By the Hub itself."""
    hub, repo, text = one()
    repo.disabled = True

    assert codes(verified(ONE, text, hub)) == ["RI206"]
    assert codes(verified(ONE, text, hub, deep=True)) == ["RI206"]


def test_ri207_a_weight_file_that_was_deleted() -> None:
    """The commit is there and lists it."""
    hub, repo, text = one()
    repo.lost.add("model.safetensors")

    report = verified(ONE, text, hub)

    assert codes(report) == ["RI207"]
    assert "model.safetensors" in report.findings[0].message


def test_ri104_other_content_at_the_locked_commit() -> None:
    """A tampered mirror, or a tampered lock: no flag silences it."""
    hub, repo, text = one()
    served = repo.commits[repo.head]
    served["model.safetensors"] = b"evil"

    report = verified(ONE, text, hub)

    assert (codes(report), report.findings[0].security) == (["RI104"], True)
    assert exit_code(report.findings, fail_on=(), allow_unchecked=True, exit_zero=True) == 1
    served["model.safetensors"], served["config.json"] = CLASSIFIER["model.safetensors"], b"{}"
    assert codes(verified(ONE, text, hub)) == []
    assert codes(verified(ONE, text, hub, deep=True)) == ["RI104"]
    del served["model.safetensors"]
    assert codes(verified(ONE, text, hub)) == ["RI104"]


def test_ri104_is_seen_on_the_way_to_a_drift() -> None:
    """The list of files at the pin is asked for anyhow."""
    hub, repo, text = one()
    repo.commits[repo.head]["config.json"] = b"{}"
    repo.push({"README.md": b"new"})

    assert codes(verified(ONE, text, hub)) == ["RI104"]


def test_a_pin_without_weights_is_asked_about_at_the_api() -> None:
    """A lock written by hand, or a repo that has none."""
    hub = FakeHub()
    repo = hub.create(NAME, {"README.md": b"x", "config.json": b"{}"})
    text = locked(ONE, None, hub)
    by_hand = lock_of(a=pin(NAME, "main", repo.head)).decode()
    for lock in (text, by_hand):
        assert state(verified(ONE, lock, hub)) == "ok"
    repo.push({"config.json": b"[]"})
    assert codes(verified(ONE, text, hub)) == codes(verified(ONE, by_hand, hub)) == ["RI302"]
    assert codes(verified(ONE, lock_of(a=pin(NAME)).decode(), hub)) == ["RI201"]
    repo.commits[repo.head].clear()
    assert codes(verified(ONE, lock_of(a=pin(NAME, "main", repo.head)).decode(), hub)) == ["RI900"]


def test_the_files_are_compared_with_the_manifest_too() -> None:
    """RI101, RI102 and RI105 beside what the Hub says; only what is asked for is asked about."""
    hub, _, text = one()
    hub.create("acme/two")
    more = manifest_of(f"  a: {NAME}\n  b: acme/two\n  c: {NAME}\n")
    text = locked(more, None, hub)
    hub.asked.clear()
    changed = manifest_of(f"  a: {NAME}\n  b: acme/two@v2\n  d: acme/two\n")
    touched = text.replace("license: apache-2.0", "license: mit", 1)

    report = verified(changed, touched, hub)

    assert sorted((finding.code, finding.alias) for finding in report.findings) == [
        ("RI101", "b"),
        ("RI101", "d"),
        ("RI102", "c"),
        ("RI105", "a"),
    ]
    assert [row.alias for row in report.rows] == ["a"]
    assert {finding.code: finding.level for finding in report.findings}["RI102"] is Level.INFO
    assert len(hub.asked) == 2
    assert codes(verified(more, None, hub)) == ["RI101"] * 3


def test_two_pins_of_one_commit_with_other_weights_are_two() -> None:
    """A tampered entry does not hide behind a sound one."""
    hub, _, _ = one()
    manifest = manifest_of(f"  a: {NAME}\n  b: {NAME}\n")
    text = locked(manifest, None, hub)
    survey = survey_lock(text.encode(), LOCK)
    entry = survey.lock.entries["b"]
    evil = replace(pin_in(text, "b"), weights={"model.safetensors": "sha256:" + "0" * 64})
    entries = {**survey.lock.entries, "b": replace(entry, pins=(evil,))}
    forged = replace(survey, lock=replace(survey.lock, entries=entries))

    report = verify(parse_manifest(manifest.encode(), "m.yaml", None), forged, hub, file=LOCK, has_token=True)

    assert [(finding.code, finding.alias) for finding in report.findings] == [("RI104", "b")]


Trouble = Callable[[FakeHub, FakeRepo], object]
TROUBLES: dict[str, Trouble] = {
    "well": lambda hub, repo: None,
    "moved": lambda hub, repo: repo.push({"config.json": b"{}"}),
    "squashed": lambda hub, repo: repo.squash(),
    "deleted": lambda hub, repo: hub.repos.clear(),
    "renamed": lambda hub, repo: hub.rename(NAME, "acme/other"),
    "taken over": lambda hub, repo: hub.create(NAME, hub_id="a-stranger"),
    "gated": lambda hub, repo: repo.gate(),
    "lost": lambda hub, repo: repo.lost.add("model.safetensors"),
    "tampered": lambda hub, repo: repo.commits[repo.head].update({"model.safetensors": b"evil"}),
}
EXPECTED = {
    "well": set(),
    "moved": {"RI302"},
    "squashed": {"RI201"},
    "deleted": {"RI202"},
    "renamed": {"RI203"},
    "taken over": {"RI204"},
    "gated": {"RI205"},
    "lost": {"RI207"},
    "tampered": {"RI104"},
}


QUESTIONS = 6
"""More than verify asks about one pin, whatever became of it."""


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("name", TROUBLES)
def test_a_hub_that_does_not_answer_never_reads_as_gone(name: str, deep: bool) -> None:
    """Whichever answers are lost, all combinations: what is said is right, what is not said is RI900."""
    for lost in itertools.product([False, True], repeat=QUESTIONS):
        hub, repo, text = one()
        TROUBLES[name](hub, repo)
        left = iter(lost)
        kind = HubFaultKind.DENIED if sum(lost) % 2 else HubFaultKind.UNTOLD
        hub.trouble = lambda method, repo, revision, left=left, kind=kind: fault(kind) if next(left) else None  # type: ignore[misc]  # defaults bind the loop's values

        found = set(codes(verified(ONE, text, hub, deep=deep)))

        assert found - EXPECTED[name] <= {"RI900"}, lost
        assert found == EXPECTED[name] or "RI900" in found, lost
        assert found == EXPECTED[name] or any(lost), lost
        assert not all(lost) or found == {"RI900"}


def test_a_silent_hub_is_not_asked_again() -> None:
    """Repeats are the business of who asks; an answer that tells nothing raises no further question."""
    hub, _, text = one()
    hub.down()

    verified(ONE, text, hub)

    assert len(hub.asked) == 1


def test_ri302_an_api_that_is_behind_the_branch_does_not_hide_the_drift() -> None:
    """The files are asked for at the commit that downloads come from."""
    hub, repo, text = one()
    repo.stale["main"] = repo.head
    repo.push({"config.json": b"{}"})

    assert codes(verified(ONE, text, hub)) == ["RI302"]


def test_ri204_is_seen_on_the_way_to_a_drift() -> None:
    """A stranger who goes on from the very history that was locked."""
    hub, repo, text = one()
    repo.push({"config.json": b"{}"})
    repo.hub_id = "a-stranger"

    assert codes(verified(ONE, text, hub)) == ["RI204"]


@given(name=st.sampled_from(sorted(TROUBLES)), deep=st.booleans())
def test_a_hub_that_answers_is_read_right(name: str, deep: bool) -> None:
    """Deep or not, each trouble has its code and nothing else."""
    hub, repo, text = one()
    TROUBLES[name](hub, repo)

    assert set(codes(verified(ONE, text, hub, deep=deep))) == EXPECTED[name]
    assert len(hub.asked) <= 6


def test_a_commit_of_another_answer_is_not_checked() -> None:
    """A mirror that ignores revisions, with the right content by chance."""
    hub, repo, text = one()
    revision = repo.head
    new = repo.push({"README.md": b"new"})
    repo.refs[revision] = new

    assert codes(verified(ONE, text, hub)) == ["RI900"]
    assert len(hub.asked) == 1
    assert codes(verified(ONE, text, hub, deep=True)) == ["RI900"]


def test_progress_is_told_pin_by_pin() -> None:
    """In the caller's thread, once for each distinct pin."""
    hub, _, _ = one()
    hub.create("acme/two")
    manifest = manifest_of(f"  a: {NAME}\n  b: acme/two\n  c: {NAME}\n")
    survey = survey_lock(locked(manifest, None, hub).encode(), LOCK)
    told: list[tuple[int, int]] = []

    verify(
        parse_manifest(manifest.encode(), "m.yaml", None),
        survey,
        hub,
        file=LOCK,
        has_token=True,
        progress=lambda done, total: told.append((done, total)),
    )

    assert told == [(1, 2), (2, 2)]


def test_a_pin_that_is_no_commit_is_not_asked_about() -> None:
    """RI103 says what is wrong with it."""
    hub, _, _ = one()
    short = lock_of(a=pin(NAME).replace(COMMIT, "714eb0fa89d2")).decode()

    report = verified(ONE, short, hub)

    assert (codes(report), report.rows, hub.asked) == (["RI103"], (), [])


def test_targets_that_answer_differently_are_an_error() -> None:
    """The pins are well, and falling back to the second would change what the answers mean."""
    hub, _, _ = one()
    hub.create("acme/two", {**CLASSIFIER, "config.json": b'{"id2label": {"0": "BAD", "1": "GOOD"}}'})
    text = "  a: {fallback: FREE, targets: [{model: acme/one}, {model: acme/two}]}\n"
    lock = locked(manifest_of(text.replace("FREE", "any")), None, hub)

    report = verified(manifest_of(text.replace("FREE", "contract")), lock, hub)

    assert codes(report) == ["RI406"]
    assert exit_code(report.findings) == 1
    assert {row.state for row in report.rows} == {"ok"}


def test_only_a_ref_that_moved_and_is_not_main_is_asked_whether_it_is_a_tag() -> None:
    """Main is a branch on every repo of the Hub; what has not moved need not be known."""
    hub = FakeHub()
    repo = hub.create(NAME)
    repo.tag("v1", repo.head)
    manifest = manifest_of(f"  a: {NAME}\n  b: {NAME}@v1\n  c: {NAME}@refs/pr/1\n")
    repo.request({"README.md": b"a stranger's"})
    text = locked(manifest, None, hub)
    hub.asked.clear()
    assert codes(verified(manifest, text, hub)) == []
    assert hub.asked_for("refs") == 0

    repo.request({"README.md": b"another"})
    repo.push({"README.md": b"new"})
    assert codes(verified(manifest, text, hub)) == ["RI301", "RI301"]
    assert hub.asked_for("refs") == 0

    repo.tag("v1", repo.head)
    assert codes(verified(manifest, text, hub)) == ["RI301", "RI301", "RI303", "RI301"]
    assert hub.asked_for("refs") == 1


def test_a_ref_that_moved_and_may_be_a_tag_is_told_as_far_as_it_is_known() -> None:
    """What changed is said; what it is, is not checked."""
    hub = FakeHub()
    repo = hub.create(NAME)
    repo.tag("v1", repo.head)
    manifest = manifest_of(f"  a: {NAME}@v1\n")
    text = locked(manifest, None, hub)
    repo.tag("v1", repo.push({"config.json": b"{}"}))
    hub.trouble = lambda method, repo, revision: UNTOLD if method == "refs" else None

    report = verified(manifest, text, hub)

    assert codes(report) == ["RI302", "RI900"]
    assert "whether v1 is a branch or a tag" in report.findings[1].message


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("apache-2.0", "mit", "now says mit"),
        ("apache-2.0", None, "now says none"),
        ("apache-2.0", "a\nb", "now says another one"),
        ("apache-2.0", "apache-2.0", ""),
        (None, "mit", ""),
    ],
    ids=["another", "none", "no line", "the same", "not recorded"],
)
def test_ri404_a_license_that_changed(was: str | None, now: str | None, said: str) -> None:
    """Told with the branch, which has moved then; what was not recorded may have been the same."""
    hub = FakeHub()
    repo = hub.create(NAME)
    repo.license = was
    text = locked(ONE, None, hub)
    repo.license = now
    repo.push({"README.md": b"new"})

    report = verified(ONE, text, hub)

    assert codes(report) == (["RI301", "RI404"] if said else ["RI301"])
    assert report.findings[-1].message.endswith(said)


def test_ri201_names_the_command_with_the_environment_of_the_alias() -> None:
    """It can be copied as it is."""
    hub, repo, _ = one()
    manifest = f"{ONE}environments:\n  prod: {{a: {NAME}}}\n"
    parsed = parse_manifest(manifest.encode(), "lockfiles/models.yaml", "prod")
    text = locked(manifest, None, hub, environment="prod")
    head = repo.squash()

    report = verify(parsed, survey_lock(text.encode(), LOCK), hub, file=LOCK, has_token=True)

    assert report.findings[0].hint == (
        f"the same files are at {head} (main): resilient-infer lock --relocate a --env prod"
    )


def test_a_deep_look_asks_for_the_license_where_main_was_not() -> None:
    """Of a tag and of a commit: the owner may have changed it meanwhile."""
    hub = FakeHub()
    repo = hub.create(NAME)
    repo.tag("v1", repo.head)
    manifest = manifest_of(f'  a: {NAME}@v1\n  b: "{NAME}@{repo.head}"\n')
    text = locked(manifest, None, hub)
    assert codes(verified(manifest, text, hub, deep=True)) == []

    repo.license = "mit"
    repo.push({"README.md": b"new"})

    assert codes(verified(manifest, text, hub, deep=True)) == ["RI404", "RI404"]
    assert codes(verified(manifest, text, hub)) == []
