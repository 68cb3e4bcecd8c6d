"""Completions: `POST {base}/completions`, prompts and the text that goes on from each.

OpenAI calls the path legacy; every server of open weights has it, because a
base model has no chat template.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpResponse
from resilient_infer.core.outcome import FailureKind, Outcome
from resilient_infer.core.task import Json
from resilient_infer.providers.choices import answered, choices_in, ending
from resilient_infer.providers.failure import failed
from resilient_infer.providers.foreign import native
from resilient_infer.providers.indexed import by_index
from resilient_infer.providers.parameters import GENERATION
from resilient_infer.providers.shapes import WrongShape

PATH: Final = "/completions"


def write_completions(attempt: Attempt) -> dict[str, Json]:
    """The body but for the model's name.

    Raises:
        Unfit: The payload has a parameter that no completion has.
    """
    payload = attempt.payload
    return {"prompt": payload.inputs, **native(GENERATION, payload.parameters)}


def read_completions(attempt: Attempt, response: HttpResponse, body: Json) -> Outcome:
    """The text of each prompt's choice; one that is not whole, by its finish_reason, spoils the answer."""
    inputs = attempt.payload.inputs
    prompts = inputs if isinstance(inputs, list) else [inputs]
    try:
        choices = by_index(choices_in(body), due=len(prompts))
        texts = [_text(choice) for choice in choices]
    except WrongShape as error:
        reason = f"the answer is no completion: {error}"
        return failed(FailureKind.WRONG_SHAPE, reason, response, attempt.secret)
    for choice, text in zip(choices, texts, strict=True):
        end = ending(choice.get("finish_reason"), empty=not text)
        if end is not None:
            return failed(*end, response, attempt.secret)
    if attempt.payload.parameters.get("echo"):  # only then does the protocol repeat the prompt
        texts = [text.removeprefix(str(prompt)) for text, prompt in zip(texts, prompts, strict=True)]
    output = list[Json](texts) if isinstance(inputs, list) else texts[0]
    return answered(attempt, response, body, output, _finish(choices))


def _text(choice: Mapping[str, Json]) -> str:
    text = choice.get("text")
    if isinstance(text, str):
        return text
    raise WrongShape("a choice without a text")


def _finish(choices: Sequence[Mapping[str, Json]]) -> str:
    """How the texts ended, in one word: the first that is not the ordinary end, if any is."""
    reasons = [str(choice.get("finish_reason")) for choice in choices]
    return next((reason for reason in reasons if reason != "stop"), "stop")
