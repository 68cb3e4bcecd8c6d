"""Signatures: the calls that load a model or make a client of one, and where they say which.

Sources: the documentation of transformers, huggingface_hub (1.x, 2.x),
sentence-transformers, vLLM, langchain-huggingface and llama-index.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from resilient_infer.core.task import TASKS


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """How a call names its model.

    Attributes:
        model: Keywords of the model's name.
        position: Its place among the positional arguments; None: it has none.
        task: Keywords of the task.
        task_position: As `position`.
        means: The task that the call means by itself.
        packages: Where the name must come from; empty: it is so particular that anywhere will do.
        method: It is called on something, whatever that is.
        repo_types: It may also fetch a data set or a space, and says so by `repo_type`.
        bare: Names without an owner are of this one.
    """

    model: tuple[str, ...]
    position: int | None = 0
    task: tuple[str, ...] = ()
    task_position: int | None = None
    means: str | None = None
    packages: frozenset[str] = frozenset()
    method: bool = False
    repo_types: bool = False
    bare: str = ""


_REPO: Final = Signature(model=("repo_id",), repo_types=True)
_CHAINS: Final = frozenset({"langchain", "langchain_community", "langchain_huggingface", "llama_index"})
_NAMED: Final = Signature(
    model=("model_name", "model"), position=None, means="feature-extraction", packages=_CHAINS
)
_PRETRAINED: Final = (
    "pretrained_model_name_or_path",
    "pretrained_model_name",
    "model_name_or_path",
    "model_id",
    "repo_id",
    "model_name",
)

LOADERS: Final[Mapping[str, Signature]] = {
    "from_pretrained": Signature(model=_PRETRAINED, method=True),
    "from_model_id": Signature(model=("model_id",), position=0, task=("task",), task_position=1, method=True),
    "pipeline": Signature(
        model=("model",),
        position=1,
        task=("task",),
        task_position=0,
        packages=frozenset({"transformers", "optimum"}),
    ),
    "hf_hub_download": _REPO,
    "snapshot_download": replace(_REPO, packages=frozenset({"huggingface_hub"})),
    "hf_hub_url": _REPO,
    "SentenceTransformer": Signature(
        model=("model_name_or_path",), means="feature-extraction", bare="sentence-transformers"
    ),
    "SparseEncoder": Signature(model=("model_name_or_path",)),
    "CrossEncoder": Signature(model=("model_name_or_path", "model_name")),
    "LLM": Signature(model=("model",), packages=frozenset({"vllm"}), means="text-generation"),
    "HuggingFaceHub": Signature(model=("repo_id",), position=None, task=("task",), packages=_CHAINS),
    "HuggingFaceEmbeddings": replace(_NAMED, bare="sentence-transformers"),
    "HuggingFaceBgeEmbeddings": _NAMED,
    "HuggingFaceInstructEmbeddings": _NAMED,
    "HuggingFaceInferenceAPIEmbeddings": _NAMED,
    "HuggingFaceEmbedding": replace(_NAMED, position=0),
    "HuggingFaceLLM": replace(_NAMED, means="text-generation"),
}
"""Calls that say which model, by the last part of their names."""

CLIENTS: Final[Mapping[str, Signature]] = {
    "InferenceClient": Signature(model=("model", "base_url")),
    "AsyncInferenceClient": Signature(model=("model", "base_url")),
    "InferenceApi": Signature(model=("repo_id",), task=("task",), task_position=1),
    "HuggingFaceEndpoint": Signature(
        model=("repo_id", "endpoint_url", "model"),
        position=None,
        task=("task",),
        means="text-generation",
        packages=_CHAINS,
    ),
    "HuggingFaceEndpointEmbeddings": replace(_NAMED, model=("model", "repo_id")),
}
"""Clients of the Hub's services: what they are called for tells the task."""

SPEAKERS: Final[Mapping[str, str | None]] = {
    "OpenAI": None,
    "AsyncOpenAI": None,
    "ChatOpenAI": "chat",
    "OpenAIEmbeddings": "feature-extraction",
}
"""Clients of OpenAI's protocol, and the task of those that are given a model when they are made."""

OLD_NAMES: Final = frozenset(
    f"{family}-{rest}".rstrip("-")
    for family, rests in {
        "albert": "base-v1 base-v2 large-v1 large-v2 xlarge-v1 xlarge-v2 xxlarge-v1 xxlarge-v2",
        "bert-base": "cased cased-finetuned-mrpc chinese german-cased german-dbmdz-cased "
        "german-dbmdz-uncased multilingual-cased multilingual-uncased uncased",
        "bert-large": "cased cased-whole-word-masking cased-whole-word-masking-finetuned-squad uncased "
        "uncased-whole-word-masking uncased-whole-word-masking-finetuned-squad",
        "camembert": "base",
        "distilbert-base": "cased cased-distilled-squad german-cased multilingual-cased uncased "
        "uncased-distilled-squad uncased-finetuned-sst-2-english",
        "distilroberta": "base",
        "gpt2": "large medium xl",
        "openai": "gpt",
        "roberta": "base base-openai-detector large large-mnli large-openai-detector",
        "t5": "11b 3b base large small",
        "transfo-xl": "wt103",
        "xlm": "clm-ende-1024 clm-enfr-1024 mlm-100-1280 mlm-17-1280 mlm-en-2048 mlm-ende-1024 mlm-enfr-1024 "
        "mlm-enro-1024 mlm-tlm-xnli15-1024 mlm-xnli15-1024",
        "xlm-roberta": "base large large-finetuned-conll02-dutch large-finetuned-conll02-spanish "
        "large-finetuned-conll03-english large-finetuned-conll03-german",
        "xlnet": "base-cased large-cased",
    }.items()
    for rest in rests.split()
) | {"ctrl", "distilgpt2", "gpt2"}
"""Repos without an owner that sentence-transformers takes as they are (`basic_transformer_models`)."""

_OTHER_NAMES: Final[Mapping[str, str]] = {
    "sentiment-analysis": "text-classification",
    "ner": "token-classification",
    "chat-completion": "chat",
    "conversational": "chat",
}
"""Names of tasks in transformers and in huggingface_hub that the Hub has another one for."""


def task_named(text: str) -> str | None:
    """The task that a pipeline or a client's method means; None: none of ours."""
    name = text.replace("_", "-")
    name = "translation" if name.startswith("translation-") else _OTHER_NAMES.get(name, name)
    return name if name in TASKS else None
