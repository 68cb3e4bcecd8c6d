"""Named commit: where the operator of a server has put the commit into a name or a path.

`org/model@<commit>` is a name that vLLM is given (`--served-model-name`) and that
`transformers serve` makes; `…/snapshots/<commit>/…` is the Hub's cache.
"""

import re
from typing import Final

from resilient_infer.core.target import Endpoint
from resilient_infer.core.task import Json
from resilient_infer.policies.pinning import commit_in

_SNAPSHOT: Final = re.compile(r"[/\\]snapshots[/\\]([^/\\]+)(?=[/\\][^/\\])")


def base_of(name: str) -> str:
    """A model's name without its `@…`."""
    return name.partition("@")[0]


def commit_after_at(name: Json) -> str | None:
    """The full commit at the end of `org/model@<commit>`; None for a branch, or a name without any."""
    return commit_in(name.partition("@")[2]) if isinstance(name, str) else None


def snapshot_of(path: Json) -> str | None:
    """The commit in the path of a file in the Hub's cache; None for any other path."""
    found = _SNAPSHOT.findall(path) if isinstance(path, str) else []
    return commit_in(found[0]) if len(found) == 1 else None


def root_of(endpoint: Endpoint) -> str:
    """Where a server's own paths start: beside the protocol's /v1."""
    return endpoint.url.removesuffix("/v1")


def maximum(value: Json) -> int | None:
    """A number of tokens as a server gives its maxima; 0 and below mean that it does not say."""
    return value if type(value) is int and value > 0 else None
