"""llamacpp: llama.cpp's server, one GGUF file.

Its path proves the commit only where it lies in the Hub's cache, under
`snapshots/<commit>/`; a name or a digest of its own proves nothing.
Source: llama.cpp, tools/server/README.md (`GET /props`).
"""

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpRequest
from resilient_infer.core.secret import Secret
from resilient_infer.core.target import Endpoint
from resilient_infer.core.task import Json
from resilient_infer.core.testimony import Limits
from resilient_infer.providers.base import Unfit
from resilient_infer.providers.choices import fields_of
from resilient_infer.providers.named_commit import maximum, root_of, snapshot_of
from resilient_infer.providers.openai import OpenAI
from resilient_infer.providers.request import get_request


class LlamaCpp(OpenAI):
    """The codec of kind "llamacpp"."""

    kind = "llamacpp"

    def build(self, attempt: Attempt) -> HttpRequest:
        """The request; the server takes no notice of `dimensions` (llama.cpp#25210)."""
        if "dimensions" in attempt.payload.parameters:
            raise Unfit("llama.cpp takes no notice of dimensions")
        return super().build(attempt)

    def identity(self, endpoint: Endpoint, secret: Secret | None) -> HttpRequest:
        """The server's properties."""
        return get_request(endpoint, secret, f"{root_of(endpoint)}/props")

    def reported_commit(self, attempt: Attempt, body: Json) -> str | None:
        """The commit in the path of the file that is loaded."""
        path = fields_of(body).get("model_path")
        return snapshot_of(path) if isinstance(path, str) and path.endswith(".gguf") else None

    def limits(self, body: Json) -> Limits:
        """`n_ctx`, which is the share of one request where several are served at once."""
        settings = fields_of(fields_of(body).get("default_generation_settings"))
        return Limits(context=maximum(settings.get("n_ctx")))
