"""Streamed chats over real sockets, as the tests of the sync driver tell them."""

import json
from dataclasses import replace
from time import monotonic
from typing import Any

from resilient_infer.core.gates import Permit
from resilient_infer.core.payload import Payload
from resilient_infer.core.stream import Delta, Finished, Restarted
from resilient_infer.drivers.sleepers import Sleepers
from resilient_infer.drivers.sync_stream import Stream
from resilient_infer.plan.spec import CallSpec
from resilient_infer.transport.http_sync import HttpSync
from tests.scenarios.stage import Stage
from tests.transport.stories import Server, Story, drips, hangs, hold, read_request, resets, response, says

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
DONE = b"e\r\ndata: [DONE]\n\n\r\n"
END = b"0\r\n\r\n"
WORDS = ("Silver ", "rain ", "falls.")


def chunk(delta: dict[str, Any], reason: str | None = None) -> bytes:
    body = {
        "id": "c1",
        "object": "chat.completion.chunk",
        "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
    }
    line = b"data: " + json.dumps(body).encode() + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(line), line)


def told(*words: str) -> bytes:
    return chunk({"role": "assistant", "content": ""}) + b"".join(chunk({"content": word}) for word in words)


def answer(*words: str) -> bytes:
    """A whole streamed answer."""
    return HEAD + told(*words) + chunk({}, "stop") + DONE + END


class Interruption(BaseException):
    """As Ctrl-C is one."""


def interrupted(*_: Any) -> Any:
    raise Interruption


def repeats(*answers: bytes) -> Story:
    """Each request of a connection gets the next answer, the last one again and again."""

    def story(sock: Any, visit: int) -> None:
        for reply in answers:
            read_request(sock)
            sock.sendall(reply)
        while True:
            read_request(sock)
            sock.sendall(answers[-1])

    return story


def holds(start: bytes) -> Story:
    """Begins to answer, and says nothing more."""

    def story(sock: Any, visit: int) -> None:
        read_request(sock)
        sock.sendall(start)
        hold(sock)

    return story


BEGINS = HEAD + told("Silver ")
SILENT: dict[str, Story] = {
    "500": says(response(b"{}", status="500 Oh")),
    "reset": resets(),
    "reset after the head": resets(HEAD),
    "hang": hangs,
    "hang after the head": holds(HEAD),
    "pings": drips(HEAD, b"8\r\n: ping\n\n\r\n"),
    "in band": says(HEAD + b'1b\r\ndata: {"error": "no luck"}\n\n\r\n0\r\n\r\n'),
}
"""What comes before the first word where none comes."""


def stage_of(*names: str, **settings: Any) -> Stage:
    """One target with these routes; a gate lets one attempt through at a time."""
    kinds = dict.fromkeys(names, "openai")
    settings = {"concurrency": 1, "retries": 0, "task": "chat", "safe": True, "kinds": kinds} | settings
    return Stage(targets=(names,), **settings)


def spec_of(stage: Stage, stall: float = 15.0, restart: bool = True, **servers: Server) -> CallSpec:
    """A streamed call of the stage whose routes lead to these servers."""
    targets = []
    for target in stage.alias.targets:
        routes = []
        for each in target.routes:
            server = f"http://127.0.0.1:{servers[each.route.name].port}"
            route = replace(each.route, endpoint=replace(each.route.endpoint, url=f"{server}/v1"))
            identity = each.identity
            if identity is not None:
                identity = replace(identity, request=replace(identity.request, url=f"{server}/info"))
            routes.append(replace(each, route=route, identity=identity, stall_timeout=stall))
        targets.append(replace(target, routes=tuple(routes)))
    payload = Payload(messages=({"role": "user", "content": "Hi"},))
    alias = replace(stage.alias, targets=tuple(targets), restart=restart)
    return replace(stage.spec(), alias=alias, payload=payload, stream=True)


def stream_of(stage: Stage, client: HttpSync, sleepers: Sleepers | None = None, **settings: Any) -> Stream:
    return Stream(spec_of(stage, **settings), stage.env, client, sleepers or Sleepers())


def shown(events: list[Any]) -> list[str]:
    """The events in short: a text, "RESTARTED" or "FINISHED"."""
    names = {Restarted: "RESTARTED", Finished: "FINISHED"}
    return [event.text if isinstance(event, Delta) else names[type(event)] for event in events]


def free(stage: Stage, name: str = "a") -> bool:
    """Whether the only slot of a route is free."""
    gate = stage.route(name).gate
    permit = gate.ask(monotonic(), lease=1.0)  # now, when no lease has run out
    if isinstance(permit, Permit):
        gate.release(permit)
        return True
    if permit.ticket is not None:
        gate.leave(permit.ticket)
    return False
