"""hf-router: chat at `https://router.huggingface.co/v1`, passed on to the provider that the name ends with.

The pin is declared at the most: the router knows providers, not commits.
"""

from dataclasses import replace
from typing import Final

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpResponse
from resilient_infer.core.outcome import Success
from resilient_infer.providers.base import Unfit
from resilient_infer.providers.error_body import one_line
from resilient_infer.providers.openai import OpenAI
from resilient_infer.providers.parameters import CHAT

AUTOMATIC: Final = frozenset({"fastest", "cheapest", "preferred"})
"""Suffixes with which the router chooses, anew for each request.
Source: Hugging Face, Inference Providers, "Automatic provider selection"."""

_PROVIDER: Final = "x-inference-provider"


class HfRouter(OpenAI):
    """The codec of kind "hf-router"."""

    kind = "hf-router"
    tasks = frozenset({CHAT})
    streams = frozenset({CHAT})

    def model(self, attempt: Attempt) -> str:
        """`org/model:provider`; a locked model names its provider, or whoever is fastest would answer."""
        name = attempt.route.name
        provider = name.partition(":")[2]
        if attempt.revision is not None and (not provider or provider in AUTOMATIC):
            told = f":{provider} lets" if provider else "a name without a provider lets"
            raise Unfit(f"{told} the router choose who answers, and the model is locked: name a provider")
        return name

    def attributed(self, attempt: Attempt, response: HttpResponse, success: Success) -> Success:
        """With the provider that the router passed the request to."""
        provider = one_line(response.headers.get(_PROVIDER, ""), attempt.secret, limit=100)
        return replace(success, served_by=provider or None)
