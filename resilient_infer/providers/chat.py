"""Chat: `POST {base}/chat/completions`, a conversation and the message that answers it."""

from typing import Final

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpResponse
from resilient_infer.core.outcome import FailureKind, Outcome
from resilient_infer.core.task import Json
from resilient_infer.providers.choices import answered, choices_in, ending
from resilient_infer.providers.failure import failed
from resilient_infer.providers.foreign import native
from resilient_infer.providers.parameters import CHAT

PATH: Final = "/chat/completions"

_OPENAI_ITSELF: Final = "https://api.openai.com/"
_SPOKEN: Final = ("content", "tool_calls", "function_call", "refusal")


def write_chat(attempt: Attempt) -> dict[str, Json]:
    """The body but for the model's name.

    Raises:
        Unfit: The payload has a parameter that no chat completion has.
    """
    given = native(CHAT, attempt.payload.parameters)
    # OpenAI's reasoning models refuse the old name, and most other servers do not know the new one.
    if "max_tokens" in given and attempt.route.endpoint.url.startswith(_OPENAI_ITSELF):
        given["max_completion_tokens"] = given.pop("max_tokens")
    return {"messages": [dict(message) for message in attempt.payload.messages], **given}


def read_chat(attempt: Attempt, response: HttpResponse, body: Json) -> Outcome:
    """The first choice's message; without a finish_reason it is not whole, whatever it holds."""
    choice = next(iter(choices_in(body)), {})
    message = choice.get("message")
    if not isinstance(message, dict) or not any(key in message for key in _SPOKEN):
        reason = "the answer is no chat completion: it has no choice with a message"
        return failed(FailureKind.WRONG_SHAPE, reason, response, attempt.secret)
    finish = choice.get("finish_reason")
    end = ending(finish, empty=not any(message.get(key) for key in _SPOKEN))
    if end is not None:
        return failed(*end, response, attempt.secret)
    output = message if isinstance(message.get("role"), str) else {**message, "role": "assistant"}
    return answered(attempt, response, body, output, str(finish))
