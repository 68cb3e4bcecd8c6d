"""transformers: `transformers serve`, the one server that takes a commit with each request.

It loads `org/model@<commit>` when that is first asked for and answers under the
same name, so an echo of the name is a proof.
Source: transformers 5.23, cli/serving/{chat_completion,completion,utils}.py.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Final

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpRequest, HttpResponse
from resilient_infer.core.outcome import Failure, FailureKind, Success
from resilient_infer.core.task import Json
from resilient_infer.providers.base import Unfit
from resilient_infer.providers.choices import fields_of
from resilient_infer.providers.named_commit import commit_after_at
from resilient_infer.providers.openai import OpenAI
from resilient_infer.providers.parameters import CHAT, GENERATION, meant

_SAMPLING: Final = frozenset(
    {"frequency_penalty", "generation_config", "max_tokens", "seed", "stop", "temperature", "top_p"}
)
_KNOWN: Final[Mapping[str, frozenset[str]]] = {
    CHAT: _SAMPLING | {"chat_template_kwargs", "logit_bias", "tools"},
    GENERATION: _SAMPLING | {"suffix"},
}
"""All that it acts upon. Of OpenAI's other parameters it takes no notice, and what is nobody's is a 422."""

_ANOTHER_MODEL: Final = "Server is pinned to"
"""How it refuses a model other than the one it was started for, with status 400."""


class Transformers(OpenAI):
    """The codec of kind "transformers"."""

    kind = "transformers"
    tasks = frozenset(_KNOWN)
    defaults: ClassVar[Mapping[str, Mapping[str, Json]]] = {}

    def build(self, attempt: Attempt) -> HttpRequest:
        """The request; one prompt at a time."""
        task = attempt.task.name
        unknown = attempt.payload.parameters.keys() - _KNOWN[task]
        if unknown:
            told = ", ".join(meant(name, _KNOWN[task]) for name in sorted(unknown))
            raise Unfit(f"transformers serve takes no notice of {told}")
        if isinstance(attempt.payload.inputs, list):
            raise Unfit("transformers serve takes one prompt at a time, and no list of them")
        return super().build(attempt)

    def model(self, attempt: Attempt) -> str:
        """`org/model@<commit>`, before the name of a GGUF file if there is one."""
        name = attempt.route.name
        if attempt.revision is None or "@" in name:
            return name
        repo, colon, file = name.partition(":")
        return f"{repo}@{attempt.revision}{colon}{file}"

    def refused(self, failure: Failure) -> Failure:
        """A server that was started for one model has no other."""
        if failure.status == 400 and _ANOTHER_MODEL in failure.reason:
            return replace(failure, kind=FailureKind.GONE)
        return super().refused(failure)

    def attributed(self, attempt: Attempt, response: HttpResponse, success: Success) -> Success:
        """With the commit in the name that answered: enforced, if that is the name that was asked for."""
        told = fields_of(success.raw).get("model")
        commit = commit_after_at(told)
        asked = self.model(attempt).partition(":")[0]
        return replace(success, commit=commit, enforced=commit is not None and told == asked)
