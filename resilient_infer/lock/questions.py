"""Questions: what `lock` has to ask the Hub, each thing once, however many aliases ask for it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from resilient_infer.lock.answers import Hub, HubFault
from resilient_infer.lock.bounded import gather
from resilient_infer.lock.findings import Said
from resilient_infer.lock.locked import LockedModel, LockEntry
from resilient_infer.lock.reference import is_commit
from resilient_infer.lock.refusals import other_repo, refusal
from resilient_infer.lock.resolve import Resolved, resolve
from resilient_infer.lock.tied import Name

JOBS: Final = 32
"""Questions under way at a time; more gain nothing (1,000 HEADs at 50 ms took 1.9 s with 32 threads)."""


@dataclass(frozen=True, slots=True)
class Question:
    """One model to ask about. `revision` is the commit to complete a pin at; None: wherever the ref is."""

    model: str
    requested: str
    revision: str | None


def question_of(name: Name, held: LockedModel | None, to: str | None) -> LockedModel | Question:
    """The pin that is held already, if it still holds and is whole; else what must be asked.

    Args:
        to: The commit that it is to be locked to, whatever is held; None: no other one.
    """
    if to is not None:
        return Question(*name, to)
    if held is None or not _holds(held):
        return Question(*name, None)
    if None in (held.check, held.files, held.weights, held.access):
        # Written by hand, or touched since: a survey takes a wrong check away.
        return Question(*name, held.revision)
    return held


def _holds(pin: LockedModel) -> bool:
    """Whether it names a commit, and no other one than was asked for."""
    return is_commit(pin.revision) and (not is_commit(pin.requested) or pin.requested == pin.revision)


class Asked:
    """The answers so far.

    Args:
        entries: The old lock's: what they know of a model's identity is compared with what answers.
        progress: Told how many models of how many are done.
    """

    def __init__(self, hub: Hub, entries: Iterable[LockEntry], progress: Callable[[int, int], None]) -> None:
        self._hub = hub
        self._known = _known_ids(entries)
        self._progress = progress
        self._answers: dict[Question, Resolved | Said] = {}

    def __getitem__(self, question: Question) -> Resolved | Said:
        return self._answers[question]

    def ask(self, questions: Iterable[Question]) -> None:
        """Get the answers that are not there yet."""
        new = [each for each in dict.fromkeys(questions) if each not in self._answers]
        before, total = len(self._answers), len(self._answers) + len(new)
        asks = [partial(self._ask, each) for each in new]
        answers = gather(asks, jobs=JOBS, progress=lambda done: self._progress(before + done, total))
        self._answers.update(zip(new, answers, strict=True))

    def _ask(self, question: Question) -> Resolved | Said:
        answer = resolve(self._hub, question.model, question.requested, revision=question.revision)
        if isinstance(answer, HubFault):
            return refusal(question.model, question.requested, question.revision, answer)
        known, hub_id = self._known.get(question.model, frozenset()), answer.pin.hub_id
        if hub_id is None or not known or hub_id in known:
            return answer
        return other_repo(question.model, " and ".join(sorted(known)), hub_id)


def _known_ids(entries: Iterable[LockEntry]) -> Mapping[str, frozenset[str]]:
    """The Hub's own identity of each model, as the old lock has it."""
    known: dict[str, frozenset[str]] = {}
    for entry in entries:
        for pin in entry.models:
            if pin.hub_id is not None:
                known[pin.model] = known.get(pin.model, frozenset()) | {pin.hub_id}
    return known
