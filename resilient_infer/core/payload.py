"""Payload: what the caller wants answered, in one spelling.

The HF shape (`inputs`, `parameters`) and the OpenAI shape (`messages`, flat
parameters) say the same things in two ways. `providers/payload.py` reads both
into this one; each codec writes it in the spelling of its server.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypedDict

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


PayloadInput = Mapping[str, object] | HfPayload | ChatPayload | str | list[str] | tuple[str, ...]
"""What `call` accepts: either shape, or a bare string or list of strings for `inputs`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """A private copy of the caller's payload: JSON values only, never changed after.

    Attributes:
        inputs: The HF `inputs`; None for chat.
        messages: The chat messages; empty for every other task.
        parameters: By canonical name (`max_tokens`, not `max_new_tokens`).
        warnings: What was translated on the way in, for people.
    """

    inputs: Json = field(default=None, repr=False)
    messages: tuple[Mapping[str, Json], ...] = field(default=(), repr=False)
    parameters: Mapping[str, Json] = field(default_factory=dict, repr=False)
    warnings: tuple[str, ...] = ()
