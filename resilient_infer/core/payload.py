"""Payload: what the caller wants answered, in one spelling.

The HF shape (`inputs`, `parameters`) and the OpenAI shape (`messages`, flat
parameters) say the same things in two ways. `providers/payload.py` reads both
into this one; each codec writes it in the spelling of its server.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TypedDict

from resilient_infer.core.quick import quick
from resilient_infer.core.task import Json


class HfPayload(TypedDict, total=False):
    """The HF shape. `inputs` is required; `parameters` holds what the task allows."""

    inputs: object
    parameters: Mapping[str, object]


class ChatPayload(TypedDict, total=False):
    """The OpenAI shape for chat; the common parameters stand beside `messages`."""

    messages: list[dict[str, object]]
    temperature: float
    top_p: float
    max_tokens: int
    stop: str | list[str]
    seed: int
    parameters: Mapping[str, object]


PayloadInput = (
    Mapping[str, object]
    | HfPayload
    | ChatPayload
    | str
    | list[str]
    | tuple[str, ...]
    | bytes
    | bytearray
    | memoryview
    | Path
    | BinaryIO
)
"""What `call` accepts: either shape, or what would stand under `inputs` by itself: a string, a list of
strings, or for a task that takes a file its bytes, its `Path`, or the file opened for reading bytes."""


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """A private copy of the caller's payload: JSON values only, never changed after.

    Attributes:
        inputs: The HF `inputs`; None for chat, and for a task that takes a file.
        file: The file's bytes, for a task that takes one; never copied.
        content_type: What the file is by its first bytes, for example "image/png"; "" without a file.
        messages: The chat messages; empty for every other task.
        parameters: By canonical name (`max_tokens`, not `max_new_tokens`).
        warnings: What was translated on the way in, for people.
    """

    inputs: Json = field(default=None, repr=False)
    file: bytes | None = field(default=None, repr=False)
    content_type: str = ""
    messages: tuple[Mapping[str, Json], ...] = field(default=(), repr=False)
    parameters: Mapping[str, Json] = field(default_factory=dict, repr=False)
    warnings: tuple[str, ...] = ()
