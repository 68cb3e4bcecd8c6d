"""sglang: a server that tells which weights it runs, beside the protocol and in each generated answer.

`--weight-version <commit>` is the operator's word; a server that was given
only `--revision <commit>` tells that one. An unknown model's name is not refused.
Source: sglang/srt/entrypoints/http_server.py (`/server_info`) and openai/serving_*.py.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpRequest, HttpResponse
from resilient_infer.core.outcome import Success
from resilient_infer.core.secret import Secret
from resilient_infer.core.target import Endpoint
from resilient_infer.core.task import Json
from resilient_infer.core.testimony import Limits
from resilient_infer.policies.pinning import commit_in
from resilient_infer.providers.choices import fields_of
from resilient_infer.providers.named_commit import maximum, root_of
from resilient_infer.providers.openai import OpenAI
from resilient_infer.providers.request import get_request


class SGLang(OpenAI):
    """The codec of kind "sglang". It reads no `encoding_format`, so none is sent."""

    kind = "sglang"
    defaults: ClassVar[Mapping[str, Mapping[str, Json]]] = {}

    def identity(self, endpoint: Endpoint, secret: Secret | None) -> HttpRequest:
        """The server's own arguments."""
        return get_request(endpoint, secret, f"{root_of(endpoint)}/server_info")

    def reported_commit(self, attempt: Attempt, body: Json) -> str | None:
        """`weight_version`; where nobody set it, the `revision` that was loaded.

        A revision says nothing of weights that are a folder of the server's own, or that were replaced
        by another repo's while it runs: it counts only beside the model's own name.
        """
        fields = fields_of(body)
        if fields.get("weight_version") not in (None, "default"):
            return commit_in(fields["weight_version"])
        path = fields.get("model_path", attempt.model)
        return commit_in(fields.get("revision")) if path == attempt.model else None

    def limits(self, body: Json) -> Limits:
        """`context_length`, if the operator set it: what the model itself takes is not told."""
        return Limits(context=maximum(fields_of(body).get("context_length")))

    def attributed(self, attempt: Attempt, response: HttpResponse, success: Success) -> Success:
        """With the weights that the answer says it was made with; embeddings do not say it."""
        return replace(success, commit=self.commit_in_chunk(attempt, response, success.raw))

    def commit_in_chunk(self, attempt: Attempt, head: HttpResponse, chunk: Json) -> str | None:
        """The weights that a chunk, or a whole answer, says it was made with."""
        return commit_in(fields_of(fields_of(chunk).get("metadata")).get("weight_version"))
