"""Models: what a sandbox serves, under which name, task and commit."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from resilient_infer.core.task import TASKS

_COMMIT = re.compile(r"[0-9a-f]{40}")
_COLOURS = (
    "red", "green", "blue", "yellow", "orange", "purple", "cyan", "brown", "black", "grey", "white",
)  # fmt: skip
_LOUDNESS = ("silence", "quiet", "loud")


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model.

    Attributes:
        name: Hub repo, or the name by which only a provider knows it.
        task: One of `core.task.TASKS`.
        commit: 40 lower-case hex; "" stands for `commit_of(name)`.
        labels: Of a classifier, from the worst to the best.
        dimension: Of an embedding.
        context: Tokens of question and answer together; None: any number.
        hub: False for a name that is no Hub repo.
        story: Words, parted by spaces, from which it makes up texts; "": the sandbox's own, in plain
            English. A "." ends an answer.
    """

    name: str
    task: str
    commit: str = ""
    labels: tuple[str, ...] = ("NEGATIVE", "POSITIVE")
    dimension: int = 384
    context: int | None = None
    hub: bool = True
    story: str = ""

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise ValueError(f"{self.name}: no task {self.task!r}; there are {', '.join(TASKS)}")
        if not self.commit:
            object.__setattr__(self, "commit", commit_of(self.name))
        if not _COMMIT.fullmatch(self.commit):
            raise ValueError(f"{self.name}: a commit is 40 lower-case hex digits, not {self.commit!r}")
        if self.story and not self.story.split():
            raise ValueError(f"{self.name}: a story has words")


def commit_of(name: str, generation: int = 0) -> str:
    """A commit that looks like one; generation 0 is what a sandbox serves at first."""
    return hashlib.sha1(f"{name}@{generation}".encode(), usedforsecurity=False).hexdigest()


CATALOGUE: Mapping[str, Model] = {
    model.name: model
    for model in (
        Model(name="distilbert/distilbert-base-uncased-finetuned-sst-2-english", task="text-classification"),
        Model(name="siebert/sentiment-roberta-large-english", task="text-classification"),
        Model(
            name="cardiffnlp/twitter-roberta-base-sentiment-latest",
            task="text-classification",
            labels=("negative", "neutral", "positive"),
        ),
        Model(name="facebook/bart-large-mnli", task="zero-shot-classification"),
        Model(name="MoritzLaurer/deberta-v3-large-zeroshot-v2.0", task="zero-shot-classification"),
        Model(name="sentence-transformers/all-MiniLM-L6-v2", task="feature-extraction", context=256),
        Model(name="BAAI/bge-small-en-v1.5", task="feature-extraction", context=512),
        Model(name="openai-community/gpt2", task="text-generation", context=1024),
        Model(name="HuggingFaceTB/SmolLM2-135M", task="text-generation", context=8192),
        Model(name="meta-llama/Llama-3.1-8B-Instruct", task="chat", context=131072),
        Model(name="HuggingFaceTB/SmolLM3-3B", task="chat", context=65536),
        Model(name="gpt-4.1-mini-2025-04-14", task="chat", hub=False),
        Model(name="gpt-3.5-turbo-instruct", task="text-generation", context=4096, hub=False),
        Model(
            name="text-embedding-3-small", task="feature-extraction", dimension=1536, context=8191, hub=False
        ),
        Model(name="dslim/bert-base-NER", task="token-classification", labels=("LOC", "MISC", "ORG", "PER")),
        Model(name="deepset/roberta-base-squad2", task="question-answering"),
        Model(name="distilbert/distilbert-base-cased-distilled-squad", task="question-answering"),
        Model(name="google-bert/bert-base-uncased", task="fill-mask"),
        Model(name="FacebookAI/roberta-base", task="fill-mask"),
        Model(
            name="sentence-transformers/all-mpnet-base-v2",
            task="sentence-similarity",
            dimension=768,
            context=384,
        ),
        Model(name="BAAI/bge-reranker-base", task="text-ranking", labels=("LABEL_0",), context=512),
        Model(
            name="cross-encoder/ms-marco-MiniLM-L6-v2",
            task="text-ranking",
            labels=("LABEL_0",),
            context=512,
        ),
        Model(name="facebook/bart-large-cnn", task="summarization"),
        Model(name="sshleifer/distilbart-cnn-12-6", task="summarization"),
        Model(name="Helsinki-NLP/opus-mt-en-fr", task="translation"),
        Model(name="google-t5/t5-small", task="translation"),
        Model(name="google/vit-base-patch16-224", task="image-classification", labels=_COLOURS),
        Model(name="microsoft/resnet-50", task="image-classification", labels=_COLOURS),
        Model(name="facebook/detr-resnet-50", task="object-detection", labels=_COLOURS),
        Model(name="Salesforce/blip-image-captioning-base", task="image-to-text"),
        Model(name="superb/hubert-base-superb-er", task="audio-classification", labels=_LOUDNESS),
        Model(name="openai/whisper-small", task="automatic-speech-recognition"),
        Model(name="facebook/wav2vec2-base-960h", task="automatic-speech-recognition"),
    )
}
"""The models known by name; their answers are the sandbox's own, their names, dimensions and contexts real.

So are the labels, but for pictures and sounds, of which the sandbox knows only colours and loudness.
Source: the cards of these models on the Hub.
"""
