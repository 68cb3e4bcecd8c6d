"""`resilient-infer verify --live`: the deployed servers are asked what they run, and nothing else."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from resilient_infer.testing.sandbox import (
    Fault,
    Garbage,
    Hang,
    Kind,
    Model,
    Page,
    Refused,
    Sandbox,
    Server,
    Status,
)
from resilient_infer.transport.reach import ENDPOINTS_VARIABLE
from tests.cli.conftest import Command, Ended, Project

KEY, VARIABLE = "a-key-of-no-known-shape", "OURS_KEY"
OTHER = "f" * 40
ASKED: list[Kind] = ["tgi", "tei", "vllm", "sglang", "llamacpp"]
UNASKED: list[Kind] = ["hf-inference", "hf-endpoint", "openai", "transformers"]


class Stage:
    """A project whose alias `it` is served by servers of this machine, and locked."""

    def __init__(self, project: Project, sandbox: Sandbox, command: Command) -> None:
        self.project = project
        self._sandbox = sandbox
        self._command = command

    def serve(self, kind: Kind, name: str = "ours", **more: object) -> Server:
        """A server of the commit that the Hub's main branch is at."""
        repo, task = self.model(kind)
        commit = self.project.hub.repo(repo).head
        served = Model(name=repo, task=task, commit=commit)
        return self._sandbox.serve(kind, name=name, models=[served], **more)  # type: ignore[arg-type]  # as there

    def model(self, kind: Kind) -> tuple[str, str]:
        """A model of the Hub that such a server serves, and its task."""
        if kind in ("tei", "hf-inference", "hf-endpoint"):
            return "acme/sentiment", "text-classification"
        return "openai-community/gpt2", "text-generation"

    def lock(self, *servers: Server, extra: str = "", aliases: int = 1) -> None:
        """Write a manifest in which all of them are routes of `it`, and lock it."""
        providers = "".join(
            f"  {each.name}: {{kind: {each.kind}, url: {each.url!r}{_key(each)}{extra}}}\n"
            for each in servers
        )
        repo, task = self.model(servers[0].kind)
        names = ", ".join(each.name for each in servers)
        models = "".join(
            f"  it{number or ''}:\n    task: {task}\n    targets: [{{model: {repo}, routes: [{names}]}}]\n"
            for number in range(aliases)
        )
        self.project.manifest.write_text(f"version: 1\nproviders:\n{providers}models:\n{models}")
        assert self._command("lock").code == 0
        self.project.hub.forget()

    def verify(self, *flags: str) -> Ended:
        return self._command("verify", "--live", "--timeout", "5", *flags)


def _key(server: Server) -> str:
    return "" if server.key is None else f", key_env: {server.key_env}"


@pytest.fixture
def stage(project: Project, sandbox: Sandbox, command: Command) -> Stage:
    return Stage(project, sandbox, command)


def rows(ended: Ended) -> list[tuple[str, str]]:
    """State and route of each row about a server."""
    return re.findall(r"^  (\w+) +it\d* +(\w[\w-]*:\S+) ", ended.out, re.MULTILINE)


@pytest.mark.parametrize("kind", ASKED)
def test_a_server_of_the_locked_commit_is_attested_by_one_question(kind: Kind, stage: Stage) -> None:
    """No body is sent; the Hub is asked as ever."""
    server = stage.serve(kind, key=KEY, key_env=VARIABLE)
    stage.lock(server)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, KEY)
        ended = stage.verify()

    assert (ended.code, ended.err) == (0, "")
    assert rows(ended) == [("attested", f"ours:{stage.model(kind)[0]}")]
    assert "1 pin: 1 ok; 1 route: 1 attested   " in ended.out
    assert ended.out.endswith(", 3 requests\n")
    assert [(request.method, request.raw) for request in server.requests] == [("GET", b"")]
    assert KEY not in ended.out


@pytest.mark.parametrize("kind", ASKED)
def test_ri501_a_server_of_another_commit_is_an_error(kind: Kind, stage: Stage) -> None:
    server = stage.serve(kind, reports=OTHER)
    stage.lock(server)
    ended = stage.verify()

    assert ended.code == 1
    repo = stage.model(kind)[0]
    commit = stage.project.hub.repo(repo).head
    assert rows(ended) == [("mismatch", f"ours:{repo}")]
    assert "error RI501 lockfiles/models.yaml:" in ended.out
    told = " ".join(ended.out.split())
    assert f"it: ours:{repo}: pinned to {repo}@{commit[:7]} but the endpoint serves @fffffff" in told
    assert f"runs {OTHER}" in ended.out
    assert "redeploy the pin" in told
    assert [request.raw for request in server.requests] == [b""]
    assert stage.verify("--exit-zero").code == 0


@pytest.mark.parametrize("kind", ASKED)
@pytest.mark.parametrize("reports", [None, "main", "f" * 39], ids=["null", "branch", "short"])
def test_ri503_a_server_that_names_no_commit_is_told_and_passes(
    kind: Kind, reports: str | None, stage: Stage
) -> None:
    stage.lock(stage.serve(kind, reports=reports))
    ended = stage.verify()

    assert ended.code == 0
    assert [state for state, _ in rows(ended)] == ["silent"]
    commit = stage.project.hub.repo(stage.model(kind)[0]).head
    assert re.search(rf"names no commit in full; .*{commit}.*  RI503$", ended.out, re.MULTILINE)
    assert "1 route: 1 silent" in ended.out
    assert stage.verify("--fail-on", "info").code == 1


@pytest.mark.parametrize("kind", UNASKED)
def test_who_cannot_be_asked_is_said_to_be(kind: Kind, stage: Stage) -> None:
    """Nothing is sent there, and no key is needed for it."""
    server = stage.serve(kind, key=KEY, key_env="A_VARIABLE_THAT_IS_NOT_SET")
    stage.lock(server)
    ended = stage.verify("--fail-on", "info")

    assert ended.code == 0
    assert [state for state, _ in rows(ended)] == ["unasked"]
    assert server.requests == ()


FAULTS: dict[str, Fault] = {
    "down": Refused(),
    "hangs": Hang(),
    "broken": Status(code=500),
    "no such page": Status(code=404),
    "no HTTP": Garbage(),
    "a web page": Page(),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_ri900_a_server_that_does_not_answer_is_not_checked(fault: str, stage: Stage) -> None:
    """Never an error, never fine; the time of one question bounds it."""
    server = stage.serve("tei")
    stage.lock(server)
    server.fail(FAULTS[fault])
    started = time.monotonic()
    ended = stage.verify("--timeout", "0.5")

    assert time.monotonic() - started < 4
    assert ended.code == 3
    assert [state for state, _ in rows(ended)] == ["unchecked"]
    assert "unchecked RI900 lockfiles/models.yaml:" in ended.out
    assert "RI501" not in ended.out
    assert stage.verify("--timeout", "0.5", "--allow-unchecked").code == 0


@pytest.mark.parametrize("value", [None, "another-key"], ids=["not set", "wrong"])
def test_ri900_a_key_that_is_missing_or_refused(
    value: str | None, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = stage.serve("tei", key=KEY, key_env=VARIABLE)
    stage.lock(server)
    if value is not None:
        monkeypatch.setenv(VARIABLE, value)
    ended = stage.verify()

    assert ended.code == 3
    told = " ".join(ended.out.split())
    if value is None:
        assert f"the environment variable {VARIABLE} (its key) is not set" in told
        assert server.requests == ()
    else:
        assert "check the provider's key" in told
        assert value not in ended.out + ended.err


def test_ri900_a_url_that_cannot_be_used_stops_no_other_alias(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = stage.serve("tei")
    stage.lock(server)
    manifest = stage.project.manifest
    text = manifest.read_text().replace("providers:\n", "providers:\n  far: {kind: tei, url_env: FAR_URL}\n")
    text += "  sentiment:\n    task: text-classification\n"
    text += "    targets: [{model: acme/sentiment, routes: [far]}]\n"
    manifest.write_text(text)
    assert stage.project.root
    monkeypatch.setenv("FAR_URL", "ftp://nowhere")
    from resilient_infer.cli.main import run

    assert run(["lock"]) == 0
    ended = stage.verify()

    assert ended.code == 3
    assert re.findall(r"^  (\w+) +(it|sentiment) +\w+:", ended.out, re.MULTILINE) == [
        ("attested", "it"),
        ("unchecked", "sentiment"),
    ]
    assert "FAR_URL" in ended.out


def test_a_server_of_many_aliases_is_asked_once(stage: Stage) -> None:
    server = stage.serve("tei")
    stage.lock(server, aliases=5)
    ended = stage.verify()

    assert [state for state, _ in rows(ended)] == ["attested"] * 5
    assert len(server.requests) == 1


@pytest.mark.parametrize("hangs", [False, True], ids=["answers", "hangs"])
def test_a_server_of_many_names_is_asked_once(stage: Stage, command: Command, hangs: bool) -> None:
    """It tells of all its models at once, and one that hangs is waited for once."""
    server = stage.serve("vllm")
    repo, task = stage.model("vllm")
    names = (repo, f"{repo}@{stage.project.gpt2.head}")
    routes = ", ".join(f"{{provider: ours, name: {name!r}}}" for name in names)
    stage.project.manifest.write_text(
        f"version: 1\nproviders:\n  ours: {{kind: vllm, url: {server.url!r}}}\n"
        f"models:\n  it:\n    task: {task}\n    targets: [{{model: {repo}, routes: [{routes}]}}]\n"
    )
    assert command("lock").code == 0
    if hangs:
        server.fail(Hang())
    started = time.monotonic()
    ended = stage.verify("--timeout", "1", "--jobs", "1")

    assert [state for state, _ in rows(ended)] == (["unchecked"] * 2 if hangs else ["attested"] * 2)
    assert len(server.requests) == 1
    assert ended.out.endswith(", 3 requests\n")
    assert not hangs or time.monotonic() - started < 3


def test_what_a_server_says_of_our_key_is_not_repeated(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    server = stage.serve("tei", key=KEY, key_env=VARIABLE)
    stage.lock(server)
    monkeypatch.setenv(VARIABLE, KEY)
    server.fail(Status(code=500, body={"error": f"no {KEY} here", "error_type": KEY}))
    for form in ("text", "json", "sarif", "github"):
        ended = stage.verify("--format", form)
        assert ended.code == 3
        assert KEY not in ended.out + ended.err


def test_jobs_bound_the_questions_under_way_and_timeout_each(stage: Stage) -> None:
    """Six servers that hang, two at a time, 0.3 s each: about 0.9 s, and no more than that and some."""
    servers = [stage.serve("tei", name=f"s{number}") for number in range(6)]
    stage.lock(*servers)
    for server in servers:
        server.fail(Hang())
    began = time.monotonic()
    ended = stage.verify("--timeout", "0.3", "--jobs", "2")
    took = time.monotonic() - began

    assert ended.code == 3
    assert 0.85 < took < 4
    assert [len(server.requests) for server in servers] == [1] * 6


def test_an_endpoint_is_asked_for_at_the_api_that_manages_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = stage.project.hub
    token = "hf_0123456789abcdef"
    server = stage.serve("hf-endpoint", key=token, key_env="PROD_KEY")
    endpoint = hub.deploy("acme/prod", model="acme/sentiment", revision=hub.repo("acme/sentiment").head)
    monkeypatch.setenv("PROD_KEY", token)
    monkeypatch.setenv(ENDPOINTS_VARIABLE, hub.endpoints_url)
    hub.token(token)
    stage.lock(server, extra=", endpoint: acme/prod")

    assert rows(stage.verify()) == [("attested", "ours:acme/sentiment")]
    endpoint.update(OTHER)
    assert [state for state, _ in rows(stage.verify())] == ["silent"]
    endpoint.settle()
    ended = stage.verify()
    assert ended.code == 1
    assert "RI501" in ended.out
    assert server.requests == ()
    assert token not in ended.out


def test_json_tells_each_route(stage: Stage) -> None:
    stage.lock(stage.serve("tei", reports=OTHER), stage.serve("hf-inference", name="far"))
    record = json.loads(stage.verify("--format", "json").out)

    head = stage.project.sentiment.head
    assert record["exit_code"] == 1
    assert [(each["alias"], each["route"], each["state"], each["reported"]) for each in record["routes"]] == [
        ("it", "ours:acme/sentiment", "mismatch", OTHER),
        ("it", "far:acme/sentiment", "unasked", None),
    ]
    assert {each["revision"] for each in record["routes"]} == {head}
    assert [each["codes"] for each in record["routes"]] == [["RI501"], []]
    assert json.loads(stage.verify("--format", "json", "--timeout", "4").out).keys() == record.keys()


def test_without_live_no_server_is_asked_and_no_route_told(stage: Stage, command: Command) -> None:
    server = stage.serve("tei", reports=OTHER)
    stage.lock(server)
    ended = command("verify")

    assert ended.code == 0
    assert rows(ended) == []
    assert server.requests == ()


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise there")
def test_ctrl_c_while_servers_are_asked_ends_at_once_with_130(stage: Stage, bare_environment: Path) -> None:
    server = stage.serve("tei")
    stage.lock(server)
    before = stage.project.files()
    server.fail(Hang())
    child = subprocess.Popen(
        [sys.executable, "-m", "resilient_infer", "verify", "--live", "--timeout", "60"],
        cwd=stage.project.root,
        env={"HOME": str(bare_environment), "HF_ENDPOINT": stage.project.hub.url, "PATH": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with child:
        ends_at = time.monotonic() + 20
        while not server.requests and time.monotonic() < ends_at:
            time.sleep(0.005)
        interrupted = time.monotonic()
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=20)

    assert time.monotonic() - interrupted < 2
    assert (child.returncode, out, err) == (130, "", "\ninterrupted\n")
    assert stage.project.files() == before
