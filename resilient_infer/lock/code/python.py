"""Python: what a program in Python uses, read through its syntax tree."""

import ast
from collections.abc import Callable, Iterator
from typing import Final

from resilient_infer.lock.code.addresses import HOLE, addresses_in
from resilient_infer.lock.code.apart import take_apart
from resilient_infer.lock.code.arguments import Invoked, invoked
from resilient_infer.lock.code.asked import Asked, is_variable
from resilient_infer.lock.code.clients import CALLED, clients_in
from resilient_infer.lock.code.elsewhere import Imported, nowhere
from resilient_infer.lock.code.fold import Fold, text_of
from resilient_infer.lock.code.loads import loads
from resilient_infer.lock.code.module import Module, Scope
from resilient_infer.lock.code.names import Names
from resilient_infer.lock.code.sighting import NotTold, Reading, Server, Sighting, Spot
from resilient_infer.lock.code.signatures import CLIENTS, LOADERS, SPEAKERS
from resilient_infer.lock.code.text import asked_by_request, by_address
from resilient_infer.lock.code.tokens import holds_token, may_hold_token
from resilient_infer.lock.code.variables import variable_of

Locate = Callable[[int], Spot]
"""Where a line of what is read stands for people."""

_WORDS: Final = ("huggingface", "hf.co/", "ChatCompletion", *LOADERS, *CLIENTS, *SPEAKERS)

_ADDRESS_WORDS: Final = ("huggingface", "hf.co")

_LOGIN: Final = "login"

_CALLED: Final = frozenset({*LOADERS, *CALLED, _LOGIN, "partial"})
"""The last parts of the names of calls that say anything; most calls are not looked at any further."""

_BODY: Final = frozenset({"messages", "prompt", "input", "inputs"})
"""Keys of a request's body that stand beside `model`."""


def may_use(source: str) -> bool:
    """Whether a program may hold anything of interest: to look for a word takes no time, to parse does."""
    return any(word in source for word in _WORDS) or may_hold_token(source)


def read_python(tree: ast.Module, source: str, locate: Locate, imported: Imported = nowhere) -> Reading:
    """What a program uses.

    Args:
        source: Its text, for what is written in comments.
        imported: What names stand for that it imports from files beside it.
    """
    module = take_apart(tree)
    return _Python(module, locate, imported).reading(source)


class _Python:
    """Reads one module."""

    def __init__(self, module: Module, locate: Locate, imported: Imported) -> None:
        self._module = module
        self._locate = locate
        self._names = Names(module, imported)
        self._fold = Fold(self._names)
        self._asked = Asked(self._fold, self._names)
        self._known: dict[int, Invoked | None] = {}

    def reading(self, source: str) -> Reading:
        """All there is."""
        reading = Reading()
        named = self._module.called
        known = [
            self._invoked(call, scope)
            for call, scope in self._module.calls
            if not _CALLED.isdisjoint(named(call.func))
        ]
        calls = sorted((call for call in known if call is not None), key=lambda call: _place(call.node))
        for call in calls:
            _put(reading, loads(call, self._module, self._fold, self._invoked, self._spot(call.node)))
        clients, lost = clients_in(calls, self._module, self._fold)
        spots = {id(call.node): self._spot(call.node) for call in calls}
        for client in clients:
            _put(reading, self._asked.of(client, spots))
        why = "which server is asked is not written in this file"
        reading.not_told += [NotTold(spot=spots[id(use.call.node)], how=use.how, why=why) for use in lost]
        texts = self._texts(put_together=any(word in source for word in _ADDRESS_WORDS))
        _put(reading, self._by_address(texts))
        reading.keys += self._keys(calls, reading)
        lines = {line for line, text in texts if holds_token(text)}
        reading.tokens += [self._locate(line) for line in sorted(lines | set(_commented(source)))]
        return reading

    def _invoked(self, call: ast.Call, scope: Scope) -> Invoked | None:
        if id(call) not in self._known:
            self._known[id(call)] = invoked(call, scope, self._module, self._names, self._fold)
        return self._known[id(call)]

    def _spot(self, node: ast.expr) -> Spot:
        return self._locate(node.lineno)

    def _texts(self, *, put_together: bool) -> list[tuple[int, str]]:
        """Every text with its line; a text in pieces is whole, with holes where it is not written."""
        found: list[tuple[int, str]] = []
        for node, scope in self._module.texts:
            if isinstance(node, ast.Constant):
                found.append((node.lineno, str(node.value)))
            elif put_together or isinstance(node, ast.JoinedStr):
                found += [(node.lineno, text) for text in self._fold.texts(node, scope)]
        return sorted(found)

    def _by_address(self, texts: list[tuple[int, str]]) -> Iterator[Sighting | NotTold]:
        found = [
            (line, address)
            for line, text in texts
            if "://" in text and text not in self._asked.addresses
            for address in addresses_in(text)
        ]
        asks = [address for _, address in found if address.asks]
        models = list(self._models_in_requests()) if asks else []
        put_together = any(not address.bare and _is_hosted(address.server) for _, address in found)
        for line, address in found:
            if not (address.asks and models) and not (address.bare and put_together):
                yield by_address(address, self._locate(line))
        for line, model in models:
            yield from asked_by_request(asks[0], model, self._locate(line))

    def _models_in_requests(self) -> Iterator[tuple[int, str]]:
        """The models that request bodies name: mappings with `model` beside `messages`."""
        for node, scope in self._module.dicts:
            items = {text_of(key): value for key, value in zip(node.keys, node.values, strict=True)}
            if "model" in items and _BODY & set(items):
                texts = self._fold.texts(items["model"], scope)
                yield from ((node.lineno, text) for text in texts if HOLE not in text)

    def _keys(self, calls: list[Invoked], reading: Reading) -> Iterator[tuple[str, Spot]]:
        """The variables from which keys of the Hub are read."""
        for call in calls:
            is_login = call.last == _LOGIN and call.name.startswith("huggingface_hub.")
            if call.last in LOADERS or call.last in CLIENTS or is_login:
                name = self._asked.key_of(call)
                if name is None and is_login and call.places:
                    name = variable_of(call.places[0], call.scope, self._names)
                if name is not None and is_variable(name):
                    yield name, self._spot(call.node)
        if any(_is_hosted(sighting.server) for sighting in reading.sightings):
            yield from self._keys_in_headers()

    def _keys_in_headers(self) -> Iterator[tuple[str, Spot]]:
        """`{"Authorization": f"Bearer {…}"}`."""
        for node, scope in self._module.dicts:
            pairs = zip(node.keys, node.values, strict=True)
            for value in [value for key, value in pairs if (text_of(key) or "").lower() == "authorization"]:
                name = variable_of(value, scope, self._names)
                if name is not None and is_variable(name):
                    yield name, self._spot(value)


def _is_hosted(server: Server | None) -> bool:
    return server is not None and server.kind.startswith("hf-")


def _put(reading: Reading, seen: Iterator[Sighting | NotTold]) -> None:
    for each in seen:
        if isinstance(each, Sighting):
            reading.sightings.append(each)
        else:
            reading.not_told.append(each)


def _place(node: ast.expr) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _commented(source: str) -> Iterator[int]:
    """Lines with a token behind a `#`."""
    if not may_hold_token(source):
        return
    for number, line in enumerate(source.splitlines(), 1):
        comment = line.partition("#")[2]
        if holds_token(comment):
            yield number
