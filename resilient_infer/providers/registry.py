"""Registry: which codec speaks a protocol for a task.

Built-in and third-party codecs stand in one table. A third party registers
under the entry point group `resilient_infer.providers`; the entry point's name
is the kind, its value a `Codec` or a class that makes one without arguments.
Each is loaded once, when its kind is first asked for.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING, Final

from resilient_infer.errors import ProviderError
from resilient_infer.providers.base import Codec
from resilient_infer.providers.error_body import one_line

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP: Final = "resilient_infer.providers"

BUILT_IN: Final[Mapping[str, str]] = {
    "hf-endpoint": "resilient_infer.providers.hf_endpoint:HfEndpoint",
    "hf-inference": "resilient_infer.providers.hf_inference:HfInference",
    "hf-router": "resilient_infer.providers.hf_router:HfRouter",
    "llamacpp": "resilient_infer.providers.llamacpp:LlamaCpp",
    "openai": "resilient_infer.providers.openai:OpenAI",
    "sglang": "resilient_infer.providers.sglang:SGLang",
    "tei": "resilient_infer.providers.tei:Tei",
    "tgi": "resilient_infer.providers.tgi:Tgi",
    "transformers": "resilient_infer.providers.transformers:Transformers",
    "vllm": "resilient_infer.providers.vllm:Vllm",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Somebody says that they speak `kind`.

    Attributes:
        owner: Who, for errors: the distribution and its entry point.
        load: Imports the claimed object; may raise anything.
    """

    kind: str
    owner: str
    load: Callable[[], object] = field(compare=False)


class Registry:
    """A table of codecs. The process has one; tests and tools may make their own.

    Args:
        plug_ins: The entry points of `GROUP`; asked once, when first needed.
    """

    def __init__(self, plug_ins: Callable[[], Iterable["EntryPoint"]]) -> None:
        self._plug_ins = plug_ins
        self._lock = Lock()
        self._codecs: dict[tuple[str, str], Codec] = {}
        self._loaded: dict[Claim, Codec] = {}

    def codec_for(self, kind: str, task: str) -> Codec:
        """The codec that serves `task` on servers of `kind`.

        Raises:
            ProviderError: The kind is unknown, cannot serve the task, is
                claimed for it twice, or its plug-in is broken.
        """
        codec = self._codecs.get((kind, task))
        if codec is None:
            codec = self._find(kind, task)
            self._codecs[kind, task] = codec
        return codec

    def kinds(self) -> frozenset[str]:
        """Every kind that is registered. Loads no plug-in, so a broken one does no harm here."""
        return frozenset(self._claims)

    def codecs(self) -> tuple[Codec, ...]:
        """Every codec, by kind.

        Raises:
            ProviderError: Some plug-in is broken, or two claim one kind and task.
        """
        for kind in sorted(self._claims):
            for task in sorted(self._tasks(kind)):
                self.codec_for(kind, task)
        return tuple(codec for kind in sorted(self._claims) for _, codec in self._speakers(kind))

    def _find(self, kind: str, task: str) -> Codec:
        if kind not in self._claims:
            close = get_close_matches(kind, self._claims, 1)
            raise ProviderError(
                f'no provider speaks "{kind}"',
                hint=f'did you mean "{close[0]}"?' if close else f"known are {_listed(self._claims)}",
            )
        speakers = [(claim, codec) for claim, codec in self._speakers(kind) if task in codec.tasks]
        if not speakers:
            raise ProviderError(
                f'servers of kind "{kind}" cannot serve {task}',
                hint=f"they can serve {_listed(self._tasks(kind))}",
            )
        if len(speakers) > 1:
            owners = " and ".join(claim.owner for claim, _ in speakers)
            raise ProviderError(
                f'two codecs claim {task} on "{kind}": {owners}', hint="uninstall one of them"
            )
        return speakers[0][1]

    def _tasks(self, kind: str) -> frozenset[str]:
        return frozenset[str]().union(*(codec.tasks for _, codec in self._speakers(kind)))

    def _speakers(self, kind: str) -> list[tuple[Claim, Codec]]:
        return [(claim, self._load(claim)) for claim in self._claims[kind]]

    def _load(self, claim: Claim) -> Codec:
        codec = self._loaded.get(claim)
        if codec is None:
            # Outside the lock: a plug-in may import what asks here in its turn.
            made = _made(claim)
            with self._lock:
                codec = self._loaded.setdefault(claim, made)
        return codec

    @cached_property
    def _claims(self) -> Mapping[str, list[Claim]]:
        claims = {kind: [_built_in(kind, path)] for kind, path in BUILT_IN.items()}
        for point in self._plug_ins():
            claims.setdefault(point.name, []).append(_plugged_in(point))
        return claims


def installed(group: str = GROUP) -> "Iterable[EntryPoint]":
    """The entry points of a group, of every distribution that is installed."""
    from importlib.metadata import entry_points  # 10 ms, and only when a client is first made

    return entry_points(group=group)


def owner_of(point: "EntryPoint") -> str:
    """Who registered an entry point, for messages."""
    distribution = "an unnamed distribution" if point.dist is None else point.dist.name
    return f"{distribution} (entry point {point.name} = {point.value})"


def _built_in(kind: str, path: str) -> Claim:
    module, _, name = path.partition(":")
    return Claim(kind=kind, owner="resilient_infer itself", load=lambda: getattr(import_module(module), name))


def _plugged_in(point: "EntryPoint") -> Claim:
    return Claim(kind=point.name, owner=owner_of(point), load=point.load)


def _made(claim: Claim) -> Codec:
    try:
        loaded = claim.load()
        codec = loaded() if isinstance(loaded, type) else loaded
        fault = _fault(codec, claim.kind)
    except Exception as error:
        seen = one_line(f"{type(error).__name__}: {error}")
        raise _broken(claim, f"cannot be loaded: {seen}") from error
    if fault or not isinstance(codec, Codec):
        raise _broken(claim, fault)
    return codec


def _fault(codec: object, kind: str) -> str:
    """Why something is no codec of that kind, or "". What it computes for an attribute may raise anything."""
    if not isinstance(codec, Codec):
        lacking = [name for name in ("kind", "tasks", "build", "parse") if not hasattr(codec, name)]
        return f"is no codec: it lacks {_listed(lacking)}"
    if codec.kind != kind:
        return f"calls itself {codec.kind!r}"
    tasks: object = codec.tasks
    if not isinstance(tasks, frozenset) or not all(isinstance(task, str) for task in tasks):
        return "has tasks that are no frozenset of strings"
    return ""


def _broken(claim: Claim, what: str) -> ProviderError:
    return ProviderError(
        f'the plug-in for "{claim.kind}" from {claim.owner} {what}',
        hint="upgrade or uninstall it; the contract is resilient_infer.providers.base.Codec",
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


_INSTALLED: Final = Registry(installed)


def codec_for(kind: str, task: str) -> Codec:
    """The installed codec that serves `task` on servers of `kind`.

    Raises:
        ProviderError: The kind is unknown, cannot serve the task, is claimed
            for it twice, or its plug-in is broken. Says by whom, and what to do.
    """
    return _INSTALLED.codec_for(kind, task)


def kinds() -> frozenset[str]:
    """Every kind of server that is spoken here, plug-ins included. Loads none of them."""
    return _INSTALLED.kinds()


def codecs() -> tuple[Codec, ...]:
    """Every installed codec, by kind.

    Raises:
        ProviderError: Some plug-in is broken, or two claim one kind and task.
    """
    return _INSTALLED.codecs()
