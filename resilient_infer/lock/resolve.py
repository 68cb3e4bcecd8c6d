"""Resolve: a model and a ref become a pin, told by the Hub in at most a dozen questions.

Nothing is pinned that cannot be downloaded: after a force-push the API may go
on naming a commit whose files are gone (huggingface_hub#3406), so the commit is
confirmed where downloads come from.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from resilient_infer.core.outcome import Failure, FailureKind
from resilient_infer.lock.answers import Hub, HubFault, HubFaultKind, HubHead, HubModel
from resilient_infer.lock.configs import TOKENIZER
from resilient_infer.lock.contract import choose_task, contract_of, has_chat_template, inherited
from resilient_infer.lock.files import files_digest
from resilient_infer.lock.loaded import as_note, runs_code
from resilient_infer.lock.locked import LockedModel
from resilient_infer.lock.needs import needs_of, own_code
from resilient_infer.lock.read_configs import read_configs
from resilient_infer.lock.recordable import is_word
from resilient_infer.lock.reference import is_commit, stands_for
from resilient_infer.lock.weights import largest, weights_of

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}|git:[0-9a-f]{40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A pin, and what else the Hub said.

    Attributes:
        pin: Without `check`, which the writer computes.
        task: The repo's task; None: unknown.
        reason: Why it is taken for that.
        notes: What people should know, one sentence each.
        contents: Of its small files, by path.
    """

    pin: LockedModel
    task: str | None
    reason: str
    notes: tuple[str, ...] = ()
    contents: Mapping[str, bytes] = field(default_factory=dict, repr=False)


def resolve(hub: Hub, model: str, requested: str, *, revision: str | None = None) -> Resolved | HubFault:
    """What `model` at `requested` is now, confirmed; a fault if that is not clear.

    Args:
        requested: Branch, tag or full commit.
        revision: The commit that was locked before: what is there is told, and no other commit.
    """
    told = hub.model(model, revision or requested)
    if isinstance(told, HubFault):
        return told
    asked = revision or (requested if is_commit(requested) else None)
    fault = _fault_of(told, model, asked) or _unconfirmed(hub, model, told, asked or requested)
    if fault is not None:
        return fault
    contents = read_configs(hub, model, told)
    if isinstance(contents, HubFault):
        return contents
    paths = frozenset(file.path for file in told.files)
    chosen = choose_task(told.task, paths, chat_template=told.chat_template or has_chat_template(contents))
    pin = LockedModel(
        model=model,
        requested=requested,
        revision=told.commit,
        hub_id=told.hub_id if told.hub_id is not None and is_word(told.hub_id) else None,
        access=told.access,
        license=told.license if told.license is not None and is_word(told.license) else None,
        contract=contract_of(chosen.task, contents),
        needs=needs_of(model, contents),
        weights=weights_of(told.files),
        files=files_digest(told.files),
    )
    code = runs_code(model, own_code(model, paths, contents))
    return Resolved(
        pin=pin,
        task=chosen.task,
        reason=chosen.reason,
        notes=(*_notes(model, requested, told), *map(as_note, code)),
        contents=contents,
    )


def adapted(adapter: Resolved, base: Resolved) -> Resolved:
    """An adapter together with its base: what it does not say itself, its base says.

    An adapter without a tokenizer has the base's, and so its chat template.
    """
    task, reason = adapter.task, adapter.reason
    speaks = TOKENIZER not in adapter.contents and base.task == "chat"
    if task is None or (task == "text-generation" and speaks):
        task, reason = base.task, f"its base, {base.pin.model}: {base.reason}"
    own = contract_of(task, adapter.contents)
    pin = replace(adapter.pin, contract=inherited(task, own, base.contents))
    contents = {**base.contents, **adapter.contents}
    return replace(adapter, pin=pin, task=task, reason=reason, contents=contents)


def _fault_of(told: HubModel, model: str, asked: str | None) -> HubFault | None:
    """What makes an answer of the API unfit to be locked."""
    if told.disabled:
        return _fault(HubFaultKind.DISABLED, FailureKind.FORBIDDEN, f"{model} is disabled")
    if not is_commit(told.commit):
        return _malformed(f"the Hub names no full commit for {model}")
    if asked is not None and told.commit != asked:
        return _malformed(f"the Hub answers for commit {told.commit[:12]}, not for {asked[:12]}")
    if not told.files:
        return _malformed(f"the Hub lists no files of {model}")
    if not all(_DIGEST.fullmatch(file.digest) for file in told.files):
        return _malformed(f"the Hub lists files of {model} without their digests")
    return None


def _unconfirmed(hub: Hub, model: str, told: HubModel, asked: str) -> HubFault | None:
    """A fault unless the commit is there where downloads come from, with the content that the API lists."""
    file = largest(told.files)
    seen = hub.head(model, told.commit, file.path)
    if isinstance(seen, HubFault):
        dead = asked != told.commit and _is_dead(hub, model, told.commit, asked, file.path, seen)
        return _dead(told.commit, asked) if dead else seen
    if seen.commit != told.commit:
        return _malformed(f"the Hub sends {file.path} of commit {seen.commit[:12]}, not {told.commit[:12]}")
    if seen.file.digest != file.digest:
        return _malformed(f"the Hub sends another {file.path} than it lists at {told.commit[:12]}")
    return None


def _is_dead(hub: Hub, model: str, commit: str, asked: str, path: str, seen: HubFault) -> bool:
    """Whether the branch has left the commit that the API still takes it for."""
    if seen.kind is HubFaultKind.FILE_GONE:
        now = hub.head(model, asked, path)
        return isinstance(now, HubHead) and now.commit != commit
    return seen.kind is HubFaultKind.REVISION_GONE


def _dead(commit: str, asked: str) -> HubFault:
    return _malformed(
        f"the Hub still names commit {commit[:12]} for {asked}, but it is gone: "
        "the branch was moved by force; ask again in some minutes"
    )


def _notes(model: str, requested: str, told: HubModel) -> Iterator[str]:
    if told.id != model:
        advice = "the old name can be taken by others; write the new one where the old one stands"
        yield f"RI203: {model} is now called {told.id}; {advice}"
    if requested != told.commit and stands_for(requested, told.commit):
        yield f"{requested} is short for commit {told.commit}, which no branch moves"


def _malformed(reason: str) -> HubFault:
    return _fault(HubFaultKind.UNTOLD, FailureKind.MALFORMED, reason)


def _fault(kind: HubFaultKind, failure: FailureKind, reason: str) -> HubFault:
    return HubFault(kind=kind, failure=Failure(kind=failure, reason=reason))
