"""Asked: what a client is called for, as sightings: the model, the task, the server and its key."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from resilient_infer.core.secret import looks_like_secret
from resilient_infer.core.task import TASKS
from resilient_infer.lock.code.addresses import HOLE, Address, addresses_in
from resilient_infer.lock.code.arguments import Invoked
from resilient_infer.lock.code.clients import Client, Use
from resilient_infer.lock.code.fold import Fold
from resilient_infer.lock.code.loads import tasks_of, why_open
from resilient_infer.lock.code.models import repo_named
from resilient_infer.lock.code.names import Names
from resilient_infer.lock.code.router import routed
from resilient_infer.lock.code.sighting import NotTold, Server, Sighting, Spot
from resilient_infer.lock.code.signatures import CLIENTS, SPEAKERS
from resilient_infer.lock.code.variables import variable_of
from resilient_infer.lock.rules import SERVED_NAME, VARIABLE
from resilient_infer.lock.url import parse_url

KEYS: Final = ("token", "api_key", "use_auth_token", "huggingfacehub_api_token", "openai_api_key", "hf_token")
"""Keywords by which calls take a key."""

_BASES: Final = ("base_url", "openai_api_base", "api_base")
_UNNAMED: Final = "no model is named, so the service chooses one, and may choose another tomorrow"

Seen = Iterator[Sighting | NotTold]


@dataclass(frozen=True, slots=True)
class _Use:
    """One use of a client, with where it stands and what it is asked through."""

    use: Use
    spot: Spot
    key_env: str | None
    provider: str | None = None

    @property
    def how(self) -> str:
        """What is called."""
        return self.use.how

    def not_told(self, why: str) -> NotTold:
        """That the model of this use is not known."""
        return NotTold(spot=self.spot, how=self.how, why=why)


class Asked:
    """Reads the clients of one file.

    Attributes:
        addresses: Those that clients were given: what they reach is told already.
    """

    def __init__(self, fold: Fold, names: Names) -> None:
        self.addresses: set[str] = set()
        self._fold = fold
        self._names = names

    def key_of(self, call: Invoked | None) -> str | None:
        """The variable that a call is given its key from."""
        if call is None:
            return None
        name = variable_of(call.argument(KEYS), call.scope, self._names)
        return name if name is not None and is_variable(name) else None

    def of(self, client: Client, spots: Mapping[int, Spot]) -> Seen:
        """What the client is asked for; itself, if it is called for nothing in this file.

        Args:
            spots: Where calls stand, by their nodes' ids.
        """
        made, key = client.made, self.key_of(client.made)
        uses = client.uses
        if not uses and made is not None:
            tasks: list[str | None] = [None]
            if client.hub:
                tasks = tasks_of(made, CLIENTS[made.last], self._fold)
            elif SPEAKERS[made.last] is not None:
                tasks = [SPEAKERS[made.last]]
            uses = [Use(call=made, task=task) for task in tasks]
        provider = self._constant(made, ("provider",))
        for use in uses:
            one = _Use(use, spots[id(use.call.node)], key, provider)
            yield from self._hub(one, client) if client.hub else self._speaker(one, client)

    def _constant(self, call: Invoked | None, words: tuple[str, ...]) -> str | None:
        texts = () if call is None else self._fold.texts(call.argument(words), call.scope)
        return texts[0] if len(texts) == 1 and HOLE not in texts[0] else None

    def _hub(self, one: _Use, client: Client) -> Seen:
        made, call = client.made, one.use.call
        assert made is not None  # only the module `openai` is made by no call
        signature = CLIENTS[made.last]
        argument = call.argument(("model",)) if call is not made else None
        where = call
        if argument is None:
            argument, where = made.argument(signature.model, signature.position), made
        texts = [text for text in self._fold.texts(argument, where.scope) if HOLE not in text]
        if not texts:
            yield from self._unwritten(one, where, argument)
        for text in texts:
            yield from self._at_hub(one, text)

    def _unwritten(self, one: _Use, where: Invoked, argument: object) -> Seen:
        variable = variable_of(where.argument(("base_url",)), where.scope, self._names)
        if variable is not None and is_variable(variable):
            server = Server(kind=_kind_for(one.use.task), url_env=variable, key_env=one.key_env)
            yield from self._at_server(one, server)
        elif argument is None and not where.more:
            yield one.not_told(_UNNAMED)
        else:
            yield one.not_told(why_open(where, where.argument(("model", "base_url", "repo_id"), 0)))

    def _at_hub(self, one: _Use, text: str) -> Seen:
        """A text given to the Hub's client: a repo, or any server's address."""
        if "://" in text:
            yield from self._at_address(one, text)
        elif one.use.task == "chat" and one.provider not in (None, "hf-inference"):
            yield from routed(f"{text}:{one.provider}", spot=one.spot, how=one.how, key_env=one.key_env)
        elif one.use.task == "chat" and one.provider is None:
            yield from routed(text, spot=one.spot, how=one.how, key_env=one.key_env)
        else:
            named = repo_named(text)
            if named.model is None:
                yield one.not_told(named.why)
                return
            hosted = one.provider in (None, "auto", "hf-inference")
            server = Server(kind="hf-inference", key_env=one.key_env) if hosted else None
            yield Sighting(spot=one.spot, how=one.how, model=named.model, task=one.use.task, server=server)

    def _at_address(self, one: _Use, text: str) -> Seen:
        self.addresses.add(text)
        address = next(addresses_in(text), None)
        if address is not None and address.found is not None:
            found = address.found
            server = Server(kind="hf-inference", key_env=one.key_env)
            task = one.use.task or address.task
            yield Sighting(
                spot=one.spot, how=one.how, model=found.model, ref=found.ref, task=task, server=server
            )
        elif (server_there := _server(text, address, one)) is None:
            yield one.not_told("the address it is given cannot be used as a server's")
        elif server_there.kind == "hf-router":
            yield one.not_told("the router is asked, and for which model is not written there")
        else:
            yield from self._at_server(one, server_there)

    def _at_server(self, one: _Use, server: Server) -> Seen:
        """A server of one's own: what it serves is not in the code."""
        if one.use.task is None or one.use.task not in TASKS:
            yield one.not_told("the address does not say which model is served there, nor the code for what")
            return
        yield Sighting(spot=one.spot, how=one.how, model=None, task=one.use.task, server=server)

    def _speaker(self, one: _Use, client: Client) -> Seen:
        """A client of OpenAI's protocol."""
        call, made = one.use.call, client.made
        base = None if made is None else made.argument(_BASES)
        server: Server | None = Server(kind="openai", key_env=one.key_env)
        if made is not None and base is not None:
            server = self._spoken_to(one, made)
        if server is None:
            yield one.not_told("which server is asked is not written there")
            return
        argument = call.argument(("model", "model_name", "engine"))
        texts = [text for text in self._fold.texts(argument, call.scope) if HOLE not in text]
        if not texts and (call is not made or argument is not None):
            yield one.not_told(why_open(call, argument))
        for text in texts:
            yield from _spoken(one, server, text)

    def _spoken_to(self, one: _Use, made: Invoked) -> Server | None:
        base = made.argument(_BASES)
        texts = [text for text in self._fold.texts(base, made.scope) if HOLE not in text]
        self.addresses.update(texts)
        if len(texts) > 1:
            return None  # one of them, and nobody knows which
        if texts:
            return _server(texts[0], next(addresses_in(texts[0]), None), one, spoken=True)
        variable = variable_of(base, made.scope, self._names)
        if variable is None or not is_variable(variable):
            return None
        return Server(kind="openai", url_env=variable, key_env=one.key_env)


def is_variable(name: str) -> bool:
    """Whether a manifest may name this variable."""
    return re.fullmatch(VARIABLE.pattern, name) is not None and not looks_like_secret(name)


def _server(text: str, address: Address | None, one: _Use, *, spoken: bool = False) -> Server | None:
    """The server at an address; None: it is none that a manifest may name."""
    if address is not None and address.server is not None:
        found = address.server
        kind = "openai" if spoken and found.kind == "hf-endpoint" else found.kind
        if spoken and found.kind == "hf-router" and not address.asks:
            return None
        if kind not in ("hf-router", "hf-inference"):
            return Server(kind=kind, url=found.url, key_env=one.key_env)
        return Server(kind="hf-router", key_env=one.key_env)
    try:
        url = parse_url(text)
    except ValueError:
        return None
    if looks_like_secret(url):
        return None
    return Server(kind="openai" if spoken else _kind_for(one.use.task), url=url, key_env=one.key_env)


def _kind_for(task: str | None) -> str:
    """The server that a task of huggingface_hub's client is usually asked of, off the Hub."""
    if task in ("chat", "text-generation"):
        return "tgi"
    return "tei" if task in ("feature-extraction", "text-ranking") else "hf-endpoint"


def _spoken(one: _Use, server: Server, text: str) -> Seen:
    if server.kind == "hf-router":
        yield from routed(text, spot=one.spot, how=one.how, key_env=one.key_env)
    elif looks_like_secret(text) or not re.fullmatch(SERVED_NAME.pattern, text):
        yield one.not_told("what stands for the model is no name of one")
    else:
        named = repo_named(text) if _is_own(server) and "/" in text else None
        model = None if named is None else named.model
        yield Sighting(
            spot=one.spot,
            how=one.how,
            model=model,
            task=one.use.task,
            server=server,
            name=None if model == text else text,
        )


def _is_own(server: Server) -> bool:
    """A server on this machine or network names its models as the Hub does; services have their own names."""
    host = (server.url or "").partition("://")[2].partition("/")[0].partition(":")[0]
    return bool(host) and (host in ("localhost", "0.0.0.0") or "." not in host or host[:1].isdecimal())
