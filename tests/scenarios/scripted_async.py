"""The async side of a scripted transport: coroutines that are driven by hand, and nothing really waits."""

from collections.abc import Callable, Coroutine, Generator, Sequence
from typing import Protocol, TypeVar

from resilient_infer.core.http import HttpRequest, HttpResponse, Reception, TransportFault
from resilient_infer.drivers.aio import AsyncSleepers
from resilient_infer.drivers.sleepers import Bell

T = TypeVar("T")


class Turn:
    """What a coroutine awaits that would wait for a socket: whoever drives it may throw there."""

    def __await__(self) -> Generator[None, None, None]:
        yield


def by_hand(
    coroutine: Coroutine[object, object, T], *, turns: int | None = None, throws: BaseException | None = None
) -> T:
    """What a coroutine comes to; after so many turns, `throws` is thrown into it."""
    taken = 0
    try:
        while True:
            if throws is not None and taken == turns:
                coroutine.throw(throws)
            else:
                coroutine.send(None)
            taken += 1
    except StopIteration as done:
        value: T = done.value
        return value
    finally:
        coroutine.close()


class World(Protocol):
    """The scripted transport of the sync driver: it answers at once, and moves the clock."""

    now: float

    def send(self, request: HttpRequest, *, timeout: float, fresh: bool) -> Reception: ...

    def sleep(self, seconds: float, bells: tuple[Bell, ...] = ()) -> None: ...


class Opened(Protocol):
    """A scripted answer that streams."""

    head: HttpResponse
    closed: bool

    def read(self, until: float) -> bytes | TransportFault: ...

    def close(self) -> None: ...


class ScriptedAsync(AsyncSleepers):
    """Transport and sleepers in one, over a scripted world."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    async def send(
        self, request: HttpRequest, *, timeout: float, fresh: bool, notify: object = None
    ) -> Reception:
        await Turn()
        return self._world.send(request, timeout=timeout, fresh=fresh)

    async def open(
        self,
        request: HttpRequest,
        *,
        timeout: float,
        fresh: bool,
        notify: Callable[[Callable[[], None]], None],
    ) -> "ScriptedAsyncOpened | Reception":
        await Turn()
        opened = self._world.open(request, timeout=timeout, fresh=fresh, notify=notify)  # type: ignore[attr-defined]  # a world that streams
        return opened if isinstance(opened, HttpResponse | TransportFault) else ScriptedAsyncOpened(opened)

    async def sleep(self, seconds: float, bells: Sequence[Bell] = ()) -> None:
        await Turn()
        self._world.sleep(seconds, tuple(bells))


class ScriptedAsyncOpened:
    """The same answer, awaited."""

    ends_at = 0.0

    def __init__(self, opened: Opened) -> None:
        self.head = opened.head
        self._opened = opened

    async def read(self, until: float) -> bytes | TransportFault:
        await Turn()
        return self._opened.read(until)

    async def finish(self) -> None:
        await Turn()

    def close(self) -> None:
        self._opened.close()
