"""Either transport, asked in one and the same way, so that a story is told once."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from resilient_infer.core.http import HttpRequest, HttpResponse, Reception, TransportFault
from resilient_infer.transport.async_opened import AsyncOpened
from resilient_infer.transport.http_async import HttpAsync
from resilient_infer.transport.http_sync import HttpSync
from resilient_infer.transport.receive import Opened

T = TypeVar("T")


class OnLoop:
    """The async transport on a loop that runs in a thread of its own; asked from others, who wait."""

    def __init__(self, loop: asyncio.AbstractEventLoop, **settings: Any) -> None:
        self.loop = loop
        self._client = HttpAsync(**settings)
        self._thread = threading.Thread(target=loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    def send(self, request: HttpRequest, *, timeout: float, fresh: bool = False) -> Reception:
        return self.run(self._client.send(request, timeout=timeout, fresh=fresh))

    def open(
        self,
        request: HttpRequest,
        *,
        timeout: float,
        fresh: bool = False,
        notify: Callable[[Callable[[], None]], None] = lambda wake: None,
    ) -> "OpenedOnLoop | Reception":
        opened = self.run(self._client.open(request, timeout=timeout, fresh=fresh, notify=notify))
        return opened if isinstance(opened, HttpResponse | TransportFault) else OpenedOnLoop(self, opened)

    def close(self, cancel: bool = False) -> None:
        self.run(self._client.close(cancel=cancel))

    def end(self) -> None:
        """Close the client and the loop, in which nothing may be left running."""
        self.close(cancel=True)
        self.run(_alone())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()


async def _alone() -> None:
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


class OpenedOnLoop:
    """The async `Opened`, read from another thread, which waits."""

    def __init__(self, client: OnLoop, opened: AsyncOpened) -> None:
        self._client = client
        self._opened = opened
        self.head = opened.head

    @property
    def ends_at(self) -> float:
        return self._opened.ends_at

    @ends_at.setter
    def ends_at(self, moment: float) -> None:
        self._opened.ends_at = moment

    def read(self, until: float) -> bytes | TransportFault:
        return self._client.run(self._opened.read(until))

    def finish(self) -> None:
        self._client.run(self._opened.finish())

    def close(self) -> None:
        self._opened.close()


Either = HttpSync | OnLoop
EitherOpened = Opened | OpenedOnLoop
MakeEither = Callable[..., Either]
