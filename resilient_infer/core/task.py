"""Task: what kind of question a model answers, and how patient one is with it.

The defaults are those of the key table in `lock/keys.py` (deadline,
attempt_timeout, safe): a classifier answers in a second, a long generation
takes a minute, and only an answer that changes nothing may be asked for twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
"""A JSON value as `json.loads` gives it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task of the Hub, for example "text-classification".

    Attributes:
        name: The Hub's `pipeline_tag`, or "chat".
        file: The input is a file (an image or sound), not text.
        safe: May be sent again after a failure that leaves open whether it ran.
        deadline: Default length of a whole call, seconds.
        attempt_timeout: Default length of one attempt, seconds.
    """

    name: str
    safe: bool
    deadline: float
    attempt_timeout: float
    file: bool = False


def _quick(name: str, *, file: bool = False) -> Task:
    return Task(name=name, safe=True, deadline=30.0, attempt_timeout=10.0, file=file)


def _long(name: str, *, file: bool = False) -> Task:
    return Task(name=name, safe=False, deadline=120.0, attempt_timeout=60.0, file=file)


TASKS: Final[Mapping[str, Task]] = {
    task.name: task
    for task in (
        _quick("text-classification"),
        _quick("zero-shot-classification"),
        _quick("token-classification"),
        _quick("question-answering"),
        _quick("fill-mask"),
        _quick("feature-extraction"),
        _quick("sentence-similarity"),
        _quick("text-ranking"),
        _long("summarization"),
        _long("translation"),
        _long("text-generation"),
        _long("chat"),
        _quick("image-classification", file=True),
        _quick("object-detection", file=True),
        _long("image-to-text", file=True),
        _quick("audio-classification", file=True),
        _long("automatic-speech-recognition", file=True),
    )
}
