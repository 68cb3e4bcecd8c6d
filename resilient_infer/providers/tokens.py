"""Tokens: a streamed generation of TGI (`/generate_stream`) or of Hugging Face's hosted service.

Each event has one token; the last one has the whole text and how it ended.
Source: `StreamResponse` and `StreamDetails` in text-generation-inference, router/src/lib.rs.
"""

from typing import Final

from resilient_infer.core.stream import Part, Piece, Unread
from resilient_infer.core.task import Json

_USUAL: Final = frozenset({"index", "token", "generated_text", "details"})
"""What TGI's events have, of which nothing but the text is read until the last one."""


class Tokens:
    """A generation, put together.

    The text is what was shown token by token. The whole text of the last event may have more of it
    (a server that sends no tokens), which is shown then; where it differs otherwise (decoders treat
    a leading space in different ways) what was shown stands.

    Args:
        prompt: What is taken off the whole text where the server repeats it; "" for one that never does.

    Attributes:
        ending: The last event was seen.
    """

    def __init__(self, prompt: str = "") -> None:
        self.ending = False
        self._prompt = prompt
        self._texts: list[str] = []
        self._details: Json = None

    def add(self, chunk: dict[str, Json]) -> Piece:
        """What the next token adds."""
        token, generated = chunk.get("token"), chunk.get("generated_text")
        if token is not None and not isinstance(token, dict):
            return Unread("an event whose token is no mapping")
        text = "" if token is None or token.get("special") is True else token.get("text", "")
        if not isinstance(text, str) or not isinstance(generated, str | None):
            return Unread("an event whose text is no text")
        self._texts.append(text)
        if generated is not None:
            rest = self._missing(generated.removeprefix(self._prompt))
            self._texts.append(rest)
            text += rest
            self.ending, self._details = True, chunk.get("details")
        return Part(text, chunk, told=bool(text))

    def again(self, chunk: Json) -> Part | None:
        """What the next token adds if it is not the last one, and its event has nothing out of the usual."""
        if isinstance(chunk, dict) and chunk.keys() <= _USUAL and chunk.get("generated_text") is None:
            piece = self.add(chunk)
            return piece if isinstance(piece, Part) else None
        return None

    def whole(self) -> Json:
        """The body of the same answer, had it not been streamed, as far as the last event tells it."""
        return {"generated_text": "".join(self._texts), "details": self._details}

    def _missing(self, generated: str) -> str:
        shown = "".join(self._texts)
        return generated[len(shown) :] if generated.startswith(shown) else ""
