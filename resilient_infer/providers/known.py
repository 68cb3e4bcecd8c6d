"""Known: the parameters that each task has, by the documents of those who serve it.

By canonical name (see `parameters`), with the other spellings beside it where
they are as common. A name that is not here may still be an
extension of some server; what is close to one that is here is likely a slip.
Sources: the task specifications in huggingface.js (packages/tasks/src/tasks),
OpenAI's API reference, the extra parameters of vLLM, SGLang and TGI, the
generation config of transformers.
"""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Final

OPENAI: Final = frozenset(
    {
        "max_tokens",
        "max_completion_tokens",
        "temperature",
        "top_p",
        "stop",
        "seed",
        "frequency_penalty",
        "presence_penalty",
        "logit_bias",
        "logprobs",
        "top_logprobs",
        "n",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "response_format",
        "reasoning_effort",
        "verbosity",
        "service_tier",
        "store",
        "metadata",
        "user",
        "safety_identifier",
        "prompt_cache_key",
        "stream",
        "stream_options",
    }
)
"""OpenAI's own, for chat."""

_SAMPLED: Final = frozenset(
    {
        *("max_tokens", "max_new_tokens", "max_length", "min_tokens", "min_new_tokens", "min_length"),
        *("max_time", "stop_sequences", "stop_strings"),
        *("temperature", "top_k", "top_p", "min_p", "typical_p", "top_n_tokens", "do_sample", "watermark"),
        *("epsilon_cutoff", "eta_cutoff", "penalty_alpha", "repetition_penalty", "length_penalty"),
        *("no_repeat_ngram_size", "num_beams", "num_beam_groups", "early_stopping", "use_cache"),
        *("stop", "stop_token_ids", "ignore_eos", "seed", "frequency_penalty", "presence_penalty"),
        *("truncate", "grammar", "details", "decoder_input_details", "best_of", "return_full_text"),
    }
)
_SERVED: Final = frozenset(
    {
        *("guided_json", "guided_regex", "guided_choice", "guided_grammar", "structured_outputs"),
        *("chat_template", "chat_template_kwargs", "continue_final_message", "add_generation_prompt"),
        *("prompt_logprobs", "skip_special_tokens", "regex", "ebnf", "priority", "tool_prompt"),
    }
)
_LABELS: Final = frozenset({"top_k", "function_to_apply"})
_TEXT_TO_TEXT: Final = frozenset({"clean_up_tokenization_spaces", "truncation", "generate_parameters"})

KNOWN: Final[Mapping[str, frozenset[str]]] = {
    "chat": OPENAI | _SAMPLED | _SERVED,
    "text-generation": _SAMPLED | _SERVED | OPENAI,
    "text-classification": _LABELS,
    "zero-shot-classification": frozenset({"candidate_labels", "multi_label", "hypothesis_template"}),
    "token-classification": frozenset({"aggregation_strategy", "ignore_labels", "stride"}),
    "question-answering": frozenset(
        {
            *("top_k", "doc_stride", "max_answer_len", "max_seq_len", "max_question_len"),
            *("handle_impossible_answer", "align_to_words"),
        }
    ),
    "fill-mask": frozenset({"top_k", "targets"}),
    "feature-extraction": frozenset(
        {"normalize", "truncate", "truncation_direction", "prompt_name", "dimensions"}
    ),
    "sentence-similarity": frozenset({"truncate", "truncation_direction", "prompt_name"}),
    "text-ranking": frozenset({"raw_scores", "return_text", "truncate", "truncation_direction"}),
    "summarization": _TEXT_TO_TEXT | _SAMPLED,
    "translation": _TEXT_TO_TEXT | _SAMPLED | {"src_lang", "tgt_lang"},
    "image-classification": _LABELS,
    "object-detection": frozenset({"threshold"}),
    "image-to-text": frozenset({"max_tokens", "max_new_tokens", "generation_parameters"}),
    "audio-classification": _LABELS,
    "automatic-speech-recognition": frozenset({"return_timestamps", "generation_parameters"}),
}
"""Parameters by task."""

_ALIKE: Final = 0.85
"""How alike two names are at the least, from 0 to 1, if one is likely meant by the other: "topp" and
"top_p" are, "min_length" and "max_length" (0.8) are two things."""


@lru_cache(maxsize=256)
def near(task: str, name: str) -> str:
    """The known parameter of `task` that is likely meant by a `name` that is none; "" if none is."""
    known = KNOWN.get(task, frozenset())
    return "" if name in known else _closest(name, known)


def meant(name: str, known: Collection[str]) -> str:
    """`name`, and in brackets the known name that is close to it, if any is."""
    close = get_close_matches(name.lower(), sorted(known), 1)
    return f'{name} (did you mean "{close[0]}"?)' if close else name


def _closest(name: str, known: Collection[str]) -> str:
    return next(iter(get_close_matches(name.lower(), sorted(known), 1, _ALIKE)), "")
