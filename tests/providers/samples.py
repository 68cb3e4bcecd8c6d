"""Samples: attempts, answers and JSON for the tests of codecs."""

import json
from collections.abc import Mapping

from hypothesis import strategies as st

from resilient_infer.core.attempt import Attempt
from resilient_infer.core.http import HttpResponse
from resilient_infer.core.secret import Secret
from resilient_infer.core.target import Endpoint, Pin, Route
from resilient_infer.core.task import TASKS
from resilient_infer.providers.payload import normalise

NOW = 1_700_000_000.0
TOKEN = "hf_AbCdEfGhIjKlMnOp"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
WAV = b"RIFF\x24\0\0\0WAVEfmt "
PAYLOADS: Mapping[str, object] = {
    "text-classification": {"inputs": "I love it"},
    "zero-shot-classification": {
        "inputs": "I love it",
        "parameters": {"candidate_labels": ["joy", "anger"]},
    },
    "text-generation": {"inputs": "Once upon a time"},
    "feature-extraction": {"inputs": "hello"},
    "chat": {"messages": [{"role": "user", "content": "hello"}]},
    "token-classification": {"inputs": "Ada lives in London"},
    "question-answering": {"inputs": {"question": "Who?", "context": "Ada wrote it"}},
    "fill-mask": {"inputs": "The sky is [MASK]"},
    "sentence-similarity": {"inputs": {"source_sentence": "a cat", "sentences": ["a kitten", "a car"]}},
    "text-ranking": {"inputs": {"query": "a cat", "texts": ["a kitten", "a car"]}},
    "summarization": {"inputs": "A long story"},
    "translation": {"inputs": "Good morning"},
    "image-classification": {"inputs": PNG},
    "object-detection": {"inputs": PNG},
    "image-to-text": {"inputs": PNG},
    "audio-classification": {"inputs": WAV},
    "automatic-speech-recognition": {"inputs": WAV},
}

LATIN = st.binary(max_size=30).map(lambda raw: raw.decode("latin-1"))
_WORDS = st.sampled_from(
    [
        *("error", "message", "code", "type", "detail", "msg", "loc", "object", "estimated_time"),
        *("label", "score", "labels", "scores", "sequence", "generated_text", "embeddings"),
        *("entity", "entity_group", "word", "start", "end", "answer", "token", "token_str", "box", "xmin"),
        *("summary_text", "translation_text", "text", "chunks", "timestamp", "index", "similarities"),
        *("choices", "finish_reason", "role", "content", "usage", "prompt_tokens", "model", "tool_calls"),
    ]
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**400, max_value=10**401)
    | st.floats()
    | LATIN
    | _WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_WORDS | LATIN, inner, max_size=4),
    max_leaves=20,
)
"""Any JSON value as an answer may hold it, leaning towards the words that codecs look for."""


def order(
    kind: str,
    task: str,
    payload: object = None,
    *,
    url: str = "https://example.test/v1",
    secret: str | None = TOKEN,
    headers: tuple[tuple[str, str], ...] = (),
    timeout: float = 10.0,
) -> Attempt:
    """An attempt of `payload`, or of the task's sample, on a route of `kind`."""
    endpoint = Endpoint(provider="sample", kind=kind, url=url, headers=headers)
    return Attempt(
        number=1,
        call_id="call-0001",
        alias="sample",
        task=TASKS[task],
        route=Route(endpoint=endpoint, name="org/model"),
        model="org/model",
        revision="0" * 40,
        pin=Pin.DECLARED,
        payload=normalise(TASKS[task], PAYLOADS[task] if payload is None else payload),
        secret=None if secret is None else Secret(secret),
        timeout=timeout,
        safe=True,
    )


def answer(
    body: object, status: int = 200, headers: Mapping[str, str] | None = None, *, framed: bool = True
) -> HttpResponse:
    """An answer with `body`: bytes as they are, anything else as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpResponse(status=status, headers=headers or {}, body=raw, framed=framed, received_at=NOW)
