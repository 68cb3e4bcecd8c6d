"""Clients: objects that ask a server for a model, and what they are called for."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from resilient_infer.core.task import TASKS
from resilient_infer.lock.code.arguments import Invoked
from resilient_infer.lock.code.fold import Fold
from resilient_infer.lock.code.loads import is_meant
from resilient_infer.lock.code.module import Module
from resilient_infer.lock.code.signatures import CLIENTS, SPEAKERS, task_named

_CHAINS: Final = {
    ("chat", "completions", "create"): "chat",
    ("chat", "completions", "parse"): "chat",
    ("chat", "completions", "stream"): "chat",
    ("responses", "create"): "chat",
    ("responses", "parse"): "chat",
    ("responses", "stream"): "chat",
    ("completions", "create"): "text-generation",
    ("embeddings", "create"): "feature-extraction",
}
"""Methods of OpenAI's client, some of which huggingface_hub's has as well; the longest first."""

_OLD: Final = {
    "openai.ChatCompletion.create": "chat",
    "openai.ChatCompletion.acreate": "chat",
    "openai.Completion.create": "text-generation",
    "openai.Embedding.create": "feature-extraction",
}
"""OpenAI's client before 1.0, which was no object."""

_METHODS: Final = frozenset(
    {
        *(task.replace("-", "_") for task in TASKS if task not in ("chat", "text-ranking")),
        *("chat_completion", "post", "text_to_image", "text_to_speech", "text_to_video", "image_to_image"),
        *("image_segmentation", "document_question_answering", "visual_question_answering"),
        *("table_question_answering", "zero_shot_image_classification", "tabular_classification"),
    }
)
"""Methods of huggingface_hub's InferenceClient."""


CALLED: Final = frozenset({*CLIENTS, *SPEAKERS, *_METHODS, "acreate", *(chain[-1] for chain in _CHAINS)})
"""The last parts of all names that are looked for here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A client called for something; `task` is None if that is no task of ours."""

    call: Invoked
    task: str | None

    @property
    def how(self) -> str:
        """What is called, for people."""
        chain = _chain(self.call)
        if chain:
            return ".".join(chain)
        return f"InferenceClient.{self.call.last}" if self.call.last in _METHODS else self.call.shown


@dataclass(slots=True, kw_only=True)
class Client:
    """An object that asks a server.

    Attributes:
        made: The call that made it; None: the module `openai` itself.
        hub: huggingface_hub's, and not OpenAI's.
    """

    made: Invoked | None
    hub: bool
    uses: list[Use] = field(default_factory=list)


def clients_in(calls: Iterable[Invoked], module: Module, fold: Fold) -> tuple[list[Client], list[Use]]:
    """The clients that a file makes with what each is called for, and the uses of clients unknown."""
    every = list(calls)
    made = {id(client.made.node): client for client in _made(every, module) if client.made is not None}
    bare = Client(made=None, hub=False)
    lost: list[Use] = []
    for call in every:
        use = _use(call, module)
        if use is None:
            continue
        client = bare if call.name.startswith("openai.") else _receiver(call, made, fold)
        if client is not None:
            client.uses.append(use)
        elif _chain(call) and "model" in call.words:
            lost.append(use)
    return [*made.values(), *([bare] if bare.uses else [])], lost


def _made(calls: list[Invoked], module: Module) -> Iterator[Client]:
    for call in calls:
        signature = CLIENTS.get(call.last)
        if signature is not None and is_meant(call, signature, module):
            yield Client(made=call, hub=True)
        elif call.last in SPEAKERS and "." in call.name and call.last not in module.classes:
            yield Client(made=call, hub=False)


def _use(call: Invoked, module: Module) -> Use | None:
    """What a method of a client is called for; None: it is the method of something else."""
    if call.name in _OLD:
        return Use(call=call, task=_OLD[call.name])
    chain = _chain(call)
    if chain:
        return Use(call=call, task=_CHAINS[chain])
    if call.last in _METHODS and isinstance(call.node.func, ast.Attribute):
        return Use(call=call, task=task_named(call.last))
    return None


def _chain(call: Invoked) -> tuple[str, ...]:
    parts = tuple(call.name.split("."))
    return next((chain for chain in _CHAINS if parts[-len(chain) :] == chain), ())


def _receiver(call: Invoked, made: dict[int, Client], fold: Fold) -> Client | None:
    """The client whose method is called; the only one of the file, where that cannot be followed."""
    holder: ast.expr = call.node.func
    for _ in _chain(call) or "1":
        holder = holder.value if isinstance(holder, ast.Attribute) else holder
    if isinstance(holder, ast.Attribute) and holder.attr in ("beta", "with_raw_response"):
        holder = holder.value
    for each, _ in fold.expressions(holder, call.scope):
        if id(each) in made:
            return made[id(each)]
    fitting = [client for client in made.values() if client.hub or _chain(call)]
    return fitting[0] if len(fitting) == 1 else None
