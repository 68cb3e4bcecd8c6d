"""Plausible: the files of small models that look like real ones.

Only what a reader of the Hub looks at: the config with labels, lengths and
dimensions, a tokenizer, the modules of sentence-transformers, an adapter's
base. The weights are a valid safetensors file of a few KB and mean nothing.
Sources: the files of the repos in `sandbox.models.CATALOGUE`; safetensors'
README ("Format"); sentence-transformers' `modules.json` layout.
"""

import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from resilient_infer.core.task import Json
from resilient_infer.testing.sandbox.hub.card import README, readme

_FAMILIES: Mapping[str, tuple[str, str]] = {
    "text-classification": ("distilbert", "DistilBertForSequenceClassification"),
    "zero-shot-classification": ("bart", "BartForSequenceClassification"),
    "feature-extraction": ("bert", "BertModel"),
    "sentence-similarity": ("bert", "BertModel"),
    "text-generation": ("llama", "LlamaForCausalLM"),
    "image-classification": ("vit", "ViTForImageClassification"),
}
"""For each `pipeline_tag` a `model_type` and an architecture that really answer it."""

_LABELS: Mapping[str, tuple[str, ...]] = {
    "text-classification": ("NEGATIVE", "POSITIVE"),
    "zero-shot-classification": ("contradiction", "neutral", "entailment"),
    "image-classification": ("cat", "dog"),
}

_TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a model looks like from the outside.

    Attributes:
        task: Its `pipeline_tag`; None: nobody has said.
        labels: Of a classifier; None: those usual for its task, if there are any.
        dimension: Of an embedding. With `dense`: what comes out of the last module.
        hidden: `hidden_size` of the config; None: the dimension. They differ where a dense layer follows.
        max_length: Tokens, `max_position_embeddings`.
        sentence: The layout of sentence-transformers: modules.json, pooling.
        dense: A dense module follows the pooling.
        chat: There is a chat template.
        adapter_of: An adapter for this base model: no weights of its own but the adapter's.
        license: In the card; None: none is named.
        seed: What the weights depend on.
    """

    task: str | None = "text-classification"
    labels: Sequence[str] | None = None
    dimension: int = 384
    hidden: int | None = None
    max_length: int = 512
    sentence: bool = False
    dense: bool = False
    chat: bool = False
    adapter_of: str | None = None
    license: str | None = "apache-2.0"
    seed: str = ""


def plausible(look: Look) -> dict[str, bytes | str]:
    """The files of such a model, by path."""
    tokenizer: dict[str, Json] = {"model_max_length": look.max_length}
    if look.chat:
        tokenizer["chat_template"] = _TEMPLATE
    files: dict[str, bytes | str] = {
        README: _readme(look),
        "tokenizer.json": _json({"version": "1.0", "model": {"type": "WordPiece", "vocab": {"[UNK]": 0}}}),
        "tokenizer_config.json": _json(tokenizer),
    }
    if look.adapter_of is not None:
        files["adapter_config.json"] = _json(_adapter(look.adapter_of))
        files["adapter_model.safetensors"] = weights(look.seed)
        return files
    files["config.json"] = _json(_config(look))
    files["model.safetensors"] = weights(look.seed)
    return files | (_sentence(look) if look.sentence or look.dense else {})


def weights(seed: str, numbers: int = 512) -> bytes:
    """A safetensors file with one tensor of so many 32-bit numbers, which depend on the seed."""
    digest = hashlib.sha256(seed.encode()).digest()
    body = (digest * (numbers * 4 // len(digest) + 1))[: numbers * 4]
    shape = {"weight": {"dtype": "F32", "shape": [numbers], "data_offsets": [0, len(body)]}}
    header = json.dumps(shape).encode()
    header += b" " * (-len(header) % 8)  # the format aligns the numbers to 8 bytes
    return struct.pack("<Q", len(header)) + header + body


def _readme(look: Look) -> str:
    card: dict[str, Json] = {}
    if look.license is not None:
        card["license"] = look.license
    if look.task is not None:
        card["pipeline_tag"] = look.task
    if look.adapter_of is not None:
        card |= {"base_model": look.adapter_of, "library_name": "peft"}
    elif look.sentence or look.dense:
        card["library_name"] = "sentence-transformers"
    return readme(card, "\n# A model of the sandbox\n\nIts weights mean nothing.\n")


def _config(look: Look) -> dict[str, Json]:
    family, architecture = _FAMILIES.get(look.task or "", ("bert", "BertModel"))
    config: dict[str, Json] = {
        "architectures": [architecture],
        "model_type": family,
        "hidden_size": look.hidden or look.dimension,
        "max_position_embeddings": look.max_length,
    }
    labels = _LABELS.get(look.task or "", ()) if look.labels is None else look.labels
    if labels:
        config["id2label"] = {str(index): label for index, label in enumerate(labels)}
        config["label2id"] = {label: index for index, label in enumerate(labels)}
    return config


def _sentence(look: Look) -> dict[str, bytes | str]:
    hidden = look.hidden or look.dimension
    kinds = ["Transformer", "Pooling", *(["Dense"] if look.dense else []), "Normalize"]
    folders = ["", *(f"{index}_{kind}" for index, kind in enumerate(kinds) if index)]
    modules: list[Json] = [
        {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for index, (kind, path) in enumerate(zip(kinds, folders, strict=True))
    ]
    pooling: dict[str, Json] = {"word_embedding_dimension": hidden, "pooling_mode_mean_tokens": True}
    files: dict[str, bytes | str] = {
        "modules.json": _json(modules),
        "sentence_bert_config.json": _json({"max_seq_length": look.max_length, "do_lower_case": False}),
        "1_Pooling/config.json": _json(pooling),
    }
    if look.dense:
        dense: dict[str, Json] = {"in_features": hidden, "out_features": look.dimension, "bias": True}
        files["2_Dense/config.json"] = _json(dense)
        files["2_Dense/model.safetensors"] = weights(f"{look.seed}/2_Dense", 64)
    return files


def _adapter(base: str) -> dict[str, Json]:
    return {"base_model_name_or_path": base, "peft_type": "LORA", "r": 8, "task_type": "CAUSAL_LM"}


def _json(content: Json) -> str:
    return json.dumps(content, indent=2) + "\n"
