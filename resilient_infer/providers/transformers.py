"""transformers: `transformers serve`, the one server that takes a commit with each request.

It loads `org/model@<commit>` when that is first asked for and answers under the
same name, so an echo of the name is a proof. `temperature`, `top_p` and `seed`
do nothing unless the model's own generation config samples: the server sets
the numbers, and switches sampling off at a temperature of 0 but never on.
Source: transformers 5.23, cli/serving/{chat_completion,completion,utils,server}.py.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Final

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpRequest, HttpResponse
from resilient_infer.core.outcome import Failure, FailureKind, Outcome, Success
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

_BROKEN: Final = b"Internal Server Error"
"""Its whole answer when something breaks that it did not foresee, as over a commit that it cannot find."""


class Transformers(OpenAI):
    """The codec of kind "transformers"."""

    kind = "transformers"
    tasks = frozenset(_KNOWN)
    defaults: ClassVar[Mapping[str, Mapping[str, Json]]] = {}
    # It refuses stream_options, and tells the usage all the same.
    streamed: ClassVar[Mapping[str, Json]] = {"stream": True}

    def build(self, attempt: Attempt) -> HttpRequest:
        """The request; one prompt at a time."""
        task, given = attempt.task.name, attempt.payload.parameters
        unknown = given.keys() - _KNOWN[task]
        if unknown:
            told = ", ".join(meant(name, _KNOWN[task]) for name in sorted(unknown))
            raise Unfit(f"transformers serve takes no notice of {told}")
        if isinstance(attempt.payload.inputs, list):
            raise Unfit("transformers serve takes one prompt at a time, and no list of them")
        return super().build(replace(attempt, payload=replace(attempt.payload, parameters=_spoken(given))))

    def parse(self, attempt: Attempt, response: HttpResponse) -> Outcome:
        """What the answer means; a bare 500 may mean that the commit is not there."""
        outcome = super().parse(attempt, response)
        if not isinstance(outcome, Failure) or outcome.status != 500 or response.body != _BROKEN:
            return outcome
        if commit_after_at(self._asked(attempt)) is None:
            return outcome
        hint = "(transformers serve says this also of a commit that is not there)"
        return replace(outcome, reason=f"{outcome.reason} {hint}")

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
        enforced = commit is not None and told == self._asked(attempt)
        return replace(success, commit=commit, enforced=enforced)

    def _asked(self, attempt: Attempt) -> str:
        """The name that was asked for, as the server repeats it: without a file."""
        return self.model(attempt).partition(":")[0]


def _spoken(given: Mapping[str, Json]) -> dict[str, Json]:
    """The parameters as the server takes them.

    Raises:
        Unfit: A frequency penalty: it would become a repetition penalty of 1 more, which also counts
            the prompt and does not grow with each repetition.
    """
    parameters = dict(given)
    penalty = parameters.pop("frequency_penalty", None)
    if penalty is not None and (isinstance(penalty, bool) or penalty != 0):
        raise Unfit("transformers serve makes another penalty of frequency_penalty")
    bias = parameters.get("logit_bias")
    if bias == {}:  # it breaks over none
        del parameters["logit_bias"]
    elif isinstance(bias, dict):
        parameters["logit_bias"] = {  # and over whole numbers
            token: float(number) if type(number) is int else number for token, number in bias.items()
        }
    return parameters
