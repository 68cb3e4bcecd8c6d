"""Chunks: a streamed chat or completion of the OpenAI protocol, put together into the body of a whole answer.

Beside the text a delta may hold tool calls by index, a refusal, reasoning
(`reasoning_content` in vLLM and SGLang, `reasoning` in others): they are part
of the message, and no text. Payloads ask for one answer, so another choice
than the first is somebody else's.
"""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from resilient_infer.core.stream import Part, Piece, Unread
from resilient_infer.core.task import Json
from resilient_infer.providers.merging import ONCE, merge_into

_FRAME: Final = frozenset({"index", "delta", "finish_reason"})
"""Fields of a choice that are not joined with those of the next one."""


class Chunks(ABC):
    """What `ChatChunks` and `CompletionChunks` have in common.

    Attributes:
        ending: A finish_reason was seen.
    """

    _text_under: str

    def __init__(self) -> None:
        self.ending = False
        self._finish: Json = None
        self._texts: defaultdict[str, list[str]] = defaultdict(list)
        self._said: dict[str, Json] = {}
        self._fields: dict[str, Json] = {}

    def add(self, chunk: dict[str, Json]) -> Piece:
        """What the next chunk adds; one that is `Unread` changes nothing."""
        choices = chunk.get("choices")
        if choices is not None and not isinstance(choices, list):
            return Unread("a chunk whose choices are no list")
        choice = choices[0] if choices else {}
        if not isinstance(choice, dict):
            return Unread("a chunk with a choice that is no mapping")
        if choice.get("index") not in (0, None):
            return Part("", chunk, told=False)
        said = self._fragment(choice)
        text = said.get(self._text_under) if isinstance(said, dict) else None
        if not isinstance(said, dict) or not (text is None or isinstance(text, str)):
            return Unread("a chunk whose text is no text")
        if None in chunk.values():
            self._fields.update({name: value for name, value in chunk.items() if value is not None})
        else:
            self._fields.update(chunk)
        self._keep(choice, said)
        finish = choice.get("finish_reason")
        if isinstance(finish, str) and finish:
            self._finish, self.ending = finish, True
        return Part(text or "", chunk, told=bool(text) or self._tells(said))

    @abstractmethod
    def _fragment(self, choice: dict[str, Json]) -> Json:
        """The part of the answer in a choice."""

    def _keep(self, choice: dict[str, Json], said: dict[str, Json]) -> None:
        """Keep the part, and what stands beside it."""
        self._join(said.items())

    def _tells(self, said: dict[str, Json]) -> bool:
        """Whether a part without text tells something of the answer all the same."""
        return False

    def _join(self, said: Iterable[tuple[str, Json]]) -> None:
        rest: dict[str, Json] = {}
        for name, value in said:
            if isinstance(value, str) and name not in ONCE:
                # Joined at the end: to add to a long text each time is quadratic.
                self._texts[name].append(value)
            elif name not in _FRAME:
                rest[name] = value
        if rest:
            merge_into(self._said, rest)

    def _joined(self) -> dict[str, Json]:
        return {**self._said, **{name: "".join(parts) for name, parts in self._texts.items()}}

    def _body(self, choice: dict[str, Json]) -> Json:
        kind = self._fields.get("object")
        whole = {"object": kind.removesuffix(".chunk")} if isinstance(kind, str) else {}
        ended = {**choice, "index": 0, "finish_reason": self._finish}
        return {**self._fields, **whole, "choices": [ended]}


class ChatChunks(Chunks):
    """A chat, put together."""

    _text_under = "content"

    def __init__(self) -> None:
        super().__init__()
        self._beside: dict[str, Json] = {}

    def whole(self) -> Json:
        """The body of the same answer, had it not been streamed."""
        message = self._joined()
        message.setdefault("content", None)
        return self._body({"message": message, **self._beside})

    def _fragment(self, choice: dict[str, Json]) -> Json:
        said = choice.get("delta")
        return {} if said is None else said

    def _keep(self, choice: dict[str, Json], said: dict[str, Json]) -> None:
        self._join(said.items())
        for name, value in choice.items():
            if value is not None and name not in _FRAME:
                merge_into(self._beside, {name: value})

    def _tells(self, said: dict[str, Json]) -> bool:
        return any(value and name not in ONCE for name, value in said.items())


class CompletionChunks(Chunks):
    """A completion, put together."""

    _text_under = "text"

    def whole(self) -> Json:
        """The body of the same answer, had it not been streamed."""
        return self._body({"text": "", **self._joined()})

    def _fragment(self, choice: dict[str, Json]) -> Json:
        return choice
