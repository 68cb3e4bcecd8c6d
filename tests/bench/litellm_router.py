"""litellm's async Router, for the bench of async calls. Run by a Python that has litellm, and by itself:

    python litellm_router.py URL IN_FLIGHT CALLS

Answers each line it reads by one round: the seconds that a call took by the clock, and of CPU.
"""

import asyncio
import os
import sys
from importlib import import_module
from time import perf_counter, process_time
from typing import Any


def main(url: str, in_flight: int, calls: int) -> None:
    """Make the rounds that are asked for."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it is fetched
    litellm: Any = import_module("litellm")
    litellm.suppress_debug_info = True
    where = {"model": "openai/org/bench", "api_base": f"{url}/v1", "api_key": "a key for the bench"}
    router = litellm.Router(model_list=[{"model_name": "chat", "litellm_params": where}])
    with asyncio.Runner() as loop:
        loop.run(_round(router, in_flight, in_flight))
        print("ready", flush=True)
        for _ in sys.stdin:
            print(*loop.run(_round(router, in_flight, calls)), flush=True)


async def _round(router: Any, in_flight: int, calls: int) -> tuple[float, float]:
    async def again() -> None:
        for _ in range(calls // in_flight):
            answer = await router.acompletion(model="chat", messages=[{"role": "user", "content": "Hello"}])
            assert answer.choices[0].message.content == "Hello there"

    began, cpu_began = perf_counter(), process_time()
    await asyncio.gather(*(again() for _ in range(in_flight)))
    return (perf_counter() - began) / calls, (process_time() - cpu_began) / calls


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
