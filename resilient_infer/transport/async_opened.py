"""Async opened: a streamed answer of which the head has come, read piece by piece."""

import asyncio
import zlib
from math import inf
from time import monotonic

from aiohttp import StreamReader

from resilient_infer.core.http import HttpResponse, TransportFault
from resilient_infer.transport.async_limit import EXPECTED, AsyncLimit
from resilient_infer.transport.async_pool import LoopPool
from resilient_infer.transport.async_wire import Wire
from resilient_infer.transport.body import GZIP_BITS, BodyCut, BodyGarbled, BodyTooLarge, window_bits
from resilient_infer.transport.faults import ended_fault
from resilient_infer.transport.receive import GRACE
from resilient_infer.transport.watchdog import Ending


class AsyncOpened:
    """An answer of status 200 whose body is still to come. One task reads at a time; any thread may close.

    Args:
        most: Bytes that are read at the most, counted before and after decoding.

    Attributes:
        head: Status and headers; its body is empty.
        ends_at: Monotonic moment at which the connection is broken off, even if nobody reads; heeded
            from the next read on.
    """

    def __init__(
        self,
        head: HttpResponse,
        wire: Wire,
        limit: AsyncLimit,
        pool: LoopPool,
        place: str,
        most: int,
    ) -> None:
        assert wire.content is not None
        self.head = head
        self.ends_at = inf
        self._wire = wire
        self._content: StreamReader = wire.content
        self._limit = limit
        self._pool = pool
        self._place = place
        self._most = most
        self._raw = self._decoded = 0
        self._coding = _Undone(head.headers.get("content-encoding", ""))
        self._fault: TransportFault | None = None
        self._over = False
        limit.awaited = self  # broken off when it ends, even if nobody reads

    async def read(self, until: float) -> bytes | TransportFault:
        """What comes next, as soon as it is there.

        Args:
            until: Monotonic moment. If nothing has come by then, the connection is broken off (`TIMEOUT`).

        Returns:
            b"" once the body has come to its end, as its framing has it. After that, and after a fault,
            always the same.
        """
        data = b""
        try:
            while not self._over and not data:
                raw = await self._next(min(until, self.ends_at))
                data = self._undone(raw)
                if not raw:
                    break
        except EXPECTED as error:
            self._fault = self._limit.fault(error, self._place)
        finally:
            if not data:  # over, or interrupted
                self.close()
            else:
                self._pool.watch.move(self._limit, self.ends_at)
        return self._fault or data

    async def finish(self) -> None:
        """Close, as nothing more is to be read; if the body ends within `GRACE`, the connection is kept."""
        if not self._over:
            await self.read(min(monotonic() + GRACE, self.ends_at))
        self.close()

    def close(self) -> None:
        """Break the answer off, unless its body has ended. A second time it changes nothing."""
        if self._over:
            return
        self._over = True
        if not self._content.at_eof() and self._fault is None:
            self._limit.ended = self._limit.ended or Ending.CLOSED
            self._fault = ended_fault(self._limit, self._place, self.head.status)
        loop = self._pool.loop
        try:
            here = asyncio.get_running_loop() is loop
        except RuntimeError:
            here = False
        if here or loop.is_closed():
            self._let_go()
        else:
            loop.call_soon_threadsafe(self._let_go)

    async def _next(self, until: float) -> bytes:
        """The next bytes as they were sent; b"" at the end of the body."""
        if until <= monotonic():  # though more may have come: the loop has been held up
            self._limit.expire()
            self._limit.check()
        content = self._content
        failure = content.exception()
        # aiohttp tells a failure before the bytes that came ahead of it, and the reason why the generation
        # ended may be among them.
        raw = content._read_nowait(-1)
        if raw:
            return raw
        self._limit.check()
        if failure is not None:
            raise failure
        if not content.is_eof():
            self._pool.watch.move(self._limit, until)
            raw = await content.readany()
        if not raw and not self.head.framed and self._limit.was_reset():
            raise ConnectionResetError
        return raw

    def _undone(self, raw: bytes) -> bytes:
        data = self._coding.undo(raw, self._most - self._decoded) if raw else self._coding.end()
        self._raw += len(raw)
        self._decoded += len(data)
        if max(self._raw, self._decoded) > self._most:
            raise BodyTooLarge(f"the answer is larger than {self._most} bytes")
        return data

    def _let_go(self) -> None:
        self._wire.close()
        self._pool.leave(self._limit)


class _Undone:
    """Undoes the compression of a stream piece by piece, as `body.undone` does."""

    def __init__(self, coding: str) -> None:
        coding = coding.strip().lower()
        self._plain = coding in ("", "identity")
        self._gzip = coding in ("gzip", "x-gzip")
        self._foreign = not (self._plain or self._gzip or coding == "deflate")
        self._start = b""  # too short yet to tell how it is compressed
        self._bits = GZIP_BITS if self._gzip else 0
        self._stream: zlib._Decompress | None = None
        self._members = 0
        self._over = False  # what follows is none of it

    def undo(self, raw: bytes, most: int) -> bytes:
        """What `raw` holds; of what is beyond `most` bytes, only the first."""
        if self._foreign:
            raise BodyGarbled("the answer uses a content coding that was not asked for")
        if self._plain:
            return raw
        if not self._bits:
            raw = self._start = self._start + raw
            if len(raw) < 2:
                return b""
            self._bits = window_bits(raw)
        self._start = b""
        return self._unpacked(raw, most)

    def end(self) -> bytes:
        """Nothing, if the compressed stream came to its end."""
        stream = self._stream
        if self._start or not (stream is None or stream.eof or self._over):
            raise BodyCut("the compressed answer stops before its end")
        return b""

    def _unpacked(self, raw: bytes, most: int) -> bytes:
        """What is packed in one gzip member or several; what is none behind them is let go."""
        data = b""
        while raw and len(data) <= most and not self._over:
            stream = self._stream
            if stream is None or (stream.eof and self._gzip):
                stream = self._stream = zlib.decompressobj(self._bits)
                self._members += 1
            try:
                data += stream.decompress(raw, most + 1 - len(data))
            except zlib.error as error:
                if self._members == 1:
                    raise BodyGarbled("the compression is broken") from error
                self._over = True
            raw = stream.unused_data if self._gzip else b""
        return data
