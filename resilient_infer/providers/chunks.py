"""Chunks: a streamed chat or completion of the OpenAI protocol, put together into the body of a whole answer.

Beside the text a delta may hold tool calls by index, a refusal, reasoning
(`reasoning_content` in vLLM and SGLang, `reasoning` in others): they are part
of the message, and no text. Payloads ask for one answer, so another choice
than the first is somebody else's.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from resilient_infer.core.stream import Part, Piece, Unread
from resilient_infer.core.task import Json
from resilient_infer.providers.merging import ONCE, merge_into

_FRAME: Final = frozenset({"index", "delta", "finish_reason"})
"""Fields of a choice that are not joined with those of the next one."""


class Chunks:
    """What `ChatChunks` and `CompletionChunks` have in common.

    Attributes:
        ending: A finish_reason was seen.
    """

    _under: str
    """The field of a choice that has the part of the answer; "" if it is the choice itself."""
    _text_under: str

    def __init__(self) -> None:
        self.ending = False
        self._finish: Json = None
        self._texts: defaultdict[str, list[str]] = defaultdict(list)
        self._said: dict[str, Json] = {}
        self._fields: dict[str, Json] = {}
        self._before: dict[str, Json] | None = None  # the last chunk, if all that it adds is its text
        self._part_before: dict[str, Json] = {}  # the part of the answer in it
        self._shown: list[str] = []  # of `_texts`, the one that this part has added to

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
        said = choice.get(self._under, {}) if self._under else choice
        if said is None:
            said = {}
        text = said.get(self._text_under) if isinstance(said, dict) else None
        if not isinstance(said, dict) or not (text is None or isinstance(text, str)):
            return Unread("a chunk whose text is no text")
        if None in chunk.values():
            self._fields.update({name: value for name, value in chunk.items() if value is not None})
        else:
            self._fields.update(chunk)
        self._keep(choice, said)
        self._remember(chunk, choice, said)
        finish = choice.get("finish_reason")
        if isinstance(finish, str) and finish:
            self._finish, self.ending = finish, True
        return Part(text or "", chunk, told=bool(text) or self._tells(said))

    def again(self, chunk: Any) -> Part | None:
        """As `add`, for a chunk that adds a text and is otherwise like the one before; None for any other."""
        try:
            choice = chunk["choices"][0]
            text = (choice[self._under] if self._under else choice)[self._text_under]
            self._part_before[self._text_under] = text  # so that it makes no difference
            if not text or not isinstance(text, str) or chunk != self._before:
                return None
        except (LookupError, TypeError, RecursionError):
            return None
        self._shown.append(text)
        return Part(text, chunk)

    def _remember(self, chunk: dict[str, Json], choice: dict[str, Json], said: dict[str, Json]) -> None:
        """Keep what the next chunk is compared with."""
        self._before = None
        if _says(said) == [self._text_under] and (said is choice or _says(choice) == [self._under]):
            self._part_before, self._shown = dict(said), self._texts[self._text_under]
            own = {**choice, self._under: self._part_before} if self._under else self._part_before
            self._before = {**chunk, "choices": [own]}

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

    _under, _text_under = "delta", "content"

    def __init__(self) -> None:
        super().__init__()
        self._beside: dict[str, Json] = {}

    def whole(self) -> Json:
        """The body of the same answer, had it not been streamed."""
        message = self._joined()
        message.setdefault("content", None)
        return self._body({"message": message, **self._beside})

    def _keep(self, choice: dict[str, Json], said: dict[str, Json]) -> None:
        self._join(said.items())
        for name, value in choice.items():
            if value is not None and name not in _FRAME:
                merge_into(self._beside, {name: value})

    def _tells(self, said: dict[str, Json]) -> bool:
        return any(value and name not in ONCE for name, value in said.items())


class CompletionChunks(Chunks):
    """A completion, put together."""

    _under, _text_under = "", "text"

    def whole(self) -> Json:
        """The body of the same answer, had it not been streamed."""
        return self._body({"text": "", **self._joined()})


def _says(said: Mapping[str, Json]) -> list[str]:
    """The fields of which more would come if they came once more."""
    return [name for name, value in said.items() if value is not None and name not in ONCE]
