"""Loads: calls that load a model, as sightings."""

import ast
from collections.abc import Callable, Iterator

from resilient_infer.lock.code.addresses import HOLE
from resilient_infer.lock.code.arguments import Invoked
from resilient_infer.lock.code.fold import Fold
from resilient_infer.lock.code.models import Named, ref_named, repo_named
from resilient_infer.lock.code.module import Module, Scope
from resilient_infer.lock.code.sighting import NotTold, Sighting, Spot
from resilient_infer.lock.code.signatures import LOADERS, OLD_NAMES, Signature, task_named

Known = Callable[[ast.Call, Scope], Invoked | None]
"""What a call is, if it has a name."""


def is_meant(call: Invoked, signature: Signature, module: Module) -> bool:
    """Whether a call of that name is the library's, and no other thing that is called the same."""
    if signature.method:
        return "." in call.name
    first = call.name.partition(".")[0]
    if signature.packages and call.given and first in signature.packages:
        return True
    if signature.packages:
        # A snippet that leaves its imports out, or takes all names of the package.
        return call.name == call.last and call.given and not module.imports.get(call.last)
    return call.last not in module.classes and (call.given or "." in call.name)


def loads(
    call: Invoked, module: Module, fold: Fold, known: Known, spot: Spot
) -> Iterator[Sighting | NotTold]:
    """What a call loads; nothing, if it is none that loads."""
    signature = LOADERS.get(call.last)
    if signature is None or not is_meant(call, signature, module) or _is_no_model(call, signature, fold):
        return
    tasks = tasks_of(call, signature, fold)
    found = list(_named(call, signature, fold, known, module))
    for named in found:
        if named.why:
            yield NotTold(spot=spot, how=call.shown, why=named.why)
        if named.model is None:
            continue
        for task in tasks:
            yield Sighting(spot=spot, how=call.shown, model=named.model, ref=named.ref, task=task)


def tasks_of(call: Invoked, signature: Signature, fold: Fold) -> list[str | None]:
    """The tasks that the call names; [None] if there is none of ours."""
    texts = fold.texts(call.argument(signature.task, signature.task_position), call.scope)
    if not texts:
        return [signature.means]
    return list(dict.fromkeys(task_named(text) for text in texts)) or [None]


def why_open(call: Invoked, argument: ast.expr | None) -> str:
    """Why the model of a call is not known."""
    match argument:
        case None if call.more:
            return "its arguments are unpacked from what is not written there"
        case None:
            return "no model is named, so the library chooses one, and may choose another tomorrow"
        case ast.Name(id=name):
            return f"{name} is no constant of this file"
        case ast.Attribute(attr=name):
            return f".{name} is no constant of this file"
    return "the model's name is computed"


def _is_no_model(call: Invoked, signature: Signature, fold: Fold) -> bool:
    if not signature.repo_types:
        return False
    kinds = fold.texts(call.argument(("repo_type",)), call.scope)
    return bool(kinds) and "model" not in kinds and HOLE not in "".join(kinds)


def _named(call: Invoked, signature: Signature, fold: Fold, known: Known, module: Module) -> Iterator[Named]:
    argument = _model_argument(call, signature)
    texts = [text for text in fold.texts(argument, call.scope) if HOLE not in text]
    if not texts and argument is not None:
        behind = list(_loaded_before(argument, call, fold, known, module))
        if behind:
            yield from behind
            return
    if not texts:
        yield Named(why=why_open(call, argument))
    revisions = fold.texts(call.argument(("revision",)), call.scope)
    for text in texts:
        named = repo_named(text, bare="" if text.lower() in OLD_NAMES else signature.bare)
        if named.model is None or not revisions:
            yield named
        else:
            yield from (ref_named(named.model, revision) for revision in revisions)


def _model_argument(call: Invoked, signature: Signature) -> ast.expr | None:
    # PeftModel.from_pretrained(base, adapter): the base is loaded already.
    is_adapter = call.last == "from_pretrained" and call.name.split(".")[-2:][0].startswith("PeftM")
    place = 1 if is_adapter and len(call.places) > 1 else signature.position
    return call.argument(signature.model, place)


def _loaded_before(
    argument: ast.expr, call: Invoked, fold: Fold, known: Known, module: Module
) -> Iterator[Named]:
    """`pipeline(…, model=model)`, where `model` was loaded by a call of its own."""
    for each, scope in fold.expressions(argument, call.scope):
        inner = known(each, scope) if isinstance(each, ast.Call) and each is not call.node else None
        signature = None if inner is None else LOADERS.get(inner.last)
        if inner is None or signature is None or not signature.method:
            continue
        for named in _named(inner, signature, fold, lambda *_: None, module):
            if named.model is not None:
                yield Named(model=named.model, ref=named.ref)
