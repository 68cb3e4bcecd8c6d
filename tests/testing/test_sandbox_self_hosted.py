"""What TGI and TEI answer and how they complain; and that every kind answers whatever comes."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resilient_infer.testing.sandbox import CATALOGUE, Kind, Model, Sandbox, Server, Status
from resilient_infer.testing.sandbox.dialect import Dialect, Question
from resilient_infer.testing.sandbox.sandbox import DIALECTS
from resilient_infer.testing.sandbox.wire import Request
from tests.testing.raw import GPT2, SENTIMENT, ask

LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
BGE = "BAAI/bge-small-en-v1.5"
RERANKER = "BAAI/bge-reranker-base"
NAMES = (LLAMA, GPT2, BGE, RERANKER, SENTIMENT, "sentence-transformers/all-mpnet-base-v2")


def say(text: str, **more: Any) -> dict[str, Any]:
    return {"model": LLAMA, "messages": [{"role": "user", "content": text}], **more}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 5) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = (
    "model", "prompt", "input", "inputs", "query", "texts", "max_tokens", "temperature", "stop", "n",
    "stream", "encoding_format", "dimensions", "truncate", "normalize", "raw_scores", "return_text", "echo",
)  # fmt: skip
PARAMETERS = ("max_new_tokens", "temperature", "top_p", "top_k", "truncate", "stop", "details")
bodies = json_values | st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(FIELDS, json_values),
        "messages": json_values
        | st.lists(st.fixed_dictionaries({"role": st.just("user"), "content": json_values}), max_size=2),
        "parameters": json_values | st.dictionaries(st.sampled_from(PARAMETERS), json_values),
    },
)
PATHS = (
    "/generate", "/", "/embed", "/predict", "/rerank", "/similarity", "/v1/embeddings", "/v1/completions",
    "/v1/chat/completions", "/chat/completions", "/completions", "/embeddings", "/info", "/v1/models", "/no",
)  # fmt: skip


@st.composite
def questions(draw: st.DrawFn) -> tuple[Dialect, Question]:
    dialect = draw(st.sampled_from(list(DIALECTS.values())))
    models = [CATALOGUE[name] for name in NAMES if CATALOGUE[name].task in dialect.tasks]
    model, path = draw(st.sampled_from(models)), draw(st.sampled_from(PATHS))
    method = draw(st.sampled_from(["POST", "POST", "GET"]))
    content: Any = draw(bodies)
    request = Request(method=method, path=path, content=content)
    return dialect, Question(request=request, path=path, models={model.name: model}, draw=1)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=500)
@given(asked=questions())
def test_everything_is_answered(asked: tuple[Dialect, Question]) -> None:
    """Whatever arrives, wherever: a status below 500, but for what the real one does not catch either."""
    dialect, question = asked

    dialect.named(question)
    reply = dialect.answer(question)

    crashed = dialect.kind == "transformers" and reply.body == b"Internal Server Error"
    assert 200 <= reply.status < 500 or reply.status == 501 or crashed


class TestTgi:
    @pytest.fixture
    def server(self, sandbox: Sandbox) -> Server:
        return sandbox.serve("tgi", models=[LLAMA])

    def test_it_generates(self, server: Server) -> None:
        """The continuation alone, with details if they are asked for; in a list on the old path."""
        asked: dict[str, Any] = {"inputs": "The sea", "parameters": {"max_new_tokens": 4, "details": True}}
        answer = ask(server, "/generate", asked).json
        plain = ask(server, "/", {"inputs": "The sea", "parameters": {"max_new_tokens": 4}}).json

        assert plain == [{"generated_text": answer["generated_text"]}]
        assert answer["details"]["finish_reason"] == "length"
        assert answer["details"]["generated_tokens"] == len(answer["details"]["tokens"]) == 4
        asked["parameters"] |= {"return_full_text": True}
        assert ask(server, "/generate", asked).json["generated_text"].startswith("The sea")

    def test_why_it_ended(self, server: Server) -> None:
        """By itself, at a stop, at the limit."""
        whole = ask(server, "/generate", {"inputs": "The sea", "parameters": {"details": True}}).json
        word = whole["generated_text"].split()[2]
        stopped = {"inputs": "The sea", "parameters": {"details": True, "stop": [word]}}

        assert whole["details"]["finish_reason"] == "eos_token"
        assert ask(server, "/generate", stopped).json["details"]["finish_reason"] == "stop_sequence"

    @pytest.mark.parametrize(
        ("parameters", "said"),
        [
            ({"temperature": 0}, "`temperature` must be strictly positive"),
            ({"max_new_tokens": 0}, "`max_new_tokens` must be strictly positive"),
            ({"top_p": 1}, "`top_p` must be > 0.0 and < 1.0"),
            ({"top_k": 0}, "`top_k` must be strictly positive"),
            ({"stop": list("abcde")}, "`stop` supports up to 4 stop sequences. Given: 5"),
        ],
    )
    def test_how_it_complains(self, server: Server, parameters: dict[str, Any], said: str) -> None:
        """422 {"error", "error_type": "validation"}."""
        answer = ask(server, "/generate", {"inputs": "x", "parameters": parameters})

        error = f"Input validation error: {said}"
        assert (answer.status, answer.json) == (422, {"error": error, "error_type": "validation"})

    def test_what_it_cannot_read_it_says_in_plain_text(self, server: Server) -> None:
        """422 too, but no JSON."""
        for wrong in ({}, {"inputs": ["a", "b"]}, {"inputs": "x", "parameters": {"temperature": "hot"}}):
            answer = ask(server, "/generate", wrong)
            assert answer.status == 422
            assert answer.body.startswith(b"Failed to deserialize the JSON body")

    def test_too_long_is_refused(self, sandbox: Sandbox) -> None:
        """Tokens in and out together; `truncate` makes room."""
        server = sandbox.serve("tgi", models=[Model(name="acme/small", task="text-generation", context=8)])
        asked: dict[str, Any] = {"inputs": "one two three four five", "parameters": {"max_new_tokens": 4}}

        assert ask(server, "/generate", asked).status == 422
        asked["parameters"]["truncate"] = 4
        assert ask(server, "/generate", asked).status == 200

    def test_it_chats(self, sandbox: Sandbox, server: Server) -> None:
        """Any model's name is answered; a model without a template is told so."""
        other = sandbox.serve("tgi", models=[GPT2])
        refused = ask(other, "/v1/chat/completions", say("x"))

        assert ask(server, "/v1/chat/completions", say("x", model="tgi")).json["model"] == LLAMA
        assert (refused.status, refused.json["error_type"]) == (422, "template_error")

    @pytest.mark.parametrize(
        ("code", "kind"), [(424, "generation"), (429, "overloaded"), (500, "incomplete_generation")]
    )
    def test_how_it_fails(self, server: Server, code: int, kind: str) -> None:
        """Each status has its error_type."""
        server.fail(Status(code=code))
        answer = ask(server, "/generate", {"inputs": "x"})

        assert (answer.status, answer.json["error_type"]) == (code, kind)


class TestTei:
    def test_it_embeds(self, sandbox: Sandbox) -> None:
        """Always a list; of length one unless declined; shorter if asked for."""
        server = sandbox.serve("tei", models=[BGE])
        (one,) = ask(server, "/embed", {"inputs": "a ferry"}).json
        raw, _ = ask(server, "/embed", {"inputs": ["a ferry", "b"], "normalize": False}).json
        (short,) = ask(server, "/embed", {"inputs": "a ferry", "dimensions": 10}).json
        openai = ask(server, "/v1/embeddings", {"input": "a ferry", "model": "any"}).json

        assert len(one) == 384
        assert sum(part * part for part in one) == pytest.approx(1)
        assert sum(part * part for part in raw) > 2
        assert len(short) == 10
        assert openai["model"] == BGE
        assert openai["data"][0]["embedding"] == pytest.approx(one, abs=1e-6)
        assert ask(server, "/", {"inputs": "a ferry"}).json == [one]

    def test_a_list_of_two_texts_is_a_pair(self, sandbox: Sandbox) -> None:
        """/predict: a text, a pair, or lists of one or two texts each."""
        server = sandbox.serve("tei", models=[SENTIMENT])

        def labels(inputs: Any) -> Any:
            answer = ask(server, "/predict", {"inputs": inputs}).json
            nested = isinstance(answer[0], list)
            return [each[0]["label"] for each in answer] if nested else answer[0]["label"]

        assert labels("I love it") == "POSITIVE"
        assert labels(["I love it", "perfect"]) == "POSITIVE"
        assert labels([["I love it"], ["I hate it"]]) == ["POSITIVE", "NEGATIVE"]
        wrongs: list[Any] = [[], ["a", "b", "c"], [["a"], "b"], [[]], 3]
        for wrong in wrongs:
            assert ask(server, "/predict", {"inputs": wrong}).status == 422
        ((best, _),) = ask(server, "/predict", {"inputs": [["I love it"]], "raw_scores": True}).json
        assert best["score"] > 1

    def test_it_ranks(self, sandbox: Sandbox) -> None:
        """Best first, by the place in the question; with the texts if asked for."""
        server = sandbox.serve("tei", models=[RERANKER])
        asked: dict[str, Any] = {"query": "the ferry", "texts": ["bread", "the ferry left"]}
        answer = ask(server, "/rerank", asked).json
        shown = ask(server, "/rerank", {**asked, "return_text": True, "raw_scores": True}).json

        assert [rank["index"] for rank in answer] == [1, 0]
        assert all(rank.keys() == {"index", "score"} and 0 < rank["score"] < 1 for rank in answer)
        assert [rank["text"] for rank in shown] == ["the ferry left", "bread"]
        assert shown[0]["score"] > 1

    def test_it_compares(self, sandbox: Sandbox) -> None:
        """One number for each sentence."""
        server = sandbox.serve("tei", models=[BGE])
        asked = {"inputs": {"source_sentence": "a ferry", "sentences": ["a ferry", "bread"]}}
        same, other = ask(server, "/similarity", asked).json

        assert same == pytest.approx(1)
        assert other < 0.9

    @pytest.mark.parametrize(
        ("path", "content", "status", "error_type"),
        [
            ("/embed", {"inputs": []}, 400, "Empty"),
            ("/embed", {"inputs": ["x"] * 33}, 413, "Validation"),
            ("/embed", {"inputs": "x " * 513}, 413, "Validation"),
            ("/predict", {"inputs": "x"}, 424, "Backend"),
            ("/rerank", {"query": "x", "texts": ["y"]}, 424, "Backend"),
        ],
    )
    def test_how_it_complains(
        self, sandbox: Sandbox, path: str, content: Any, status: int, error_type: str
    ) -> None:
        """{"error", "error_type"}: the batch, the length, and what the model is not for."""
        answer = ask(sandbox.serve("tei", models=[BGE]), path, content)

        assert (answer.status, answer.json["error_type"]) == (status, error_type)
        assert answer.json.keys() == {"error", "error_type"}

    def test_its_openai_side_complains_flat(self, sandbox: Sandbox) -> None:
        """{message, code, type}, the code being the status; what is too long may be cut elsewhere."""
        server = sandbox.serve("tei", models=[BGE])
        answer = ask(server, "/v1/embeddings", {"input": ["x"] * 33})

        assert answer.status == 413
        assert answer.json == {
            "message": "batch size 33 > maximum allowed batch size 32",
            "code": 413,
            "type": "Validation",
        }
        assert ask(server, "/embed", {"inputs": "x " * 600, "truncate": True}).status == 200


@pytest.mark.parametrize("kind", DIALECTS)
def test_a_key_is_demanded_by_every_kind(sandbox: Sandbox, kind: Kind) -> None:
    """401 without it, on payloads and on questions of identity alike."""
    server = sandbox.serve(kind, key="sk-secret")
    for path, method in (("/chat/completions", "POST"), ("/models", "GET")):
        answer = ask(server, path, {}, method=method)
        assert (answer.status, b"sk-secret" in answer.body) == (401, False)
