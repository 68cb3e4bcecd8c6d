"""OpenAI's answers: chat, completions and embeddings, as every server of the family shapes them."""

import base64
import sys
import time
from array import array
from dataclasses import replace

from resilient_infer.core.task import Json
from resilient_infer.testing.sandbox.answers import Text, cut_at, text_from, tokens_of, vector_of
from resilient_infer.testing.sandbox.models import Model
from resilient_infer.testing.sandbox.openai_questions import (
    Content,
    Inputs,
    Prompt,
    Wrong,
    chat_prompt,
    completion_prompts,
    embedding_inputs,
)

TASKS = {
    "/chat/completions": ("chat",),
    "/completions": ("text-generation", "chat"),
    "/embeddings": ("feature-extraction",),
}
"""What a model must be good for to be asked on a path."""

SPOKEN = frozenset(("chat", "text-generation", "feature-extraction"))
"""What a server of the whole family serves."""


def answer(path: str, model: Model, content: Content, draw: int, said: str) -> dict[str, Json]:
    """A good answer on one of the paths of `TASKS`.

    Args:
        said: The model's name as the answer has it.

    Raises:
        Wrong: The body is no question for this path.
    """
    match path:
        case "/chat/completions":
            return _chat(model, chat_prompt(model, content), draw, said)
        case "/completions":
            return _completions(model, completion_prompts(model, content), draw, said)
        case "/embeddings":
            return _embeddings(model, embedding_inputs(model, content), said)
    raise Wrong(404, f"Invalid URL (POST {path})")


def _chat(model: Model, prompt: Prompt, draw: int, said: str) -> dict[str, Json]:
    text, tokens, finish = _made(model, prompt, draw)
    return {
        "id": f"chatcmpl-{model.commit[:8]}{draw:08x}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": said,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text.strip(), "refusal": None},
                "logprobs": None,
                "finish_reason": finish,
            }
        ],
        "usage": _usage(prompt.tokens, tokens),
    }


def _completions(model: Model, prompts: list[Prompt], draw: int, said: str) -> dict[str, Json]:
    choices: list[Json] = []
    tokens = 0
    for index, prompt in enumerate(prompts):
        text, count, finish = _made(model, prompt, draw + index)
        tokens += count
        shown = prompt.text + text if prompt.echo else text
        choices.append({"text": shown, "index": index, "logprobs": None, "finish_reason": finish})
    return {
        "id": f"cmpl-{model.commit[:8]}{draw:08x}",
        "object": "text_completion",
        "created": int(time.time()),
        "model": said,
        "choices": choices,
        "usage": _usage(sum(prompt.tokens for prompt in prompts), tokens),
    }


def _made(model: Model, prompt: Prompt, draw: int) -> tuple[str, int, str]:
    """Text, its tokens, and why it ended."""
    made: Text = text_from(model, prompt.text, limit=prompt.limit, temperature=prompt.temperature, draw=draw)
    text = cut_at(made.text, prompt.stops)
    stopped = made.finished or text != made.text
    return text, len(tokens_of(text)), "stop" if stopped else "length"


def _embeddings(model: Model, inputs: Inputs, said: str) -> dict[str, Json]:
    tokens = sum(len(tokens_of(text)) for text in inputs.texts)
    embedded: list[Json] = [
        {"object": "embedding", "index": index, "embedding": _vector(model, text, inputs)}
        for index, text in enumerate(inputs.texts)
    ]
    usage: Json = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": embedded, "model": said, "usage": usage}


def _vector(model: Model, text: str, inputs: Inputs) -> Json:
    # Not the beginning of the longer vector, which may be nothing but zeros in so simple a model.
    numbers = array("f", vector_of(replace(model, dimension=inputs.dimension), text))
    if not inputs.packed:
        return list(numbers)
    if sys.byteorder == "big":
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode("ascii")


def _usage(asked: int, made: int) -> Json:
    return {"prompt_tokens": asked, "completion_tokens": made, "total_tokens": asked + made}
