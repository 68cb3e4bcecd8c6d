"""vllm: one base model under all its served names.

vLLM tells no revision. The operator's contract is
`--revision <commit> --served-model-name org/model org/model@<commit>`: the
second name is listed, a request for it is obeyed, and for any other commit's
name the answer is 404. Only the list proves it: many a server of the protocol
answers under whatever name it was asked by.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpRequest, HttpResponse
from resilient_infer.core.outcome import Failure, FailureKind, Outcome, Success
from resilient_infer.core.secret import Secret
from resilient_infer.core.target import Endpoint
from resilient_infer.core.task import Json
from resilient_infer.core.testimony import Limits
from resilient_infer.providers.choices import fields_of
from resilient_infer.providers.named_commit import base_of, commit_after_at, maximum
from resilient_infer.providers.openai import OpenAI
from resilient_infer.providers.request import get_request


class Vllm(OpenAI):
    """The codec of kind "vllm"."""

    kind = "vllm"

    def parse(self, attempt: Attempt, response: HttpResponse) -> Outcome:
        """What the answer means; a name that was on the server's list and is refused tells of a restart.

        That is nobody's failure: the list is asked for anew, and the commit there compared.
        """
        outcome = super().parse(attempt, response)
        listed = attempt.testimony is not None and attempt.testimony.commit is not None
        if listed and isinstance(outcome, Failure) and outcome.kind is FailureKind.GONE:
            return replace(outcome, kind=FailureKind.STALE)
        return outcome

    def identity(self, endpoint: Endpoint, secret: Secret | None) -> HttpRequest:
        """The list of served names."""
        return get_request(endpoint, secret, f"{endpoint.url}/models")

    def reported_commit(self, attempt: Attempt, body: Json) -> str | None:
        """The commit in a served name of the route's model; None if two names disagree."""
        commits = {
            commit
            for card in _base_models(body)
            if (commit := _commit_of(attempt, card.get("id"))) is not None
        }
        return commits.pop() if len(commits) == 1 else None

    def limits(self, body: Json) -> Limits:
        """`max_model_len`, which is the same for every name of the one model."""
        contexts = {maximum(card.get("max_model_len")) for card in _base_models(body)}
        return Limits(context=contexts.pop() if len(contexts) == 1 else None)

    def model(self, attempt: Attempt) -> str:
        """The name with the commit, if the server said that it is served: any other server refuses it."""
        name, testimony = attempt.route.name, attempt.testimony
        if testimony is None or testimony.commit is None:
            return name
        return f"{base_of(name)}@{testimony.commit}"

    def attributed(self, attempt: Attempt, response: HttpResponse, success: Success) -> Success:
        """With the commit in the name that answered, unless that only repeats what was asked for.

        A commit that the request named counts where the server's own list has named it, too.
        """
        commit = _commit_of(attempt, fields_of(success.raw).get("model"))
        listed = None if attempt.testimony is None else attempt.testimony.commit
        if commit != listed and commit == commit_after_at(self.model(attempt)):
            commit = None
        return replace(success, commit=commit)


def _base_models(body: Json) -> Iterator[Mapping[str, Json]]:
    """The cards that are no LoRA modules: those name the model that they are put upon."""
    cards = fields_of(body).get("data")
    for card in cards if isinstance(cards, list) else []:
        fields = fields_of(card)
        if fields and fields.get("parent") is None:
            yield fields


def _commit_of(attempt: Attempt, served: Json) -> str | None:
    """The commit in a served name of the route's model; only in lower case, as requests spell it again."""
    commit = commit_after_at(served)
    return commit if served == f"{base_of(attempt.route.name)}@{commit}" else None
