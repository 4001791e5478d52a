"""Holding an answer back until there is something to say, the peer hangs up, or the time is over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from starlette.requests import Request

from connector.hub.bells import Bells

T = TypeVar("T")


async def held(
    request: Request,
    bells: Bells,
    name: str,
    seconds: float,
    look: Callable[[], Awaitable[T]],
    settled: Callable[[T], bool],
) -> T:
    """The first thing that ``look`` sees and ``settled`` accepts, else the last that it saw.

    It looks again each time the bell ``name`` rings. The request's body must have been read.
    """
    loop = asyncio.get_running_loop()
    ends = loop.time() + seconds
    with bells.listen(name) as bell:
        gone = asyncio.ensure_future(_hang_up(request))
        try:
            while True:
                bell.clear()
                seen = await look()
                left = ends - loop.time()
                if settled(seen) or bells.closing or gone.done() or left <= 0:
                    return seen
                await _either(bell, gone, left)
        finally:
            gone.cancel()


async def _hang_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        continue


async def _either(bell: asyncio.Event, gone: asyncio.Future[None], seconds: float) -> None:
    rung = asyncio.ensure_future(_ring(bell))
    try:
        await asyncio.wait([rung, gone], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        rung.cancel()


async def _ring(bell: asyncio.Event) -> None:
    await bell.wait()
