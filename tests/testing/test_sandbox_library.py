"""This library asks every kind of server for every task it serves, from the written files to an answer."""

from typing import Any

import pytest

from resilient_infer.testing.sandbox import CATALOGUE, Kind, Sandbox, commit_of
from resilient_infer.testing.sandbox.sandbox import DIALECTS
from tests.conftest import MakeClient
from tests.testing.drawing import plain, wav, with_box

PAYLOADS: dict[str, Any] = {
    "text-classification": "I love it",
    "zero-shot-classification": {"inputs": "a bill", "parameters": {"candidate_labels": ["ball", "bill"]}},
    "token-classification": "Marie Curie in Paris",
    "question-answering": {"inputs": {"question": "Who left?", "context": "Ada left."}},
    "fill-mask": "The [MASK].",
    "feature-extraction": "a ferry",
    "sentence-similarity": {"inputs": {"source_sentence": "a", "sentences": ["a", "b"]}},
    "text-ranking": {"inputs": {"query": "ferry", "texts": ["bread", "the ferry"]}},
    "summarization": "One. Two.",
    "translation": "Hello world",
    "text-generation": {"inputs": "The sea", "parameters": {"max_new_tokens": 5}},
    "chat": {"messages": [{"role": "user", "content": "Go on"}]},
    "image-classification": plain((220, 20, 20)),
    "object-detection": with_box((20, 40, 230), (5, 6, 25, 20)),
    "image-to-text": plain((220, 20, 20)),
    "audio-classification": wav(440),
    "automatic-speech-recognition": wav(440),
}
PAIRS = [(kind, task) for kind, dialect in DIALECTS.items() for task in sorted(dialect.tasks)]


@pytest.mark.parametrize(("kind", "task"), PAIRS)
def test_every_task_of_every_kind(sandbox: Sandbox, make_client: MakeClient, kind: Kind, task: str) -> None:
    """An answer, and the commit that is told is the one that is served."""
    name = next(model.name for model in CATALOGUE.values() if model.task == task and model.hub)
    server = sandbox.serve(kind, models=[name], key="sk-key")
    result = make_client({"it": name}, {"retries": 0}).call("it", PAYLOADS[task])

    assert result.output
    assert result.served_revision == (commit_of(name) if DIALECTS[kind].testifies else None)
    assert [received.model for received in server.requests if received.method == "POST"] == [name]
