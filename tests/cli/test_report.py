"""Report: every form of a result, and what must never be in any of them."""

import contextlib
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.cli.report import format_of, show
from resilient_infer.cli.verified import Verified
from resilient_infer.testing.sandbox import Status

from .conftest import Command, Project
from .hostile import SECRETS, VERIFIED
from .test_annotations import obeyed

FORMS = ("text", "json", "github", "sarif")
SUFFIXES = (".txt", ".md", ".json", ".sarif")


def test_under_github_actions_the_default_is_its_own_form() -> None:
    """Only there, and only where none is asked for."""
    assert format_of(None, {"GITHUB_ACTIONS": "true"}) == "github"
    assert format_of("json", {"GITHUB_ACTIONS": "true"}) == "json"
    assert format_of(None, {"GITHUB_ACTIONS": "false"}) == format_of(None, {}) == "text"


@given(done=VERIFIED, form=st.sampled_from(["text", "json", "sarif"]))
def test_no_text_is_a_command_to_github(done: Verified, form: str) -> None:
    """Nor does it move a cursor, or hold a token: each line that is printed is only read."""
    screen = io.StringIO()
    with contextlib.redirect_stdout(screen):
        show(done, form, {})  # type: ignore[arg-type]  # a Literal

    for line in screen.getvalue().split("\n"):
        assert obeyed(line) is None
        assert "##[" not in line
        assert line.isprintable()
        assert not any(secret in line for secret in SECRETS)


_V = "version: 1\n"

FIELDS = {
    "an alias": _V + "models:\n  {}: org/x\n",
    "a model": _V + "models:\n  a: org/{}\n",
    "an owner": _V + "models:\n  a: {}/x\n",
    "a ref": _V + "models:\n  a: org/x@{}\n",
    "a comment": "version: 1 # {}\nmodels: {{}}\n",
    "an unknown key": _V + "{}: 1\nmodels: {{}}\n",
    "an environment": _V + "models: {{a: org/x}}\nenvironments: {{{}: {{a: org/y}}}}\n",
    "a provider": _V + "providers: {{{}: {{kind: tei, url_env: U}}}}\nmodels: {{}}\n",
    "a kind": _V + "providers: {{p: {{kind: {}, url_env: U}}}}\nmodels: {{}}\n",
    "a url": _V + 'providers: {{p: {{kind: tei, url: "https://x.example/?t={}"}}}}\nmodels: {{}}\n',
    "a url's variable": _V + "providers: {{p: {{kind: tei, url_env: {}}}}}\nmodels: {{}}\n",
    "a key's variable": _V + "providers: {{p: {{kind: tei, url_env: U, key_env: {}}}}}\nmodels: {{}}\n",
    "a header": _V + 'providers: {{p: {{kind: tei, url_env: U, headers: {{X: "{}"}}}}}}\nmodels: {{}}\n',
    "a deployment": _V
    + "providers: {{p: {{kind: hf-endpoint, url_env: U, endpoint: a/{}}}}}\nmodels: {{}}\n",
    "a task": _V + "models: {{a: {{task: {}, targets: [{{model: org/x}}]}}}}\n",
    "a route": _V + "models: {{a: {{targets: [{{model: org/x, routes: [{}]}}]}}}}\n",
    "a provider's name": _V
    + "models: {{a: {{task: chat, targets: [{{provider: openai, name: {}, pin: floating}}]}}}}\n",
    "a label": _V + "models: {{a: {{targets: [{{model: x}}, {{model: y, labels: {{{}: B}}}}]}}}}\n",
    "a deadline": _V + "policy: {{deadline: {}}}\nmodels: {{}}\n",
    "no YAML": "version: [{}\n",
    "an anchor": "version: &{} 1\nmodels: {{}}\n",
    "a tag": "version: !{} 1\nmodels: {{}}\n",
    "a conflict": "<<<<<<< {}\nversion: 1\n=======\n>>>>>>> x\n",
}


def _in_lock(old: str) -> Callable[[Project, str, pytest.MonkeyPatch], object]:
    def put(project: Project, secret: str, _: pytest.MonkeyPatch) -> None:
        text = project.lock.read_text()
        assert old in text
        project.lock.write_text(text.replace(old, old.replace("@", secret) if "@" in old else secret))

    return put


def _in_manifest(text: str) -> Callable[[Project, str, pytest.MonkeyPatch], object]:
    return lambda on, secret, _: on.manifest.write_text(text.format(secret))


def _in_variable(name: str) -> Callable[[Project, str, pytest.MonkeyPatch], object]:
    return lambda on, secret, patch: patch.setenv(name, secret)


def _refusing(code: int) -> Callable[[Project, str, pytest.MonkeyPatch], object]:
    def fail(project: Project, secret: str, _: pytest.MonkeyPatch) -> None:
        headers = (("x-error-message", f"no {secret}"), ("x-request-id", secret), ("x-error-code", secret))
        project.hub.fail(Status(code=code, body={"error": f"bad {secret}"}, headers=headers))

    return fail


def _folder(project: Project, secret: str, patch: pytest.MonkeyPatch) -> None:
    """The files lie in a folder of that name."""
    (project.root / "lockfiles").rename(project.root / secret)
    patch.setenv("RESILIENT_INFER_LOCKFILES", str(project.root / secret))
    project.sentiment.squash()


def _renamed(project: Project, secret: str, _: pytest.MonkeyPatch) -> None:
    project.hub.rename("acme/sentiment", f"acme/{secret}")


def _pushed(project: Project, secret: str, _: pytest.MonkeyPatch) -> None:
    project.sentiment.push({f"{secret}.json": secret, "config.json": f'{{"{secret}": "{secret}"}}'})
    project.gpt2.relicense(secret)


def _answered_elsewhere(project: Project, secret: str, patch: pytest.MonkeyPatch) -> None:
    patch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:9/{secret}")


PLACES: dict[str, Callable[[Project, str, pytest.MonkeyPatch], object]] = {
    **{f"manifest: {name}": _in_manifest(text) for name, text in FIELDS.items()},
    "lock: a model": _in_lock("model: acme/sentiment"),
    "lock: a value": _in_lock("apache-2.0"),
    "lock: a task": _in_lock("text-generation"),
    "lock: a label": _in_lock("BAD"),
    "lock: a weight": _in_lock("model.safetensors"),
    "lock: a version": _in_lock('"1.0"'),
    "lock: a key": _in_lock("access"),
    "variable: the token": _in_variable("HF_TOKEN"),
    "variable: the environment": _in_variable("RESILIENT_INFER_ENV"),
    "variable: the folder": _in_variable("RESILIENT_INFER_LOCKFILES"),
    "variable: the workspace": _in_variable("GITHUB_WORKSPACE"),
    "variable: the page": _in_variable("GITHUB_STEP_SUMMARY"),
    "a folder": _folder,
    **{f"Hub: {code}": _refusing(code) for code in (400, 401, 403, 404, 429, 500, 503)},
    "Hub: a new name": _renamed,
    "Hub: a file": _pushed,
    "Hub: an address": _answered_elsewhere,
}


@pytest.mark.parametrize("secret", SECRETS, ids=["hf", "sk"])
@pytest.mark.parametrize("place", PLACES)
def test_no_form_and_no_report_holds_a_token(
    project: Project, command: Command, monkeypatch: pytest.MonkeyPatch, place: str, secret: str
) -> None:
    """Wherever it was put: the manifest, the lock, a variable, an answer of the Hub."""
    assert command("lock").code == 0
    PLACES[place](project, secret, monkeypatch)
    reports = [Path("reports") / f"r{suffix}" for suffix in SUFFIXES]
    Path("reports").mkdir()
    asked = [part for path in reports for part in ("--report", str(path))]

    for form in FORMS:
        ended = command("verify", "--deep", "--timeout", "0.3", "--max-wait", "0.1", "--format", form, *asked)
        written = [path.read_text() for path in reports]
        assert all(written)
        for text in (ended.out, ended.err, *written):
            assert secret not in text
