"""The lock: which commit, and whether anybody touched it."""

import hashlib
import json
import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.target import Pin
from resilient_infer.errors import ConfigError
from resilient_infer.lock.lockfile import (
    Contract,
    Lock,
    LockedModel,
    LockedName,
    digest_of,
    overlay,
    parse_lock,
)
from resilient_infer.lock.reader import Parser
from tests.lock.samples import COMMIT, OTHER_COMMIT, PARSERS, lock_of, pin, problems_of

both = pytest.mark.parametrize("parser", PARSERS)

FIELDS = f"""\
        model: org/model
        requested: main
        revision: "{COMMIT}"
        hub_id: "621ffdc136468d709f17adb1"
        access: public
        license: apache-2.0
        contract: {{labels: [NEGATIVE, "Über 1"], max_length: 512}}
        weights:
          model.safetensors: "sha256:{"a" * 64}"
          onnx/model.onnx: "git:{"b" * 40}"
        files: "sha256:{"c" * 64}"
"""


def locked(fields: str, check: str = "") -> bytes:
    """A lock of one alias whose pin has these fields."""
    added = f'        check: "{check}"\n' if check else ""
    entry = "      -" + (fields + added)[7:]
    return f'lock_version: "1.0"\nmodels:\n  a:\n    task: text-classification\n    pins:\n{entry}'.encode()


def refused(text: bytes, parser: Parser = "auto") -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        parse_lock(text, "l.yaml", parser=parser)
    return caught.value


@both
def test_a_full_pin_is_read(parser: Parser) -> None:
    """Every field reaches its place."""
    entry = parse_lock(locked(FIELDS), "l.yaml", parser=parser).entries["a"]

    assert (entry.task, entry.file, entry.line) == ("text-classification", "l.yaml", 3)
    assert entry.pins == (
        LockedModel(
            model="org/model",
            requested="main",
            revision=COMMIT,
            hub_id="621ffdc136468d709f17adb1",
            access="public",
            license="apache-2.0",
            contract=Contract(labels=("NEGATIVE", "Über 1"), max_length=512),
            weights={"model.safetensors": "sha256:" + "a" * 64, "onnx/model.onnx": "git:" + "b" * 40},
            files="sha256:" + "c" * 64,
            line=6,
        ),
    )


def test_three_fields_are_enough() -> None:
    """A lock written by hand has model, requested and revision."""
    lock = parse_lock(lock_of(a=pin("org/model", "v1"), b=pin("gpt2", COMMIT)), "l.yaml")

    assert [
        entry.pins[0].revision for entry in lock.entries.values() if isinstance(entry.pins[0], LockedModel)
    ] == [
        COMMIT,
        COMMIT,
    ]
    assert lock.entries["a"].task is None


def test_a_provider_only_target_is_listed() -> None:
    """The lock names all that can serve."""
    lock = parse_lock(lock_of(a="      - {provider: openai, name: gpt-x, pin: floating}\n"), "l.yaml")

    assert lock.entries["a"].pins == (LockedName(provider="openai", name="gpt-x", pin=Pin.FLOATING, line=5),)


texts = st.text(st.characters(blacklist_categories=["Cs"]), max_size=6)
field_trees = st.recursive(
    texts, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2), max_leaves=6
)


@given(entry=st.dictionaries(texts, field_trees, max_size=5), order=st.randoms())
def test_ri105_check_depends_on_fields_alone(entry: dict[str, object], order: object) -> None:
    """Order of keys and an old check do not matter; every field does."""
    digest = digest_of(entry)  # type: ignore[arg-type]  # the strategy's values are texts, lists and mappings

    reordered = dict(reversed(list(entry.items())))
    assert digest_of({**reordered, "check": "00000000"}) == digest_of(reordered) == digest  # type: ignore[dict-item,arg-type]  # as above
    assert digest_of({**entry, "one more": ""}) != digest  # type: ignore[dict-item]  # as above


def test_ri105_check_is_the_hash_its_docstring_says() -> None:
    """Sorted keys, no blanks, every scalar a string, ASCII: the writer must come to the same bytes."""
    canonical = b'{"a":["\\u00fc","512"],"b":{"c":"true"}}'

    expected = hashlib.sha256(canonical).hexdigest()[:8]
    assert digest_of({"b": {"c": "true"}, "a": ["ü", "512"], "check": "x"}) == expected


@both
def test_ri105_a_right_check_passes_and_any_edit_breaks_it(parser: Parser) -> None:
    """A hand edit, a bot's bump or a mixed merge is visible offline."""
    entry = yaml.safe_load(FIELDS.replace("512", '"512"'))
    right = digest_of(entry)
    assert parse_lock(locked(FIELDS, right), "l.yaml", parser=parser)

    for old, new in (
        (COMMIT, OTHER_COMMIT),
        ("main", "dev"),
        ("512", "513"),
        ("model.safetensors", "model.bin"),
    ):
        problems = refused(locked(FIELDS.replace(old, new), right), parser).problems
        assert [(problem.line, problem.path) for problem in problems] == [(17, "models.a.pins[0].check")]
        assert problems[0].what.startswith("RI105")


REVISIONS = {
    "unquoted": COMMIT,
    "unquoted digits": "0123456789012345678901234567890123456789",
    "short": '"714eb0fa89d2"',
    "upper case": f'"{COMMIT.upper()}"',
    "a branch": '"main"',
    "too long": f'"{COMMIT}0"',
    "other digits": '"' + "\u0661" * 40 + '"',
}


@both
@pytest.mark.parametrize("revision", REVISIONS.values(), ids=REVISIONS.keys())
def test_ri103_a_revision_is_a_full_quoted_commit(revision: str, parser: Parser) -> None:
    """40 lower-case hex digits, in quotes."""
    error = refused(lock_of(a=pin("org/model")).replace(f'"{COMMIT}"'.encode(), revision.encode()), parser)

    assert [problem.what[:5] for problem in error.problems] == ["RI103"]
    assert problems_of(error)[0][2] == "models.a.pins[0].revision"


def test_ri103_what_stands_without_quotes_is_not_shown_in_quotes() -> None:
    """Else the message shows what it says is missing."""
    error = refused(lock_of(a=pin("org/model")).replace(f'"{COMMIT}"'.encode(), COMMIT.encode()))

    assert f"RI103: commit {COMMIT} stands without quotes" in str(error)


def test_ri101_a_requested_commit_is_the_locked_one() -> None:
    """Whoever asks for a commit gets that one."""
    assert "RI101" in str(refused(lock_of(a=pin("org/model", f'"{OTHER_COMMIT}"'))))


VERSIONS = {
    'lock_version: "2.0"': "version 1.x",
    'lock_version: "0.9"': "version 1.x",
    "lock_version: 1.0": "in quotes",
    'lock_version: "1"': "in quotes",
    'lock_version: "1.00"': "in quotes",
    "lock_version: [1]": "single value",
    "# none": "lock_version: missing",
}


@pytest.mark.parametrize(("line", "what"), VERSIONS.items())
def test_a_version_this_release_cannot_read_is_refused(line: str, what: str) -> None:
    """Nothing else of such a file is judged."""
    error = refused(
        lock_of(a=pin("org/model")).replace(b'lock_version: "1.0"', line.encode() + b"\nodd: key")
    )

    assert what in str(error)
    assert len(error.problems) == 1


def test_a_newer_minor_version_warns_about_what_it_does_not_know() -> None:
    """Unknown keys are an error in our own version and a warning in a newer one."""
    text = lock_of(a=pin("org/model").replace("}", ", shiny: new}"))

    assert problems_of(refused(text)) == [(5, 99, "models.a.pins[0].shiny")]
    lock = parse_lock(text.replace(b'"1.0"', b'"1.7"'), "l.yaml")
    assert lock.version == (1, 7)
    assert [str(warning)[:36] for warning in lock.warnings] == ["l.yaml:5:99: models.a.pins[0].shiny:"]


WRONG = {
    "a URL as model": (pin("https://huggingface.co/org/model"), "no Hub repo"),
    "no revision": ("      - {model: org/model, requested: main}\n", "revision is missing"),
    "no pins": ("      []\n", "empty list"),
    "a digest without its kind": (pin("a/b").replace("}", ", files: abc}"), "a digest"),
    "too many weights": (
        pin("a/b").replace(
            "}", ", weights: {" + ", ".join(f'w{n}: "git:{"a" * 40}"' for n in range(65)) + "}}"
        ),
        "at most 64",
    ),
    "a price": (pin("a/b").replace("}", ", price: {input: 1}}"), "price"),
}


@pytest.mark.parametrize(("pins", "what"), WRONG.values(), ids=WRONG.keys())
def test_what_no_lock_holds_is_refused(pins: str, what: str) -> None:
    """A lock is written by a tool: anything odd in it is an error."""
    assert what in str(refused(lock_of(a=pins)))


def test_an_unsettled_merge_names_the_command() -> None:
    """The tool settles it."""
    error = refused(b"<<<<<<< HEAD\n" + lock_of(a=pin("org/model")))

    assert error.problems[0].what.endswith('run "resilient-infer lock"')


def test_an_environment_falls_through_to_the_default_file() -> None:
    """The environment's file holds only what it replaces."""
    default = parse_lock(lock_of(a=pin("org/one"), b=pin("org/two")), "models.lock.yaml")
    prod = parse_lock(lock_of(a=pin("org/three")), "models.prod.lock.yaml")

    both_files = overlay(default, prod)

    assert both_files is not None
    assert both_files.entries["a"].file == "models.prod.lock.yaml"
    assert both_files.entries["b"].file == "models.lock.yaml"
    assert overlay(default, None) is default
    assert overlay(None, prod) is prod
    assert overlay(None, None) is None


@given(text=st.binary(max_size=80).map(lambda tail: lock_of(a=pin("org/model"))[:-20] + tail))
def test_nothing_but_a_config_error_comes_out(text: bytes) -> None:
    """However a lock is damaged, it is read or refused."""
    try:
        outcome: Lock | ConfigError = parse_lock(text, "l.yaml")
    except ConfigError as error:
        outcome = error
    assert isinstance(outcome, Lock) or outcome.problems


def test_a_thousand_aliases_are_read_in_no_time() -> None:
    """Reading is done once per process, and must not be felt. CPU time, best of three, a wide margin."""
    text = lock_of(**{f"alias-{n}": pin(f"org/model-{n}") for n in range(1000)})
    times = []
    for _ in range(3):
        begun = time.process_time()
        assert len(parse_lock(text, "l.yaml", parser="c").entries) == 1000
        times.append(time.process_time() - begun)

    assert min(times) < 0.4


def test_the_check_of_a_json_reader_is_the_same() -> None:
    """Any tool that has the fields as text can compute it in one line."""
    fields = {"model": "org/model", "requested": "main", "revision": COMMIT}
    line = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()

    assert digest_of(fields) == hashlib.sha256(line).hexdigest()[:8]
