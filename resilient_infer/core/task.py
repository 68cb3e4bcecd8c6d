"""Task: what kind of question a model answers, and how patient one is with it.

The defaults are those of the key table in `lock/keys.py` (deadline,
attempt_timeout, safe): a classifier answers in a second, a long generation
takes a minute, and only an answer that changes nothing may be asked for twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
"""A JSON value as `json.loads` gives it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task of the Hub, for example "text-classification".

    Attributes:
        name: The Hub's `pipeline_tag`, or "chat".
        safe: May be sent again after a failure that leaves open whether it ran.
        deadline: Default length of a whole call, seconds.
        attempt_timeout: Default length of one attempt, seconds.
    """

    name: str
    safe: bool
    deadline: float
    attempt_timeout: float


TASKS: Mapping[str, Task] = {
    task.name: task
    for task in (
        Task(name="text-classification", safe=True, deadline=30.0, attempt_timeout=10.0),
        Task(name="zero-shot-classification", safe=True, deadline=30.0, attempt_timeout=10.0),
        Task(name="feature-extraction", safe=True, deadline=30.0, attempt_timeout=10.0),
        Task(name="text-generation", safe=False, deadline=120.0, attempt_timeout=60.0),
        Task(name="chat", safe=False, deadline=120.0, attempt_timeout=60.0),
    )
}
