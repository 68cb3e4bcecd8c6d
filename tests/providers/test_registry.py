"""Registry: which codec speaks a protocol for a task."""

import sys
from collections.abc import Iterable
from importlib.metadata import EntryPoint, distributions
from pathlib import Path
from threading import Barrier, Thread

import pytest

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpRequest, HttpResponse
from resilient_infer.core.outcome import Failure, FailureKind, Outcome
from resilient_infer.errors import ProviderError
from resilient_infer.providers import registry
from resilient_infer.providers.base import Codec
from resilient_infer.providers.registry import BUILT_IN, GROUP, Registry


class Echo:
    """A third party's codec."""

    kind = "echo"
    tasks = frozenset({"chat"})

    def build(self, attempt: Attempt) -> HttpRequest:
        """A request."""
        return HttpRequest(method="POST", url=attempt.route.endpoint.url, headers=())

    def parse(self, attempt: Attempt, response: HttpResponse) -> Outcome:
        """A failure."""
        return Failure(kind=FailureKind.SERVER_ERROR, reason=f"{attempt.alias} {response.status}")


class Embedder(Echo):
    """Another codec of the same kind, for another task."""

    tasks = frozenset({"feature-extraction"})


class Rival(Echo):
    """Claims a pair that is taken."""

    kind = "openai"


class NoCodec:
    """Lacks half of it."""

    kind = "echo"
    tasks = frozenset({"chat"})


class Renamed(Echo):
    """Calls itself otherwise than it is registered."""

    kind = "other"


class Listed(Echo):
    """Has its tasks in a list."""

    tasks = ["chat"]  # type: ignore[assignment]  # noqa: RUF012  # the fault under test


class Explosive(Echo):
    """Cannot be made."""

    def __init__(self) -> None:
        raise RuntimeError("no luck with hf_AbCdEfGhIjKl")


class Computed(Echo):
    """Works out its tasks when it is asked, and fails."""

    @property
    def tasks(self) -> frozenset[str]:  # type: ignore[override]
        """None at all."""
        raise RuntimeError("no list of tasks")


class Versatile(Echo):
    """Serves two tasks."""

    tasks = frozenset({"chat", "text-generation"})


MEETING = Barrier(4, timeout=10.0)


class Slow(Echo):
    """Is not made before as many are being made as the meeting takes."""

    def __init__(self) -> None:
        MEETING.wait()


INSTANCE = Echo()


def points(**values: str) -> list[EntryPoint]:
    """Entry points by kind; "echo=Echo" stands for this module's class."""
    return [
        EntryPoint(name=name.rstrip("_"), value=f"{__name__}:{value}", group=GROUP)
        for name, value in values.items()
    ]


def table(*found: EntryPoint) -> Registry:
    """A registry of its own."""
    return Registry(lambda: found)


def test_built_in_codecs_are_found_by_kind_and_task():
    """One instance each, whoever asks."""
    for kind in BUILT_IN:
        assert kind in registry.kinds()
    codec = registry.codec_for("openai", "chat")

    assert isinstance(codec, Codec)
    assert registry.codec_for("openai", "chat") is codec
    assert {made.kind for made in registry.codecs()} >= set(BUILT_IN)


@pytest.mark.parametrize("value", ["Echo", "INSTANCE"])
def test_a_plug_in_stands_in_the_same_table(value):
    """A class without arguments, or an instance."""
    plugged = table(*points(echo=value))

    assert plugged.kinds() == {*BUILT_IN, "echo"}
    assert plugged.codec_for("echo", "chat").kind == "echo"
    assert plugged.codec_for("hf-inference", "text-generation").kind == "hf-inference"


def test_two_plug_ins_may_share_a_kind_by_task():
    """Only the pair must be free."""
    plugged = table(*points(echo=f"{Echo.__name__}", echo_="Embedder"))

    assert isinstance(plugged.codec_for("echo", "feature-extraction"), Embedder)
    assert not isinstance(plugged.codec_for("echo", "chat"), Embedder)


def test_two_claims_to_one_kind_and_task_name_both():
    """And harm nobody else."""
    plugged = table(*points(openai="Rival"))

    with pytest.raises(ProviderError, match=r"resilient_infer itself and .*Rival"):
        plugged.codec_for("openai", "chat")
    with pytest.raises(ProviderError, match="two codecs claim chat"):
        plugged.codecs()
    assert plugged.codec_for("hf-inference", "text-generation").kind == "hf-inference"


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("NoCodec", "lacks build, parse"),
        ("Missing", "AttributeError"),
        ("Explosive", "no luck with .secret."),
        ("Renamed", "calls itself 'other'"),
        ("Listed", "no frozenset"),
        ("Computed", "RuntimeError: no list of tasks"),
        ("points", "lacks build, kind, parse, tasks"),
    ],
)
def test_a_broken_plug_in_is_told_when_its_kind_is_asked_for(value, word):
    """Or when all are listed; the names alone can always be had."""
    plugged = table(*points(echo=value))

    assert "echo" in plugged.kinds()
    assert plugged.codec_for("openai", "chat").kind == "openai"
    for ask in (lambda: plugged.codec_for("echo", "chat"), plugged.codecs):
        with pytest.raises(ProviderError, match=word) as caught:
            ask()
        assert f"echo = {__name__}:{value}" in str(caught.value)
        assert caught.value.hint


def test_a_module_that_cannot_be_imported_is_told():
    """With the entry point's value."""
    broken = EntryPoint(name="echo", value="no_such_module_here:Codec", group=GROUP)

    with pytest.raises(ProviderError, match=r"ModuleNotFoundError.*no_such_module_here"):
        table(broken).codec_for("echo", "chat")


def test_an_unknown_kind_is_told_with_the_likeliest_one():
    """Or with all there are."""
    with pytest.raises(ProviderError, match='did you mean "openai"'):
        table().codec_for("open-ai", "chat")
    with pytest.raises(ProviderError, match="known are hf-endpoint, hf-inference, hf-router, llamacpp, "):
        table().codec_for("zzz", "chat")


def test_a_kind_that_cannot_serve_the_task_says_what_it_can():
    """For example chat on hf-inference."""
    with pytest.raises(ProviderError, match=r"cannot serve chat; they can serve audio-classification, auto"):
        table().codec_for("hf-inference", "chat")


def test_a_plug_in_is_loaded_once_and_not_before_it_is_asked_for():
    """One codec serves all its tasks."""
    asked = []

    def find() -> Iterable[EntryPoint]:
        asked.append(1)
        return points(echo="Versatile")

    plugged = Registry(find)
    assert not asked

    codec = plugged.codec_for("echo", "chat")

    assert plugged.codec_for("echo", "text-generation") is codec
    assert plugged.codecs().count(codec) == 1
    assert len(asked) == 1


def test_threads_that_ask_at_once_get_one_codec():
    """Each makes its own at the same moment, and all get the first."""
    plugged, seen = table(*points(echo="Slow")), []
    threads = [
        Thread(target=lambda: seen.append(plugged.codec_for("echo", "chat"))) for _ in range(MEETING.parties)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(seen) == MEETING.parties
    assert len({id(codec) for codec in seen}) == 1


def test_an_installed_distribution_is_found_and_named(tmp_path, monkeypatch):
    """By its metadata, as pip leaves it."""
    home = tmp_path / "acme_plugin-1.0.dist-info"
    home.mkdir()
    (home / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-plugin\nVersion: 1.0\n")
    (home / "entry_points.txt").write_text(f"[{GROUP}]\nacme = acme_plugin_missing:Codec\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert any(found.name == "acme-plugin" for found in distributions(path=[str(tmp_path)]))
    plugged = Registry(registry.installed)

    assert "acme" in plugged.kinds()
    with pytest.raises(
        ProviderError, match=r"from acme-plugin \(entry point acme = acme_plugin_missing:Codec"
    ):
        plugged.codec_for("acme", "chat")


def test_asking_for_names_loads_no_codec():
    """Importing the library must stay light, and a manifest only needs the names."""
    import subprocess

    code = (
        "import sys; from resilient_infer.providers import registry; registry.kinds();"
        "print([name for name in sys.modules if name.startswith('resilient_infer.providers.')])"
    )
    root = str(Path(__file__).parents[2])
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)

    assert "resilient_infer.providers.openai" not in seen.stdout
