"""`resilient-infer call`: what is printed, where, and with which exit code."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from resilient_infer.testing.sandbox import Hang, Refused, Sandbox, Served, Status

from .conftest import FIRST, KEY, SECOND, Command, Ended, Place

VIT = "google/vit-base-patch16-224"


def test_the_output_alone_is_on_stdout(place: Place, command: Command) -> None:
    """A pipe gets the answer as JSON and nothing else; a success is silent on stderr."""
    ended = command("call", "sentiment", "I love it")

    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out)[0]["label"] == "POSITIVE"
    assert [request.body for request in place.primary.requests] == [{"inputs": "I love it"}]


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [
        (['{"inputs": "I love it"}'], b""),
        (['"I love it"'], b""),
        (["-"], b"I love it\n"),
        ([], b'{"inputs": "I love it"}\n'),
        (["--text"], b"I love it"),
        (["@{folder}/review.txt"], b""),
    ],
)
def test_every_spelling_of_a_payload_arrives(
    place: Place, command: Command, arguments: list[str], stdin: bytes
) -> None:
    """Argument, file and stdin say the same thing."""
    (place.folder / "review.txt").write_text("I love it\n")
    spelled = [argument.replace("{folder}", str(place.folder)) for argument in arguments]

    assert command("call", "sentiment", *spelled, stdin=stdin).code == 0
    assert [request.body for request in place.primary.requests] == [{"inputs": "I love it"}]


PICTURE = b"\x89PNG\r\n\x1a\n and no more; \xff is no UTF-8\n"


@pytest.mark.parametrize(("argument", "stdin"), [("@{folder}/s.png", b""), ("-", PICTURE)])
def test_a_picture_arrives_byte_for_byte(
    tmp_path: Path, command: Command, argument: str, stdin: bytes
) -> None:
    """By name or through a pipe, for a task that takes a file; a picture's name alone is not one."""
    with Sandbox() as sandbox:
        server = sandbox.serve("hf-inference", models=[VIT])
        folder = sandbox.write(tmp_path, {"classifier": [Served(model=VIT, by=(server,))]})
        (folder / "s.png").write_bytes(PICTURE)
        where = ("--lockfiles", str(folder))
        bare = command("call", "classifier", "s.png", *where)
        ended = command("call", "classifier", argument.replace("{folder}", str(folder)), *where, stdin=stdin)

    assert (bare.code, "write @s.png" in bare.err) == (2, True)
    assert [request.raw for request in server.requests] == [PICTURE]
    assert ended.code in (0, 1)  # the sandbox reads pictures, and this is none


@pytest.mark.parametrize("name", ["nowhere.png", "."])
def test_exit_2_when_the_picture_is_not_there(tmp_path: Path, command: Command, name: str) -> None:
    """A missing file, a folder: told by name, and nothing is sent."""
    with Sandbox() as sandbox:
        server = sandbox.serve("hf-inference", models=[VIT])
        folder = sandbox.write(tmp_path, {"classifier": [Served(model=VIT, by=(server,))]})
        ended = command("call", "classifier", f"@{folder}/{name}", "--lockfiles", str(folder))

    assert (ended.code, server.requests) == (2, ())
    assert str(folder) in ended.err


def test_compact_is_one_line(place: Place, command: Command) -> None:
    """For logs, and for tools that read line by line."""
    ended = command("call", "sentiment", "I love it", "--compact")

    assert ended.out.count("\n") == 1
    assert ": " not in ended.out


def test_explain_tells_the_rest_on_stderr(place: Place, command: Command) -> None:
    """Who answered, which commit, why not the first, and each attempt; stdout stays as it is."""
    place.primary.fail(Status(code=503), attempts=4)
    ended = command("call", "sentiment", "I love it", "--explain")

    assert json.loads(ended.out)[0]["label"] == "POSITIVE"
    for part in (
        SECOND,
        place.backup.models[SECOND],
        "declared",
        "fallback",
        "request id",
        "server error 503",
    ):
        assert part in ended.err
    assert ended.err.count("primary:") >= 3


def test_the_json_object_holds_everything(place: Place, command: Command) -> None:
    """`--format json`: one object with fixed keys."""
    ended = command("call", "sentiment", "I love it", "--format", "json")
    record = json.loads(ended.out)

    assert record["schema_version"] == "1.0"
    assert record["output"][0]["label"] == "POSITIVE"
    assert (record["model"], record["revision"]) == (FIRST, place.primary.models[FIRST])
    assert (record["pin"], record["fallback"], record["error"]) == ("declared", None, None)
    assert [attempt["outcome"] for attempt in record["attempts"]] == ["success"]


def test_exit_1_when_servers_said_no(place: Place, command: Command) -> None:
    """All targets failed: the error, the timeline on request, and the same object as on success."""
    place.primary.fail(Status(code=500))
    ended = command("call", "alone", "x", "--explain", "--format", "json")
    record = json.loads(ended.out)

    assert ended.code == 1
    assert record["error"]["kind"] == "AllTargetsFailed"
    assert record["output"] is None
    assert len(record["attempts"]) == ended.err.count("server error 500") == 3
    assert "error: alone: " in ended.err


def test_exit_1_when_the_payload_is_refused(place: Place, command: Command) -> None:
    """The server looked at it and said no."""
    place.primary.fail(Status(code=400))
    ended = command("call", "sentiment", "x")

    assert (ended.code, ended.out) == (1, "")
    assert "the request was refused" in ended.err


def test_exit_3_when_nobody_was_reached(place: Place, command: Command) -> None:
    """Nothing is known of the model if no server answered."""
    place.primary.fail(Refused())
    ended = command("call", "alone", "x")

    assert ended.code == 3
    assert "connection refused" in ended.err


def test_exit_3_when_time_ran_out(place: Place, command: Command) -> None:
    """The deadline of the command line holds."""
    place.primary.fail(Hang())
    ended = command("call", "alone", "x", "--deadline", "0.2")

    assert ended.code == 3
    assert "the deadline of 0.2 s has passed" in ended.err
    assert ended.err.count("no answer within") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["call"], "Missing argument 'ALIAS'"),
        (["call", "sentiment"], "standard input is empty"),
        (["call", "sentimant", "x"], 'did you mean "sentiment"?'),
        (["call", "sentiment", '{"inputs"'], "PAYLOAD is not JSON"),
        (["call", "sentiment", '{"inputs": NaN}'], "NaN"),
        (["call", "sentiment", "{}"], "inputs"),
        (["call", "sentiment", "@nowhere.txt"], "nowhere.txt cannot be read: No such file"),
        (["call", "sentiment", "x", "--deadline", "soon"], "'soon' is not a valid float"),
        (["call", "sentiment", "x", "--deadline", "nan"], "deadline must be a number"),
        (["call", "sentiment", "x", "--deadline", "-1"], "deadline must be a number"),
        (["call", "sentiment", "x", "--lock-mode", "open"], "--lock-mode"),
        (["call", "sentiment", "x", "--environment", "prod"], "prod"),
        (["call", "sentiment", "x", "--lockfiles", "/nowhere"], "/nowhere does not exist"),
        (["call", "keyed", "x"], "KEYED_KEY"),
        (["call", "sentiment", "x", "y"], "unexpected extra argument"),
        (["call", "sentiment", "-x"], "-x"),
    ],
)
def test_exit_2_when_what_was_given_cannot_be_used(
    place: Place, command: Command, arguments: list[str], said: str
) -> None:
    """Usage, manifest, lock, payload, missing token: told, and nothing is sent."""
    ended = command(*arguments)

    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: ")
    assert said in ended.err
    assert not place.primary.requests
    assert not place.keyed.requests


def test_every_problem_of_a_manifest_has_its_line(place: Place, command: Command) -> None:
    """All at once, each with file, line and column."""
    (place.folder / "models.yaml").write_text("version: 1\nmodels:\n  a: {tusk: chat}\n  b: {retries: -1}\n")
    ended = command("call", "a", "x")
    problems = [line for line in ended.err.splitlines() if line.startswith("error: ")]

    assert ended.code == 2
    assert len(problems) >= 2
    assert all("models.yaml:" in line for line in problems)


def test_a_warning_is_one_line(place: Place, command: Command) -> None:
    """A warning of the library reads like one of the command."""
    ended = command("call", "sentiment", "x", "--lock-mode", "off")

    assert ended.code == 0
    assert ended.err.startswith('warning: lock_mode="off"')
    assert ended.err.count("\n") == 1


def test_the_options_win_over_the_environment(
    place: Place, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--lockfiles and --lock-mode before the variables."""
    monkeypatch.setenv("RESILIENT_INFER_LOCKFILES", "/nowhere")
    monkeypatch.setenv("RESILIENT_INFER_LOCK_MODE", "nonsense")

    folder = str(place.folder)
    assert command("call", "sentiment", "x", "--lockfiles", folder, "--lock-mode", "locked").code == 0
    assert command("call", "sentiment", "x", "--lockfiles", folder).code == 2


@pytest.mark.parametrize("status", [200, 401, 500])
def test_no_secret_is_ever_printed(
    place: Place, command: Command, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """Neither the key nor anything shaped like one, whatever a server echoes."""
    other = "hf_zyxwvutsrqponmlk"
    monkeypatch.setenv("KEYED_KEY", KEY)
    if status != 200:
        place.keyed.fail(Status(code=status, body={"error": f"bad token {KEY} and {other}"}))
    ended = command("call", "keyed", "x", "--explain", "--format", "json")

    assert place.keyed.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert ended.code == (0 if status == 200 else 1)
    for secret in (KEY, other):
        assert secret not in ended.out + ended.err


def test_a_secret_on_the_command_line_is_not_repeated(place: Place, command: Command) -> None:
    """A token typed in the wrong place does not end in a log."""
    for arguments in (["call", KEY, "x"], ["call", "sentiment", f"@{KEY}"], [KEY]):
        ended = command(*arguments)
        assert ended.code == 2
        assert KEY not in ended.out + ended.err


def test_a_pipe_from_end_to_end(place: Place, tmp_path: Path, shell: Callable[[str], Ended]) -> None:
    """The command as a program: stdin in, JSON out, no colour in a pipe."""
    ended = shell("echo I love it | ri call sentiment --explain --compact")

    assert ended.code == 0
    assert json.loads(ended.out)[0]["label"] == "POSITIVE"
    assert "\x1b" not in ended.err
    assert FIRST in ended.err
