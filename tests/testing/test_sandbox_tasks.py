"""Every task on the two Hugging Face kinds: the real forms of questions, answers and complaints."""

import base64
import http.client
from typing import Any
from urllib.parse import urlsplit

import pytest

from resilient_infer.core.task import TASKS
from resilient_infer.testing.sandbox import CATALOGUE, Kind, Sandbox, Server
from tests.testing.drawing import plain, wav, with_box
from tests.testing.raw import PATIENCE, Answer, address, ask

NER = "dslim/bert-base-NER"
SQUAD = "deepset/roberta-base-squad2"
BERT = "google-bert/bert-base-uncased"
BART = "facebook/bart-large-cnn"
OPUS = "Helsinki-NLP/opus-mt-en-fr"
MPNET = "sentence-transformers/all-mpnet-base-v2"
MINILM = "sentence-transformers/all-MiniLM-L6-v2"
VIT = "google/vit-base-patch16-224"
DETR = "facebook/detr-resnet-50"
BLIP = "Salesforce/blip-image-captioning-base"
HUBERT = "superb/hubert-base-superb-er"
WHISPER = "openai/whisper-small"

RED = plain((220, 20, 20))
BOX = with_box((20, 40, 230), (5, 6, 25, 20))
TONE = wav(440)
HF: tuple[Kind, Kind] = ("hf-inference", "hf-endpoint")


def served(sandbox: Sandbox, kind: Kind, model: str) -> tuple[Server, str]:
    return sandbox.serve(kind, models=[model]), f"/models/{model}" if kind == "hf-inference" else "/"


def post(server: Server, path: str, body: bytes, content_type: str) -> Answer:
    connection = http.client.HTTPConnection(*address(server), timeout=PATIENCE)
    connection.request(
        "POST", urlsplit(server.url).path + path, body=body, headers={"content-type": content_type}
    )
    response = connection.getresponse()
    answer = Answer(status=response.status, headers=dict(response.getheaders()), body=response.read())
    connection.close()
    return answer


@pytest.fixture(params=HF)
def kind(request: pytest.FixtureRequest) -> Any:
    return request.param


class TestTexts:
    def test_names(self, sandbox: Sandbox) -> None:
        """Hosted: in one piece each; in the container: word by word, unless a strategy is asked for."""
        asked = {"inputs": "Marie Curie lived in Paris"}
        hosted, path = served(sandbox, "hf-inference", NER)
        container, root = served(sandbox, "hf-endpoint", NER)
        joined = ask(hosted, path, asked).json
        single = ask(container, root, asked).json

        assert [(name["entity_group"], name["word"]) for name in joined] == [
            ("PER", "Marie Curie"),
            ("LOC", "Paris"),
        ]
        assert [(name["entity"], name["word"]) for name in single] == [
            ("I-PER", "Marie"),
            ("I-PER", "Curie"),
            ("I-LOC", "Paris"),
        ]
        assert [name["index"] for name in single] == [1, 2, 5]
        for server, where in ((hosted, path), (container, root)):
            asked_more = {**asked, "parameters": {"aggregation_strategy": "max", "ignore_labels": ["LOC"]}}
            assert [name["word"] for name in ask(server, where, asked_more).json] == ["Marie Curie"]
            many = ask(server, where, {"inputs": ["Paris", "no name"]}).json
            assert [len(names) for names in many] == [1, 0]

    def test_questions(self, sandbox: Sandbox, kind: Kind) -> None:
        """One answer as a mapping, several as a list; it stands in the context where it says."""
        server, path = served(sandbox, kind, SQUAD)
        context = "Marie Curie discovered radium in Paris."
        asked: dict[str, Any] = {"inputs": {"question": "Who discovered radium?", "context": context}}
        one = ask(server, path, asked).json
        several = ask(server, path, {**asked, "parameters": {"top_k": 2}}).json

        assert one["answer"] == "Marie Curie" == context[one["start"] : one["end"]]
        assert [answer["answer"] for answer in several] == ["Marie Curie", "Paris"]
        for wrong in ({"question": "", "context": "x"}, {"question": "x"}, "text", ["x"]):
            assert ask(server, path, {"inputs": wrong}).status == 400

    def test_masks(self, sandbox: Sandbox, kind: Kind) -> None:
        """Five words, or those asked for; a list for each of several masks; another mask is none."""
        server, path = served(sandbox, kind, BERT)
        found = ask(server, path, {"inputs": "The [MASK] left."}).json
        two = ask(server, path, {"inputs": "The [MASK] saw the [MASK].", "parameters": {"top_k": 2}}).json
        chosen = ask(server, path, {"inputs": "A [MASK].", "parameters": {"targets": ["gull", "bell"]}}).json

        assert len(found) == 5
        assert found[0].keys() == {"score", "token", "token_str", "sequence"}
        assert found[0]["sequence"] == f"The {found[0]['token_str']} left."
        assert [len(words) for words in two] == [2, 2]
        assert sorted(word["token_str"] for word in chosen) == ["bell", "gull"]
        refused = ask(server, path, {"inputs": "The <mask> left."})
        assert (refused.status, "No mask_token ([MASK]) found" in refused.json["error"]) == (400, True)

    @pytest.mark.parametrize(
        ("model", "key", "text"), [(BART, "summary_text", "One. Two."), (OPUS, "translation_text", "Hello")]
    )
    def test_summaries_and_translations(
        self, sandbox: Sandbox, kind: Kind, model: str, key: str, text: str
    ) -> None:
        """Always a list of mappings, one for each input."""
        server, path = served(sandbox, kind, model)
        expected = {"summary_text": "One.", "translation_text": "Bonjour"}[key]

        assert ask(server, path, {"inputs": text}).json == [{key: expected}]
        assert ask(server, path, {"inputs": [text, text]}).json == [{key: expected}] * 2

    def test_a_summary_has_a_length(self, sandbox: Sandbox, kind: Kind) -> None:
        """Among the parameters, or among those of the generation."""
        server, path = served(sandbox, kind, BART)
        for given in ({"min_length": 2}, {"generate_parameters": {"min_length": 2}}):
            answer = ask(server, path, {"inputs": "One. Two. Three.", "parameters": given}).json
            assert answer == [{"summary_text": "One. Two."}]
        assert ask(server, path, {"inputs": "One.", "parameters": {"max_length": 0}}).status == 400

    def test_similarities(self, sandbox: Sandbox, kind: Kind) -> None:
        """One number for each sentence."""
        server, path = served(sandbox, kind, MPNET)
        asked = {"inputs": {"source_sentence": "a ferry", "sentences": ["a ferry", "bread"]}}
        same, other = ask(server, path, asked).json

        assert same == pytest.approx(1)
        assert other < 0.9
        for wrong in ("x", {"source_sentence": "a"}, {"source_sentence": "a", "sentences": [1]}):
            assert ask(server, path, {"inputs": wrong}).status == 400

    def test_the_path_decides_what_a_sentence_model_does(self, sandbox: Sandbox) -> None:
        """Hosted, a sentence model gives vectors or similarities, and nothing else."""
        hosted, path = served(sandbox, "hf-inference", MINILM)
        pair = {"inputs": {"source_sentence": "a", "sentences": ["a", "b"]}}

        assert len(ask(hosted, f"{path}/pipeline/sentence-similarity", pair).json) == 2
        assert len(ask(hosted, f"{path}/pipeline/feature-extraction", {"inputs": "a"}).json) == 384
        assert ask(hosted, f"{path}/pipeline/translation", {"inputs": "a"}).status == 400


class TestFiles:
    def test_a_picture_by_its_colour(self, sandbox: Sandbox, kind: Kind) -> None:
        """As bytes and as base64, with and without the header of a data URL; five labels, or top_k."""
        server, path = served(sandbox, kind, VIT)
        packed = base64.b64encode(RED).decode()
        answer = post(server, path, RED, "image/png").json

        assert answer[0]["label"] == "red"
        assert len(answer) == 5
        assert ask_json(server, path, {"inputs": packed}) == answer
        assert ask_json(server, path, {"inputs": f"data:image/png;base64,{packed}"}) == answer
        assert ask_json(server, path, {"inputs": packed, "parameters": {"top_k": 1}}) == answer[:1]

    def test_things_and_words(self, sandbox: Sandbox, kind: Kind) -> None:
        """A box around what stands out, and the picture in words."""
        detector, path = served(sandbox, kind, DETR)
        teller, other_path = served(sandbox, kind, BLIP)
        (thing,) = post(detector, path, BOX, "image/png").json
        ((text,),) = (answer.values() for answer in post(teller, other_path, BOX, "image/png").json)

        assert thing["label"] == "blue"
        assert thing["box"] == {"xmin": 5, "ymin": 6, "xmax": 25, "ymax": 20}
        assert text.startswith("a blue shape on a white ")
        asked = {"inputs": base64.b64encode(BOX).decode(), "parameters": {"threshold": 1.0}}
        assert ask_json(detector, path, asked) == []

    def test_sounds(self, sandbox: Sandbox, kind: Kind) -> None:
        """Labels best first; text, with timestamps if they are asked for."""
        listener, path = served(sandbox, kind, HUBERT)
        writer, other_path = served(sandbox, kind, WHISPER)
        heard = post(writer, other_path, TONE, "audio/wav").json
        asked = {"inputs": base64.b64encode(TONE).decode(), "parameters": {"return_timestamps": True}}

        assert post(listener, path, TONE, "audio/wav").json[0]["label"] == "loud"
        assert heard.keys() == {"text"}
        assert heard["text"].endswith("at 440 hertz")
        assert ask_json(writer, other_path, asked) == {
            **heard,
            "chunks": [{"text": heard["text"], "timestamp": [0.0, 1.0]}],
        }

    @pytest.mark.parametrize(
        ("model", "words"),
        [
            (VIT, "cannot identify image file"),
            (DETR, "cannot identify image file"),
            (BLIP, "cannot identify image file"),
            (HUBERT, "Soundfile is either not in the correct format"),
            (WHISPER, "Soundfile is either not in the correct format"),
        ],
    )
    def test_garbage_is_a_400(self, sandbox: Sandbox, kind: Kind, model: str, words: str) -> None:
        """In the words of the library that reads files there; also as base64, and what is none."""
        server, path = served(sandbox, kind, model)
        raw = post(server, path, b"garbage", "image/png")
        packed = ask_json(server, path, {"inputs": base64.b64encode(b"garbage").decode()})

        assert raw.status == 400
        assert raw.json["error"].startswith(words)
        assert packed == raw.json
        for wrong in ("no base64!", 3, None, ["x"]):
            assert ask(server, path, {"inputs": wrong}).status == 400

    def test_the_container_knows_its_content_types(self, sandbox: Sandbox) -> None:
        """What is announced as something else is refused; the hosted service looks at the bytes."""
        container, root = served(sandbox, "hf-endpoint", VIT)
        hosted, path = served(sandbox, "hf-inference", VIT)
        refused = post(container, root, RED, "application/octet-stream")

        assert refused.status == 400
        assert refused.json["error"].startswith('Content type "application/octet-stream" not supported.')
        assert post(hosted, path, RED, "application/octet-stream").status == 200

    def test_the_journal_has_the_file(self, sandbox: Sandbox) -> None:
        """The bytes as they came, and no JSON."""
        server, path = served(sandbox, "hf-inference", VIT)
        post(server, path, RED, "image/png")
        (received,) = server.requests

        assert (received.raw, received.body, received.model) == (RED, None, VIT)


def ask_json(server: Server, path: str, content: object) -> Any:
    return ask(server, path, content, headers={"content-type": "application/json"}).json


def test_every_task_has_a_model() -> None:
    """The catalogue leaves none out."""
    assert {model.task for model in CATALOGUE.values()} == set(TASKS)
