"""Foreign: parameters that the OpenAI protocol has no words for, by what is asked.

A server that does not know a parameter mostly ignores it and says nothing, so
the route is unfit. Extensions that some servers have (top_k, guided_json) may
pass.
"""

from collections.abc import Mapping
from typing import Final

from resilient_infer.core.task import Json
from resilient_infer.providers.base import Unfit
from resilient_infer.providers.parameters import CHAT, FEATURES, FLAT, GENERATION, OPENAI

_OF_HUGGING_FACE: Final = frozenset(
    {
        *("adapter_id", "decoder_input_details", "details", "do_sample", "grammar", "top_n_tokens"),
        *("truncate", "typical_p", "watermark"),
        *("early_stopping", "epsilon_cutoff", "eta_cutoff", "max_length", "max_time", "min_length"),
        *("min_new_tokens", "no_repeat_ngram_size", "num_beam_groups", "num_beams", "penalty_alpha"),
        "use_cache",
    }
)
"""TGI's parameters of generation, and those of transformers that no server of the protocol took over."""

_OF_CHAT: Final = frozenset(
    {
        "parallel_tool_calls",
        "reasoning_effort",
        "response_format",
        "tool_choice",
        "tool_prompt",
        "tools",
        "top_logprobs",
        "verbosity",
    }
)
"""Parameters that only a conversation has."""

_EMBEDDING: Final = frozenset({"dimensions", "user", "encoding_format", "normalize"})

FOREIGN: Final[Mapping[str, frozenset[str]]] = {
    CHAT: _OF_HUGGING_FACE,
    GENERATION: _OF_HUGGING_FACE | _OF_CHAT,
    FEATURES: (OPENAI | FLAT[FEATURES] | _OF_HUGGING_FACE | _OF_CHAT) - _EMBEDDING,
}
"""By task."""

_NAMES: Final[Mapping[str, str]] = {
    CHAT: "chat completions",
    GENERATION: "completions",
    FEATURES: "OpenAI's embeddings",
}


def native(task: str, given: Mapping[str, Json]) -> dict[str, Json]:
    """The parameters, if the protocol has them all.

    Raises:
        Unfit: It has no words for some.
    """
    foreign = FOREIGN[task] & given.keys()
    if foreign:
        raise Unfit(f"{_NAMES[task]} have no {', '.join(sorted(foreign))}")
    return dict(given)
