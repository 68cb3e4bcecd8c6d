"""Clients that know nothing of the sandbox read what it serves: a check of its honesty."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from resilient_infer.client import Client
from resilient_infer.testing.sandbox import Drip, Reset, Sandbox, Server, Status, StreamError, throttled
from tests.testing.drawing import plain, wav, with_box
from tests.testing.raw import GPT2, MINI, SENTIMENT

MNLI = "facebook/bart-large-mnli"
MINILM = "sentence-transformers/all-MiniLM-L6-v2"
LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
VIT = "google/vit-base-patch16-224"
HUBERT = "superb/hubert-base-superb-er"


@pytest.fixture
def server(sandbox: Sandbox) -> Server:
    return sandbox.serve("hf-inference", key="hf_key")


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as made:
        made.trust_env = False
        yield made


class TestHuggingFaceHub:
    """`InferenceClient` with a model's URL instead of its name."""

    @pytest.fixture(autouse=True)
    def hub(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
        self.library = pytest.importorskip("huggingface_hub")

    def test_text_classification(self, server: Server) -> None:
        """The best label first, as objects."""
        client = self.library.InferenceClient(token="hf_key", timeout=5)
        best, worst = client.text_classification("I love it", model=f"{server.url}/models/{SENTIMENT}")

        assert (best.label, worst.label) == ("POSITIVE", "NEGATIVE")
        assert best.score > 0.9

    def test_zero_shot_classification(self, server: Server) -> None:
        """The new form, and the parameters arrive as expected."""
        client = self.library.InferenceClient(token="hf_key", timeout=5)
        url = f"{server.url}/models/facebook/bart-large-mnli"
        ranked = client.zero_shot_classification("a bill", ["ball", "bill"], multi_label=True, model=url)

        assert [pair.label for pair in ranked] == ["bill", "ball"]

    def test_feature_extraction(self, server: Server) -> None:
        """An array of 384 numbers."""
        pytest.importorskip("numpy")
        client = self.library.InferenceClient(token="hf_key", timeout=5)
        url = f"{server.url}/models/sentence-transformers/all-MiniLM-L6-v2/pipeline/feature-extraction"

        assert client.feature_extraction("a ferry", normalize=True, model=url).shape == (384,)

    def test_text_generation(self, server: Server) -> None:
        """The text alone, and a refusal is the library's own error with the server's words."""
        client = self.library.InferenceClient(token="hf_key", timeout=5)
        url = f"{server.url}/models/{GPT2}"
        text = client.text_generation("The sea", max_new_tokens=9, return_full_text=False, model=url)

        assert 0 < len(text.split()) <= 9
        server.fail(throttled(3))
        with pytest.raises(self.library.errors.HfHubHTTPError, match="429"):
            client.text_generation("The sea", model=url)

    def test_pictures(self, server: Server) -> None:
        """From PNG bytes: labels, boxes, words; parameters turn the body into JSON."""
        client = self.library.InferenceClient(token="hf_key", timeout=5)
        red, box = plain((220, 20, 20)), with_box((20, 40, 230), (5, 6, 25, 20))
        labels = client.image_classification(red, model=f"{server.url}/models/{VIT}")
        (one,) = client.image_classification(red, top_k=1, model=f"{server.url}/models/{VIT}")
        (thing,) = client.object_detection(box, model=f"{server.url}/models/facebook/detr-resnet-50")
        told = client.image_to_text(red, model=f"{server.url}/models/Salesforce/blip-image-captioning-base")

        assert (labels[0].label, one.label, thing.label) == ("red", "red", "blue")
        assert (thing.box.xmin, thing.box.ymin, thing.box.xmax, thing.box.ymax) == (5, 6, 25, 20)
        assert told.generated_text.endswith("of 32 by 32 pixels")
        with pytest.raises(self.library.errors.HfHubHTTPError, match="cannot identify image file"):
            client.image_classification(b"garbage", model=f"{server.url}/models/{VIT}")

    def test_sounds(self, server: Server) -> None:
        """From WAV bytes: labels and words."""
        client = self.library.InferenceClient(token="hf_key", timeout=5)
        labels = client.audio_classification(wav(440), model=f"{server.url}/models/{HUBERT}")
        told = client.automatic_speech_recognition(
            wav(440), model=f"{server.url}/models/openai/whisper-small"
        )

        assert labels[0].label == "loud"
        assert told.text.endswith("at 440 hertz")

    def test_texts(self, server: Server) -> None:
        """Names, answers, missing words, gists, French, likeness."""
        client = self.library.InferenceClient(token="hf_key", timeout=5)

        def at(name: str) -> str:
            return f"{server.url}/models/{name}"

        names = client.token_classification("Marie Curie in Paris", model=at("dslim/bert-base-NER"))
        answer = client.question_answering("Who left?", "Ada left.", model=at("deepset/roberta-base-squad2"))
        words = client.fill_mask("The [MASK].", top_k=2, model=at("google-bert/bert-base-uncased"))
        gist = client.summarization("One. Two.", model=at("facebook/bart-large-cnn"))
        french = client.translation("Hello world", model=at("Helsinki-NLP/opus-mt-en-fr"))
        similar = client.sentence_similarity(
            "a ferry",
            ["a ferry", "bread"],
            model=at("sentence-transformers/all-mpnet-base-v2/pipeline/sentence-similarity"),
        )

        assert [(name.entity_group, name.word) for name in names] == [
            ("PER", "Marie Curie"),
            ("LOC", "Paris"),
        ]
        assert (answer.answer, answer.start, answer.end) == ("Ada", 0, 3)
        assert len(words) == 2
        assert gist.summary_text == "One."
        assert french.translation_text == "Bonjour monde"
        assert similar[0] == pytest.approx(1)

    def test_tgi_and_tei(self, sandbox: Sandbox) -> None:
        """Text with its details, chat and likeness, from the server's URL."""
        library = self.library
        tgi, tei = sandbox.serve("tgi"), sandbox.serve("tei")
        client = library.InferenceClient(timeout=5)
        made = client.text_generation("The sea", max_new_tokens=4, details=True, model=tgi.url)
        said = library.InferenceClient(base_url=f"{tgi.url}/v1", timeout=5).chat_completion(
            [{"role": "user", "content": "Go on"}], max_tokens=4
        )

        assert made.details.finish_reason == "length"
        assert made.details.generated_tokens == 4
        assert said.choices[0].finish_reason == "length"
        assert client.sentence_similarity("a", ["a"], model=f"{tei.url}/similarity") == [pytest.approx(1)]

    def test_streams(self, sandbox: Sandbox) -> None:
        """Of text, token by token and with details, and of chat; the same text as a whole answer's."""
        library, tgi = self.library, sandbox.serve("tgi")
        client = library.InferenceClient(timeout=5)
        whole = client.text_generation("The sea", max_new_tokens=9, model=tgi.url)
        tokens = list(client.text_generation("The sea", max_new_tokens=9, model=tgi.url, stream=True))
        *_, last = client.text_generation(
            "The sea", max_new_tokens=9, model=tgi.url, stream=True, details=True
        )
        chat = library.InferenceClient(base_url=f"{tgi.url}/v1", timeout=5)
        question = [{"role": "user", "content": "Go on"}]
        said = chat.chat_completion(question, max_tokens=9).choices[0].message.content
        chunks = list(chat.chat_completion(question, max_tokens=9, stream=True))

        assert "".join(tokens) == whole == last.generated_text
        assert last.details.generated_tokens == 9
        assert "".join(choice.delta.content for chunk in chunks for choice in chunk.choices) == said

    def test_streams_of_the_serverless_service_and_of_the_router(
        self, server: Server, sandbox: Sandbox
    ) -> None:
        """With the key, and with the usage that was asked for."""
        client = self.library.InferenceClient(token="hf_key", timeout=5)
        url = f"{server.url}/models/{GPT2}"
        asked = {"max_new_tokens": 9, "return_full_text": False, "model": url}
        router = sandbox.serve("hf-router", key="hf_key")
        chat = self.library.InferenceClient(base_url=router.url, token="hf_key", timeout=5)
        *_, last = chat.chat_completion(
            [{"role": "user", "content": "Go on"}],
            model=f"{LLAMA}:groq",
            max_tokens=4,
            stream=True,
            stream_options={"include_usage": True},
        )

        assert "".join(client.text_generation("The sea", stream=True, **asked)) == client.text_generation(
            "The sea", **asked
        )
        assert last.usage.completion_tokens == 4

    def test_an_error_within_a_stream(self, sandbox: Sandbox) -> None:
        """Is the library's own, with the server's words."""
        tgi = sandbox.serve("tgi")
        client = self.library.InferenceClient(timeout=5)
        tgi.fail(StreamError(after=2, code=429, message="too much"))

        with pytest.raises(self.library.errors.OverloadedError, match="too much"):
            list(client.text_generation("The sea", model=tgi.url, stream=True))

    def test_the_router(self, sandbox: Sandbox) -> None:
        """Chat with the provider named."""
        router = sandbox.serve("hf-router", key="hf_key")
        client = self.library.InferenceClient(base_url=router.url, token="hf_key", timeout=5)
        said = client.chat_completion(
            [{"role": "user", "content": "Go on"}], model=f"{LLAMA}:groq", max_tokens=4
        )

        assert said.choices[0].message.role == "assistant"
        assert router.requests[0].model == LLAMA


def test_requests_keeps_its_connection(session: requests.Session, server: Server) -> None:
    """Ten posts, one connection."""
    session.headers["authorization"] = "Bearer hf_key"
    for _ in range(10):
        answer = session.post(f"{server.url}/models/{SENTIMENT}", json={"inputs": "fun"}, timeout=5)
        assert answer.status_code == 200

    assert {received.connection for received in server.requests} == {1}


def test_requests_sends_chunks(session: requests.Session, sandbox: Sandbox) -> None:
    """A body from a generator is chunked, and read."""
    chat = sandbox.serve("openai")
    parts = (b'{"model": "', MINI.encode(), b'", "messages": [{"role": "user", "content": "Go on"}]}')
    answer = session.post(f"{chat.url}/chat/completions", data=iter(parts), timeout=5)

    assert answer.json()["model"] == MINI
    assert chat.requests[0].headers["transfer-encoding"] == "chunked"


def test_requests_is_fooled_by_a_drip_and_by_cut_headers(session: requests.Session, sandbox: Sandbox) -> None:
    """The two traps the faults were made for: its time limit bounds one read, and headers that
    break off come out as an answer or as an error that says nothing of the request's fate."""
    server = sandbox.serve("hf-inference")
    url = f"{server.url}/models/{SENTIMENT}"
    server.fail(Drip(rate=400))
    start = time.monotonic()
    answer = session.post(url, json={"inputs": "fun"}, timeout=0.1)
    assert (answer.status_code, time.monotonic() - start > 0.15) == (200, True)
    server.heal()
    server.fail(Reset(where="headers"))
    try:
        cut = session.post(url, json={"inputs": "fun"}, timeout=1)
        seen = f"{cut.status_code} {cut.text}"
    except requests.ConnectionError as error:
        seen = str(error)

    assert seen == "200 " or "reset" in seen


@pytest.mark.parametrize(
    ("kind", "model", "payload"),
    [
        ("hf-inference", SENTIMENT, {"inputs": ["I love it", "I hate it"]}),
        ("hf-endpoint", SENTIMENT, {"inputs": ["I love it", "I hate it"]}),
        ("hf-inference", MNLI, {"inputs": "a bill", "parameters": {"candidate_labels": ["ball", "bill"]}}),
        ("hf-endpoint", MNLI, {"inputs": "a bill", "parameters": {"candidate_labels": ["ball", "bill"]}}),
        ("hf-inference", MINILM, {"inputs": "a ferry"}),
        ("hf-endpoint", MINILM, {"inputs": "a ferry"}),
        ("hf-inference", GPT2, {"inputs": "The sea", "parameters": {"max_new_tokens": 5}}),
        ("hf-endpoint", GPT2, {"inputs": "The sea", "parameters": {"max_new_tokens": 5}}),
        ("openai", MINI, {"messages": [{"role": "user", "content": "Go on"}]}),
        ("openai", LLAMA, {"messages": [{"role": "user", "content": "Go on"}]}),
    ],
)
def test_this_library_calls_what_the_sandbox_wrote(
    sandbox: Sandbox, tmp_path: Path, kind: Any, model: str, payload: dict[str, Any]
) -> None:
    """Every kind and task, from the written files to an answer, over one failure."""
    server = sandbox.serve(kind, models=[model])
    server.fail(Status(code=503), attempts=1)
    folder = sandbox.write(tmp_path / "lockfiles", {"it": model}, {"retries": 1})

    with Client(lockfiles=folder, private_state=True) as client:
        result = client.call("it", payload)

    assert result.output
    assert [received.attempt for received in server.requests] == [1, 2]
