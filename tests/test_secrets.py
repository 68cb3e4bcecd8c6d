"""Secrets are placed wherever one can come in, and looked for wherever one could come out."""

import copy
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resilient_infer import Client, ConfigError, ResilientInferError
from resilient_infer.events import Event
from resilient_infer.testing.sandbox import (
    CutJson,
    Empty,
    Fault,
    Garbage,
    Hang,
    Page,
    Redirect,
    Refused,
    Reset,
    Sandbox,
    Server,
    Status,
    WrongShape,
)

from .conftest import MakeClient
from .models import SENTIMENT, SENTIMENT_2

KEY = "hf_KeyInTheEnvironment1"
"""What is sent to the server. The others are of the same shape, and each has its own word in it."""
SECRETS = {
    "payload": "sk-proj-WordInThePayload2",
    "parameter": "hf_WordInAParameter3",
    "body": "sk-ant-WordInTheAnswer4",
    "header": "hf_WordInAnAnswersHeader5",
    "location": "gsk_WordInALocation6",
    "url": "hf_WordInTheUrl7890",
    "manifest": "hf_WordInTheManifest8",
    "alias": "sk-WordInTheAlias9999",
    "deadline": "hf_WordAsDeadline1000",
}
ALL = (KEY, *SECRETS.values())
PAYLOAD = {"inputs": f"I love {SECRETS['payload']}"}
POLICY = {"deadline": 1, "attempt_timeout": 0.1, "retries": 1, "min_useful": 0.05}

SAYS = f"your key {KEY} and {SECRETS['body']} are no good"
ANSWERED = (("x-request-id", SECRETS["header"]), ("x-note", KEY), ("retry-after", KEY))

FAULTS: dict[str, Fault | Refused] = {
    "400": Status(code=400, body={"error": SAYS}, headers=ANSWERED),
    "401": Status(code=401, body={"error": {"message": SAYS, "code": KEY, "type": KEY}}, headers=ANSWERED),
    "402": Status(code=402, body={"detail": SAYS}, headers=ANSWERED),
    "403": Status(code=403, body=SAYS, headers=(*ANSWERED, ("x-error-message", SAYS))),
    "404": Status(code=404, body={"message": SAYS}),
    "422": Status(code=422, body={"detail": [{"loc": ["inputs", KEY], "msg": SAYS}]}),
    "429": Status(code=429, body={"error": SAYS}, headers=ANSWERED),
    "500": Status(code=500, body=[{"error": {"message": [SAYS]}}], headers=ANSWERED),
    "503": Status(code=503, body={"error": SAYS, "estimated_time": 30, KEY: KEY}),
    "a key at the edge of what is shown": Status(code=500, body={"error": "x" * 190 + " " + KEY}),
    "a key at the edge of what is read": Status(code=500, body={"error": "x " * 1995 + KEY}),
    "200 that is an error": WrongShape(body={"error": SAYS}),
    "200 of another shape": WrongShape(body={SAYS: [SAYS]}),
    "200 with labels that are no labels": WrongShape(body=[[{"label": {KEY: KEY}, "score": 1.0}]]),
    "200 with text": Garbage(body=SAYS.encode()),
    "200 with a page": Page(html=f"<!doctype html><title>{SAYS}</title>"),
    "redirect": Redirect(
        location=f"https://user:{KEY}@elsewhere.example/{SECRETS['location']}?token={KEY}#{KEY}"
    ),
    "redirect to a path": Redirect(location=f"/{SECRETS['location']}/{KEY}"),
    "hang": Hang(),
    "reset": Reset(),
    "reset inside the body": Reset(where="body"),
    "cut": CutJson(),
    "empty": Empty(),
    "refused": Refused(),
}


@dataclass
class Shown:
    """All that came out in the course of a call, as text."""

    pieces: list[str] = field(default_factory=list)

    def note(self, *values: object) -> None:
        """Whatever people and tools make of a value."""
        for value in values:
            self.pieces += [repr(value), str(value), f"{value}", repr(copy.copy(value))]

    def note_error(self, error: BaseException) -> None:
        """An error, what it carries and what it is chained to; and its traceback, variables and all."""
        self.note(error, error.args, vars(error), getattr(error, "__notes__", []))
        self.note(pickle.dumps(error), pickle.loads(pickle.dumps(error)))
        own = traceback.TracebackException.from_exception(error, capture_locals=True)
        # The frame of the test itself knows the secrets, of course.
        own.stack = traceback.StackSummary.from_list(
            [frame for frame in own.stack if Path(frame.filename) != Path(__file__)]
        )
        self.pieces += ["".join(own.format()), "".join(traceback.format_exception(error))]
        for other in (error.__cause__, error.__context__):
            if other is not None:
                self.note_error(other)

    def assert_clean(self, *allowed: str) -> None:
        """None of the secrets is in any of it, nor half of one."""
        for secret in set(ALL) - set(allowed):
            for piece in self.pieces:
                assert secret not in piece
                assert secret[:14] not in piece


@pytest.fixture
def shown(caplog: pytest.LogCaptureFixture) -> Iterator[Shown]:
    """What a test notes, and the records of every logger."""
    caplog.set_level(logging.DEBUG)
    noted = Shown()
    yield noted
    noted.pieces += [caplog.text, *(repr(record.__dict__) for record in caplog.records)]
    noted.assert_clean()


@pytest.fixture
def server(sandbox: Sandbox) -> Server:
    """A server that demands the key."""
    return sandbox.serve("hf-inference", name="ours", models=[SENTIMENT], key=KEY, key_env="OUR_KEY")


def error_of(client: Client, payload: Any, alias: str = "sentiment") -> ResilientInferError:
    """The error that a call ends with."""
    with pytest.raises(ResilientInferError) as raised:
        client.call(alias, payload)
    return raised.value


@pytest.mark.parametrize("name", FAULTS)
def test_no_fault_shows_a_secret(name: str, server: Server, make_client: MakeClient, shown: Shown) -> None:
    """Secrets: `hf_…`/`sk-…` placed everywhere never appear in repr, log, error, event, traceback."""
    server.fail(FAULTS[name])
    events: list[Event] = []
    client = make_client({"sentiment": SENTIMENT}, POLICY, listeners=[events.append])

    error = error_of(client, PAYLOAD)

    assert all(request.headers["authorization"] == f"Bearer {KEY}" for request in server.requests)
    shown.note_error(error)
    shown.note(client, *events, getattr(error, "attempts", None), getattr(error, "last", None))


def test_no_fault_of_the_primary_is_told_with_a_secret_by_a_result(
    sandbox: Sandbox, server: Server, make_client: MakeClient, shown: Shown
) -> None:
    sandbox.serve("hf-inference", models=[SENTIMENT_2])
    server.fail(Status(code=500, body={"error": SAYS}, headers=ANSWERED))
    events: list[Event] = []
    client = make_client({"sentiment": [SENTIMENT, SENTIMENT_2]}, POLICY, listeners=[events.append])

    result = client.call("sentiment", PAYLOAD)

    assert result.fallback is not None
    shown.note(
        result, result.fallback, result.attempts, result.request_id, pickle.dumps(result.attempts), *events
    )


def test_a_listener_that_fails_is_logged_without_a_secret(
    server: Server, make_client: MakeClient, shown: Shown
) -> None:
    def broken(event: Event) -> None:
        raise RuntimeError("a listener's own fault")

    client = make_client({"sentiment": SENTIMENT}, POLICY, listeners=[broken])
    shown.note(client.call("sentiment", PAYLOAD).attempts)


BAD_PAYLOADS: dict[str, Any] = {
    "a set": {"inputs": {SECRETS["payload"]}},
    "an unknown key": {SECRETS["payload"]: "a"},
    "an unknown parameter": {"inputs": "a", "parameters": {SECRETS["parameter"]: 1}},
    "an unknown key beside the inputs": {"inputs": "a", SECRETS["parameter"]: 1},
    "a nested key": {"inputs": {SECRETS["payload"]: {"a": float("nan")}}},
    "a key that is no string": {"inputs": {(SECRETS["payload"],): 1}},
    "bytes": SECRETS["payload"].encode(),
    "a number of the wrong type": {"inputs": "a", "parameters": {"top_k": SECRETS["parameter"]}},
    "messages": {"messages": [{"role": SECRETS["payload"]}]},
    "a surrogate": SECRETS["payload"] + "\ud83d",
}


@pytest.mark.parametrize("name", BAD_PAYLOADS)
def test_no_refusal_shows_what_the_payload_holds(
    name: str, server: Server, make_client: MakeClient, shown: Shown
) -> None:
    client = make_client({"sentiment": SENTIMENT}, POLICY)

    try:
        client.call("sentiment", BAD_PAYLOADS[name])
    except ResilientInferError as error:
        shown.note_error(error)


def test_no_other_argument_is_shown(server: Server, make_client: MakeClient, shown: Shown) -> None:
    client = make_client({"sentiment": SENTIMENT}, POLICY)
    shown.note(error_of(client, "a", alias=SECRETS["alias"]))
    deadline: Any = SECRETS["deadline"]
    with pytest.raises(ConfigError) as raised:
        client.call("sentiment", "a", deadline=deadline)
    shown.note(raised.value)
    for argument in ("environment", "lock_mode"):
        with pytest.raises(ConfigError) as raised:
            Client(**{argument: SECRETS["manifest"]})
        shown.note(raised.value)


@pytest.fixture
def manifest(
    server: Server, sandbox: Sandbox, tmp_path: Path, bare_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, str], Path]:
    """Write lockfiles in which `old` is replaced by `new`."""
    monkeypatch.setenv("OUR_KEY", KEY)

    def write(old: str, new: str) -> Path:
        folder = sandbox.write(tmp_path / "lockfiles", {"sentiment": SENTIMENT}, POLICY)
        file = folder / "models.yaml"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))
        return folder

    return write


PLACES = {
    "the value of key_env": ('"OUR_KEY"', f'"{SECRETS["manifest"]}"'),
    "a key instead of key_env": ('"key_env": "OUR_KEY"', f'"key": "{SECRETS["manifest"]}"'),
    "a header": ('"key_env"', f'"headers": {{"X-Key": "{SECRETS["manifest"]}"}}, "key_env"'),
    "a comment": ("version: 1", f"version: 1  # {SECRETS['manifest']}"),
    "an alias": ('"sentiment"', f'"{SECRETS["manifest"]}"'),
    "a model": (SENTIMENT, f"org/{SECRETS['manifest']}"),
    "a number": ('"retries": 1', f'"retries": "{SECRETS["manifest"]}"'),
    "no yaml": ("models:", f"models: [{SECRETS['manifest']}"),
}


@pytest.mark.parametrize("name", PLACES)
def test_a_secret_in_the_manifest_is_refused_and_not_repeated(
    name: str, manifest: Callable[[str, str], Path], shown: Shown
) -> None:
    folder = manifest(*PLACES[name])

    with pytest.raises(ConfigError) as raised:
        Client(lockfiles=folder)

    shown.note_error(raised.value)
    shown.note(raised.value.problems)


@pytest.mark.parametrize(
    "url",
    [
        f"http://127.0.0.1:9/{SECRETS['url']}",
        f"http://user:{SECRETS['url']}@127.0.0.1:9",
        f"http://127.0.0.1:9/?key={SECRETS['url']}",
        f"http://models.example/{SECRETS['url']}",
        SECRETS["url"],
        f"ftp://{SECRETS['url']}",
        f"http://127.0.0.1:{SECRETS['url']}/",
    ],
    ids=lambda url: url.replace(SECRETS["url"], "…"),
)
def test_a_secret_in_the_variable_of_a_url_is_not_shown(
    url: str,
    server: Server,
    manifest: Callable[[str, str], Path],
    shown: Shown,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OUR_URL", url)
    events: list[Event] = []
    folder = manifest(f'"url": "{server.url}"', '"url_env": "OUR_URL"')
    with Client(lockfiles=folder, private_state=True, listeners=[events.append]) as client:
        shown.note_error(error_of(client, PAYLOAD))
        shown.note(client, *events)


@pytest.mark.parametrize(
    "key", [f"{KEY}\nX-Evil: 1", f"{KEY}\x07", f"{KEY}€"], ids=["line break", "bell", "euro"]
)
def test_a_key_that_cannot_be_sent_is_not_shown(
    key: str, manifest: Callable[[str, str], Path], shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = manifest("version: 1", "version: 1")
    monkeypatch.setenv("OUR_KEY", key)

    with Client(lockfiles=folder, private_state=True) as client:
        shown.note_error(error_of(client, PAYLOAD))


def test_a_key_of_no_known_shape_is_kept_secret_too(
    sandbox: Sandbox, make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    """The key itself is taken out of what a server says, whatever it looks like."""
    key = "open sesame, says Ali"
    server = sandbox.serve("hf-inference", models=[SENTIMENT], key=key, key_env="OUR_KEY")
    server.fail(Status(code=401, body={"error": f"no such key: {key}"}, headers=(("x-request-id", key),)))
    events: list[Event] = []
    client = make_client({"sentiment": SENTIMENT}, listeners=[events.append])

    error = error_of(client, PAYLOAD)

    noted = Shown()
    noted.note_error(error)
    noted.note(client, *events, error.__dict__)
    assert all(key not in piece for piece in (*noted.pieces, caplog.text))


@pytest.fixture(scope="module")
def echoing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, Server]]:
    """One client and one server for many examples."""
    with Sandbox() as sandbox:
        server = sandbox.serve("hf-inference", models=[SENTIMENT])
        folder = sandbox.write(tmp_path_factory.mktemp("echo"), {"sentiment": SENTIMENT}, {"retries": 0})
        with Client(lockfiles=folder, private_state=True) as client:
            yield client, server


@given(
    before=st.text(st.characters(codec="utf-8"), max_size=300),
    after=st.text(st.characters(codec="utf-8"), max_size=300),
    secret=st.sampled_from(sorted(SECRETS.values())),
    status=st.sampled_from([400, 422, 409, 413]),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_server_says_around_a_secret_the_secret_is_not_told(
    echoing: tuple[Client, Server], before: str, after: str, secret: str, status: int
) -> None:
    client, server = echoing
    server.heal()
    server.fail(Status(code=status, body={"error": f"{before} {secret} {after}"}))

    error = error_of(client, "a")

    noted = Shown()
    noted.note_error(error)
    noted.assert_clean()
