"""The README does what it says: its examples run, its files parse, its tables are true."""

import os
import re
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import resilient_infer
from resilient_infer import errors
from resilient_infer.cli.commands import commands
from resilient_infer.lock.findings import CODES
from resilient_infer.lock.lockfile import parse_lock
from resilient_infer.lock.manifest import parse_manifest
from resilient_infer.testing.sandbox import Model, Sandbox, Server, out_of_credits, throttled
from resilient_infer.testing.sandbox.hub import Hub, Look

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PACKAGE = ROOT / "resilient_infer"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TUTORIAL = re.compile(r"^<!-- tutorial: ([^\n]+) -->\n```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TUTORIALS: Mapping[str, str] = {name: body for name, _, body in TUTORIAL.findall(README)}
TOKEN = "hf_onlyInThisTest1"

LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
MODELS = {
    "distilbert/distilbert-base-uncased-finetuned-sst-2-english": "text-classification",
    "openai-community/gpt2": "text-generation",
    "google/vit-base-patch16-224": "image-classification",
}


CONTINUED = "<!-- continued -->\n"


def blocks(language: str) -> list[str]:
    """The examples in a language, but for the tutorials; one that is continued is one with what follows."""
    found: list[str] = []
    for match in BLOCK.finditer(README):
        if match[1] != language:
            continue
        if README[: match.start()].endswith(CONTINUED):
            found[-1] += match[2]
        else:
            found.append(match[2])
    return [body for body in found if body not in TUTORIALS.values()]


@pytest.mark.parametrize("text", blocks("yaml"))
def test_each_yaml_example_is_read(text: str) -> None:
    if "lock_version" in text:
        assert parse_lock(text.encode(), "models.lock.yaml").entries
    else:
        assert parse_manifest(text.encode(), "models.yaml", None).aliases


@pytest.fixture
def world(tmp_path: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """An empty folder, and an environment in which the Hub and its hosted models are sandboxes."""
    with Sandbox() as sandbox, Hub() as hub:
        server = sandbox.serve("hf-inference", key=TOKEN)
        hub.token(TOKEN, user="reader")
        for model, task in MODELS.items():
            hub.model(model, Look(task=task))
        environ = {name: value for name, value in os.environ.items() if "RESILIENT_INFER" not in name}
        environ |= {"HF_TOKEN": TOKEN, "HF_ENDPOINT": hub.url, "SERVER": server.url}
        yield tmp_path, environ


def write_manifest(folder: Path, text: str, environ: dict[str, str]) -> None:
    """The README's manifest, with the hosted service at the sandbox's address."""
    provider = "{kind: hf-inference, url: '" + environ["SERVER"] + "', key_env: HF_TOKEN}"
    (folder / "lockfiles").mkdir(exist_ok=True)
    if "ROUTER" in environ:
        router = "{kind: hf-router, url: '" + environ["ROUTER"] + "', key_env: HF_TOKEN}"
        provider = f"{provider}\n  hf-router: {router}"
    text = text.replace("models:\n", f"providers:\n  hf-inference: {provider}\nmodels:\n", 1)
    (folder / "lockfiles" / "models.yaml").write_text(text)


def run(command: list[str], folder: Path, environ: dict[str, str]) -> str:
    ran = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, f"{command[-1]}\n{ran.stdout}{ran.stderr}"
    return ran.stdout


def test_a_newcomer_who_pastes_the_readme_gets_what_it_says(world: tuple[Path, dict[str, str]]) -> None:
    """Manifest, lock, calls and checks in order, each in a process of its own."""
    folder, environ = world
    five_lines = blocks("yaml")[0]
    experiment = next(text for text in blocks("yaml") if "targets: [{model: distilbert" in text)
    first, off, *others = blocks("python")
    tool = [sys.executable, "-m", "resilient_infer"]

    write_manifest(folder, five_lines, environ)
    run([*tool, "lock"], folder, environ)
    output, revision, pin = run([sys.executable, "-c", first], folder, environ).splitlines()
    lock = (folder / "lockfiles" / "models.lock.yaml").read_text()
    assert "POSITIVE" in output
    assert f'revision: "{revision}"' in lock
    assert pin == "declared"
    run([*tool, "lock", "--check"], folder, environ)
    run([*tool, "verify"], folder, environ)
    said = [run([sys.executable, "-c", example], folder, environ) for example in others]
    assert any("'success'): 1" in printed for printed in said)

    write_manifest(folder, experiment, environ)
    assert run([sys.executable, "-c", off], folder, environ) == "floating\n"


@pytest.fixture(scope="module")
def classroom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str], Server]]:
    """The tutorials' manifest, locked against a sandbox Hub, and the server that answers them."""
    folder = tmp_path_factory.mktemp("tutorials")
    models = {**MODELS, "facebook/bart-large-mnli": "zero-shot-classification"}
    ours = Model(name="acme/churn-bert", task="text-classification")
    with Sandbox() as sandbox, Hub() as hub:
        server = sandbox.serve("hf-inference", models=[*models, ours], key=TOKEN)
        router = sandbox.serve("hf-router", key=TOKEN)
        models[LLAMA] = "text-generation"
        for model, task in models.items():
            hub.model(model, Look(task=task))
        hub.model(ours.name, Look(task=ours.task)).make_private()
        hub.token(TOKEN, user="reader", access=[ours.name])
        environ = {name: value for name, value in os.environ.items() if "RESILIENT_INFER" not in name}
        environ |= {"HF_TOKEN": TOKEN, "HF_ENDPOINT": hub.url, "SERVER": server.url, "HF_HOME": str(folder)}
        environ["ROUTER"] = router.url
        environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environ['PATH']}"
        manifest = README.split("<!-- manifest: tutorials -->\n```yaml\n", 1)[1].split("```", 1)[0]
        tested = hub.repo("openai-community/gpt2").head
        write_manifest(folder, re.sub("gpt2@[0-9a-f]{40}", f"gpt2@{tested}", manifest), environ)
        (folder / "sunset.png").write_bytes(red_picture())
        run([sys.executable, "-m", "resilient_infer", "lock"], folder, environ)
        yield folder, environ, server


def red_picture() -> bytes:
    """A PNG of 8 by 8 red pixels, written as RFC 2083 says."""

    def chunk(name: bytes, content: bytes) -> bytes:
        body = name + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    pixels = zlib.compress((b"\0" + b"\xe0\x20\x20" * 8) * 8)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


SAID: Mapping[str, tuple[str, ...]] = {
    "text classification": ("POSITIVE\n", "NEGATIVE\n"),
    "text generation": ('"max_length" was sent as "max_new_tokens"',),
    "image classification": ("red",),
    "zero-shot": ("refund of money\n",),
    "from JavaScript": ("money\n",),
    "private model": ("NEGATIVE",),
    "pinned revision": ("declared None\n",),
    "credits used up": ("HTTP 402", "top up, or add a route with another provider"),
    "rate limits": ("try again in 60 s\n",),
    "streaming": ("-- hf-router:meta-llama/Llama-3.1-8B-Instruct:together, Usage(",),
    "async": ("['POSITIVE', 'NEGATIVE'] True\n",),
}
"""What each tutorial prints, among other things."""


@pytest.mark.parametrize("name", TUTORIALS)
def test_each_tutorial_does_what_it_says(name: str, classroom: tuple[Path, dict[str, str], Server]) -> None:
    folder, environ, server = classroom
    faults = {"credits used up": out_of_credits(), "rate limits": throttled(60)}
    if name == "from JavaScript" and shutil.which("node") is None:
        pytest.skip("needs node")
    server.heal()
    if name in faults:
        server.fail(faults[name])
    shell = ["sh", "-c"] if name == "from JavaScript" else [sys.executable, "-c"]
    said = run([*shell, TUTORIALS[name]], folder, environ)

    assert all(words in said for words in SAID[name]), said


def test_a_private_model_without_a_token_is_told_and_not_sent(
    classroom: tuple[Path, dict[str, str], Server],
) -> None:
    folder, environ, server = classroom
    server.heal()
    before = len(server.requests)
    said = run([sys.executable, "-c", TUTORIALS["private model"]], folder, {**environ, "HF_TOKEN": ""})

    assert "HF_TOKEN" in said
    assert len(server.requests) == before


def test_the_command_table_names_every_command_and_no_other() -> None:
    told = set(re.findall(r"^\| `resilient-infer ([a-z-]+)` \|", README, re.MULTILINE))

    assert told == set(commands.list_commands(None))  # type: ignore[arg-type]  # the table needs no context


def test_the_error_table_names_every_public_error() -> None:
    told = set(re.findall(r"^\| `([A-Z]\w+)` \|", README, re.MULTILINE))
    public = {name for name in resilient_infer.__all__ if isinstance(getattr(errors, name, None), type)}

    assert told == public - {"ResilientInferError", "CallError", "LockError"}


def test_where_is_it_names_places_that_exist() -> None:
    table = README.split("## Where is it?", 1)[1].split("\n## ", 1)[0]
    places = re.findall(r"`([^`]+)`", table)

    assert len(places) == 10
    for place in places:
        path, _, name = place.partition("::")
        files = list(PACKAGE.glob(path.replace("<kind>", "*")))
        assert files, place
        if name:
            assert any(re.search(rf"^\s*def {name}\(", file.read_text(), re.MULTILINE) for file in files), (
                place
            )


def test_the_two_commands_are_marked_for_ci() -> None:
    for mark, word in (("demo", "resilient-infer demo"), ("test", "pytest")):
        block = README.split(f"<!-- command: {mark} -->\n", 1)[1]
        assert word in block.split("```", 2)[1]


LOCKFILES = (ROOT / "lockfiles" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", [body for name, body in BLOCK.findall(LOCKFILES) if name == "yaml"])
def test_each_manifest_of_the_lockfiles_readme_is_read(text: str) -> None:
    assert parse_manifest(text.encode(), "models.yaml", None).aliases


def test_the_lockfiles_readme_says_what_to_do_on_each_finding() -> None:
    assert re.findall(r"^\| (RI\d+) \|", LOCKFILES, re.MULTILINE) == list(CODES)


def test_the_lockfiles_readme_names_commands_that_exist() -> None:
    named = set(re.findall(r"resilient-infer ([a-z]+)", LOCKFILES))

    assert named <= set(commands.list_commands(None))  # type: ignore[arg-type]  # the table needs no context
