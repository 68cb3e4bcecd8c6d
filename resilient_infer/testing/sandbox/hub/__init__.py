"""A Hub on this machine that the real huggingface_hub talks to, where everything can happen to a model.

from resilient_infer.testing.sandbox.hub import Hub, Look

with Hub() as hub:
    repo = hub.model("acme/sentiment", Look(labels=("BAD", "GOOD")))
    os.environ["HF_ENDPOINT"] = hub.url        # before huggingface_hub is imported
    ...
    repo.push({"model.safetensors": b"..."})   # main moves on
    repo.squash()                              # and its history is gone
"""

from resilient_infer.testing.sandbox.hub.deployment import Deployment
from resilient_infer.testing.sandbox.hub.hub import Asked, Hub
from resilient_infer.testing.sandbox.hub.objects import Blob, Commit
from resilient_infer.testing.sandbox.hub.plausible import Look, plausible, weights
from resilient_infer.testing.sandbox.hub.quotas import ANONYMOUS, FREE_USER, Quota
from resilient_infer.testing.sandbox.hub.repo import PullRequest, Repo
from resilient_infer.testing.sandbox.hub.routes import Kind
from resilient_infer.testing.sandbox.hub.site import Token

__all__ = [
    "ANONYMOUS",
    "FREE_USER",
    "Asked",
    "Blob",
    "Commit",
    "Deployment",
    "Hub",
    "Kind",
    "Look",
    "PullRequest",
    "Quota",
    "Repo",
    "Token",
    "plausible",
    "weights",
]
