"""What each kind of server answers when all is well, and how it complains."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resilient_infer.testing.sandbox import CATALOGUE, Model, Sandbox, Server, commit_of
from resilient_infer.testing.sandbox.dialect import Dialect, Question
from resilient_infer.testing.sandbox.hugging_face import HF_ENDPOINT, HF_INFERENCE
from resilient_infer.testing.sandbox.openai import OPENAI
from resilient_infer.testing.sandbox.wire import Request
from tests.testing.raw import GPT2, MINI, SENTIMENT, ask, classify, connect

MNLI = "facebook/bart-large-mnli"
MINILM = "sentence-transformers/all-MiniLM-L6-v2"


@pytest.fixture
def hosted(sandbox: Sandbox) -> Server:
    return sandbox.serve("hf-inference")


@pytest.fixture
def chat(sandbox: Sandbox) -> Server:
    return sandbox.serve("openai")


def endpoint(sandbox: Sandbox, model: str) -> Server:
    return sandbox.serve("hf-endpoint", models=[model])


def say(text: str, **more: Any) -> dict[str, Any]:
    return {"model": MINI, "messages": [{"role": "user", "content": text}], **more}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
bodies = json_values | st.fixed_dictionaries(
    {},
    optional={
        "inputs": json_values | st.text(),
        "model": json_values | st.just(MINI),
        "messages": json_values
        | st.lists(st.fixed_dictionaries({"role": st.just("user"), "content": json_values}), max_size=3),
        "parameters": st.fixed_dictionaries(
            {},
            optional={
                name: json_values | st.integers(-2, 3)
                for name in (
                    "top_k",
                    "function_to_apply",
                    "candidate_labels",
                    "hypothesis_template",
                    "max_new_tokens",
                    "temperature",
                    "stop",
                )
            },
        )
        | json_values,
        **dict.fromkeys(("max_tokens", "temperature", "stop", "n", "stream"), json_values),
    },
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    body=bodies,
    dialect=st.sampled_from([HF_INFERENCE, HF_ENDPOINT, OPENAI]),
    name=st.sampled_from([*CATALOGUE]),
)
def test_every_body_is_answered(body: Any, dialect: Dialect, name: str) -> None:
    """Whatever JSON arrives, the answer is JSON with a status from 200 to 499."""
    model = CATALOGUE[name]
    path = {"hf-inference": f"/models/{name}", "hf-endpoint": "/", "openai": "/chat/completions"}[
        dialect.kind
    ]
    question = Question(
        request=Request(method="POST", path=path, content=body), path=path, models={name: model}, draw=1
    )

    dialect.named(question)
    reply = dialect.answer(question)

    assert 200 <= reply.status < 500
    assert reply.media_type == "application/json"


class TestHostedByHuggingFace:
    def test_a_classification_is_nested_and_best_first(self, hosted: Server) -> None:
        """[[{label, score}]] for one text, a list of lists for several."""
        (one,) = classify(hosted, "I love it").json
        many = ask(hosted, f"/models/{SENTIMENT}", {"inputs": ["I love it", "I hate it"]}).json

        assert [pair["label"] for pair in one] == ["POSITIVE", "NEGATIVE"]
        assert one[0]["score"] + one[1]["score"] == pytest.approx(1)
        assert [pairs[0]["label"] for pairs in many] == ["POSITIVE", "NEGATIVE"]

    def test_top_k_and_function_to_apply(self, hosted: Server) -> None:
        """`top_k` cuts, null does not; the function is one of three."""
        path = f"/models/{SENTIMENT}"
        for top_k, count in ((1, 1), (5, 2), (None, 2)):
            ((*pairs,),) = ask(hosted, path, {"inputs": "fun", "parameters": {"top_k": top_k}}).json
            assert len(pairs) == count
        ((best, _),) = ask(hosted, path, {"inputs": "fun", "parameters": {"function_to_apply": "none"}}).json
        assert best["score"] > 1

    def test_zero_shot_comes_in_the_new_form(self, hosted: Server) -> None:
        """[{label, score}], adding up to 1 unless several labels may be true."""
        asked = {"inputs": "a bill and a ball", "parameters": {"candidate_labels": ["bill", "ball", "tree"]}}
        one = ask(hosted, f"/models/{MNLI}", asked).json
        asked["parameters"]["multi_label"] = True  # type: ignore[index]  # a dict of dicts
        several = ask(hosted, f"/models/{MNLI}", asked).json

        assert sorted(pair["label"] for pair in one) == ["ball", "bill", "tree"]
        assert sum(pair["score"] for pair in one) == pytest.approx(1)
        assert sum(pair["score"] for pair in several) > 1.5

    def test_embeddings_are_pooled(self, hosted: Server) -> None:
        """One vector for one text, a list for a list; with and without the pipeline in the path."""
        for path in (f"/models/{MINILM}/pipeline/feature-extraction", f"/models/{MINILM}"):
            one = ask(hosted, path, {"inputs": "a ferry", "normalize": True}).json
            many = ask(hosted, path, {"inputs": ["a ferry", "a gull"]}).json
            assert len(one) == 384
            assert one == many[0] != many[1]

    def test_generation_continues_the_prompt(self, hosted: Server) -> None:
        """The prompt comes back before the text unless that is declined; the limit and stops are kept."""
        path = f"/models/{GPT2}"

        def made(**parameters: Any) -> str:
            asked = {"inputs": "The captain", "parameters": {"max_new_tokens": 12, **parameters}}
            ((text,),) = (answer.values() for answer in ask(hosted, path, asked).json)
            return str(text)

        whole, rest = made(), made(return_full_text=False)

        assert whole == "The captain" + rest
        assert len(rest.split()) <= 12
        assert made(return_full_text=False, stop=[rest[4:8]]) == rest[: rest.index(rest[4:8])]

    def test_another_commit_answers_differently(self, hosted: Server) -> None:
        """`move` changes what is served, and going back changes it back."""
        before = classify(hosted).json
        hosted.move(SENTIMENT, commit_of(SENTIMENT, 1))
        moved = classify(hosted).json
        hosted.move(SENTIMENT, commit_of(SENTIMENT))

        assert hosted.models[SENTIMENT] == commit_of(SENTIMENT)
        assert moved != before == classify(hosted).json

    @pytest.mark.parametrize(
        ("path", "content", "status", "error"),
        [
            ("/models/acme/none", {"inputs": "x"}, 404, "Model acme/none does not exist"),
            ("/model", {"inputs": "x"}, 404, "Not Found"),
            (f"/models/{SENTIMENT}", {"input": "x"}, 400, "Body needs to provide a inputs key"),
            (f"/models/{SENTIMENT}", None, 400, "Body needs to provide a inputs key"),
            (f"/models/{SENTIMENT}", {"inputs": []}, 400, None),
            (f"/models/{SENTIMENT}", {"inputs": "x", "parameters": 3}, 400, None),
            (f"/models/{SENTIMENT}", {"inputs": "x", "parameters": {"top_k": 0}}, 400, None),
            (f"/models/{SENTIMENT}", {"inputs": "x", "parameters": {"function_to_apply": "max"}}, 400, None),
            (f"/models/{SENTIMENT}/pipeline/feature-extraction", {"inputs": "x"}, 400, None),
            (f"/models/{MNLI}", {"inputs": "x"}, 400, ["field required: `candidate_labels` in `parameters`"]),
            (
                f"/models/{MNLI}",
                {"inputs": "x", "parameters": {"candidate_labels": ["a"], "hypothesis_template": "no"}},
                400,
                None,
            ),
            (f"/models/{GPT2}", {"inputs": "x", "parameters": {"max_new_tokens": True}}, 400, None),
            (f"/models/{GPT2}", {"inputs": "x", "parameters": {"max_new_tokens": 1024}}, 400, None),
            (f"/models/{GPT2}", {"inputs": "x", "parameters": {"temperature": -1}}, 400, None),
            (f"/models/{GPT2}", {"inputs": ["x"], "stream": True}, 400, None),
        ],
    )
    def test_how_it_complains(self, hosted: Server, path: str, content: Any, status: int, error: Any) -> None:
        """{"error": a sentence}, or a list of them where a parameter is at fault."""
        answer = ask(hosted, path, content)

        assert answer.status == status
        assert answer.json.keys() == {"error"}
        assert error in (None, answer.json["error"])

    def test_a_question_is_posted(self, hosted: Server) -> None:
        """GET is 405 on a model, and outside the base path there is nothing."""
        assert ask(hosted, f"/models/{SENTIMENT}", method="GET").status == 405
        connection = connect(hosted)
        connection.request("POST", f"/models/{SENTIMENT}", body='{"inputs": "x"}')
        assert connection.getresponse().status == 404
        connection.close()


class TestDedicatedEndpoint:
    def test_a_classification_is_flat_and_the_best_only(self, sandbox: Sandbox) -> None:
        """As a transformers pipeline answers: one label each, unless `top_k` says otherwise."""
        server = endpoint(sandbox, SENTIMENT)
        for path in ("", "/", "/predict"):
            one = ask(server, path, {"inputs": "I love it"}).json
            assert [pair["label"] for pair in one] == ["POSITIVE"]
        many = ask(server, "/", {"inputs": ["I love it", "I hate it"]}).json
        every = ask(server, "/", {"inputs": "I love it", "parameters": {"top_k": None}}).json

        assert [pair["label"] for pair in many] == ["POSITIVE", "NEGATIVE"]
        assert [pair["label"] for pair in every] == ["POSITIVE", "NEGATIVE"]

    def test_zero_shot_comes_in_the_old_form(self, sandbox: Sandbox) -> None:
        """{sequence, labels, scores}, a list of those for a list."""
        server = endpoint(sandbox, MNLI)
        parameters = {"candidate_labels": "bill, ball"}
        one = ask(server, "/", {"inputs": "the bill", "parameters": parameters}).json
        many = ask(server, "/", {"inputs": ["the bill"], "parameters": parameters}).json

        assert (one["sequence"], one["labels"]) == ("the bill", ["bill", "ball"])
        assert one["scores"] == sorted(one["scores"], reverse=True)
        assert many == [one]

    def test_generation_and_embeddings(self, sandbox: Sandbox) -> None:
        """[{generated_text}], with lists of lists for a list; vectors are pooled."""
        writer, embedder = endpoint(sandbox, GPT2), endpoint(sandbox, MINILM)
        asked = {"inputs": ["a", "b"], "parameters": {"max_new_tokens": 2}}

        assert [len(texts) for texts in ask(writer, "/", asked).json] == [1, 1]
        assert len(ask(embedder, "/", {"inputs": "a"}).json) == 384

    def test_any_fault_is_a_400(self, sandbox: Sandbox) -> None:
        """{"error"}; health is text; elsewhere there is nothing."""
        server = endpoint(sandbox, SENTIMENT)
        wrong: list[Any] = [
            {"input": "x"},
            {"inputs": 3},
            [],
            {"inputs": "x", "parameters": {"top_k": "all"}},
        ]
        for content in wrong:
            refused = ask(server, "/", content)
            assert (refused.status, refused.json.keys()) == (400, {"error"})
        assert ask(server, "/health", method="GET").body == b"Ok"
        assert ask(server, "/predict", method="GET").status == 405
        assert ask(server, "/info", method="GET").status == 404


class TestOpenAi:
    def test_a_completion(self, chat: Server) -> None:
        """The whole form: id, model, one choice, usage, fingerprint."""
        answer = ask(chat, "/chat/completions", say("Tell me of the ferry", max_tokens=5)).json
        (choice,) = answer["choices"]

        assert (answer["object"], answer["model"]) == ("chat.completion", MINI)
        assert answer["id"].startswith("chatcmpl-")
        assert choice["message"]["role"] == "assistant"
        assert choice["finish_reason"] == "length"
        assert answer["usage"] == {"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10}
        assert answer["system_fingerprint"] == f"fp_{commit_of(MINI)[:10]}"

    def test_it_ends_by_itself_or_at_a_stop(self, chat: Server) -> None:
        """`finish_reason` is "stop" in both cases, and what follows the stop is gone."""
        (whole,) = ask(chat, "/chat/completions", say("Go on")).json["choices"]
        word = whole["message"]["content"].split()[3]
        (cut,) = ask(chat, "/chat/completions", say("Go on", stop=word)).json["choices"]

        assert whole["finish_reason"] == cut["finish_reason"] == "stop"
        assert whole["message"]["content"].startswith(cut["message"]["content"])
        assert word not in cut["message"]["content"].split()

    def test_only_a_temperature_makes_it_vary(self, chat: Server) -> None:
        """The same question is the same answer, until sampling is asked for."""

        def answers(**more: Any) -> set[str]:
            asked = say("Go on", **more)
            replies = [ask(chat, "/chat/completions", asked).json for _ in range(6)]
            return {reply["choices"][0]["message"]["content"] for reply in replies}

        assert len(answers()) == 1
        assert len(answers(temperature=1.2)) > 1

    def test_messages_may_come_in_parts(self, chat: Server) -> None:
        """Text parts count, other parts do not; a tool call has no text."""
        parts = [{"type": "text", "text": "Go on"}, {"type": "image_url", "image_url": {"url": "x:"}}]
        asked = {"model": MINI, "messages": [{"role": "user", "content": parts}]}
        called = {"model": MINI, "messages": [{"role": "assistant", "content": None, "tool_calls": []}]}

        assert ask(chat, "/chat/completions", asked).json["usage"]["prompt_tokens"] == 2
        assert ask(chat, "/chat/completions", called).status == 200

    def test_the_list_of_models(self, chat: Server) -> None:
        """`GET /models` names what is served."""
        listed = ask(chat, "/models", method="GET").json

        assert [card["id"] for card in listed["data"]] == list(chat.models)

    @pytest.mark.parametrize(
        ("content", "status", "param", "code"),
        [
            (None, 400, None, None),
            ({"messages": []}, 400, "model", None),
            ({"model": "gpt-0", "messages": []}, 404, "model", "model_not_found"),
            ({"model": MINI, "messages": []}, 400, "messages", None),
            ({"model": MINI, "messages": [{"role": "boss"}]}, 400, "messages.0.role", None),
            (
                {"model": MINI, "messages": [{"role": "user", "content": 1}]},
                400,
                "messages.0.content",
                None,
            ),
            (say("x", max_tokens=0), 400, "max_tokens", "invalid_value"),
            (say("x", max_completion_tokens=True), 400, "max_completion_tokens", "invalid_value"),
            (say("x", temperature=3), 400, "temperature", "invalid_value"),
            (say("x", n=2), 400, "n", "unsupported_value"),
            (say("x", stream="yes"), 400, "stream", "invalid_type"),
        ],
    )
    def test_how_it_complains(
        self, chat: Server, content: Any, status: int, param: str | None, code: str | None
    ) -> None:
        """{"error": {message, type, param, code}}, and the unknown model is a 404."""
        answer = ask(chat, "/chat/completions", content)
        error = answer.json["error"]

        assert answer.status == status
        assert error.keys() == {"message", "type", "param", "code"}
        assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, code)

    def test_more_than_the_context_is_refused(self, sandbox: Sandbox) -> None:
        """As `context_length_exceeded`; one token fewer fits."""
        server = sandbox.serve("openai", models=[Model(name=MINI, task="chat", context=8, hub=False)])

        assert ask(server, "/chat/completions", say("one two three", max_tokens=5)).status == 200
        refused = ask(server, "/chat/completions", say("one two three four", max_tokens=5))
        assert (refused.status, refused.json["error"]["code"]) == (400, "context_length_exceeded")

    def test_an_unknown_url_is_named(self, chat: Server) -> None:
        """404 in the same form."""
        answer = ask(chat, "/images", {})

        assert (answer.status, answer.json["error"]["message"]) == (404, "Invalid URL (POST /images)")


@pytest.mark.parametrize("kind", ["hf-inference", "hf-endpoint", "openai"])
def test_a_key_is_demanded_and_never_told(sandbox: Sandbox, kind: Any) -> None:
    """Without the key, or with another, 401 in the server's own form; the key is in no answer and no repr."""
    server = sandbox.serve(kind, key="hf_secret")
    path = {"hf-inference": f"/models/{SENTIMENT}", "hf-endpoint": "/", "openai": "/models"}[kind]
    for given_key in ({}, {"authorization": "Bearer hf_other"}, {"authorization": "hf_secret"}):
        answer = ask(server, path, {"inputs": "x"}, headers=given_key)
        assert (answer.status, "error" in answer.json) == (401, True)
        assert b"hf_" not in answer.body
    method = "GET" if kind == "openai" else "POST"
    answer = ask(server, path, {"inputs": "x"}, method=method, headers={"authorization": "Bearer hf_secret"})

    assert answer.status == 200
    assert "hf_secret" not in repr(server) + repr(server.requests)


def test_every_answer_has_its_own_id(sandbox: Sandbox) -> None:
    """`x-request-id`, good news or bad, as the journal has it."""
    server = sandbox.serve("hf-inference")
    answers = [classify(server), classify(server, model="acme/none"), ask(server, "/models", method="GET")]

    ids = [answer.headers["x-request-id"] for answer in answers]

    assert len(set(ids)) == 3
    assert ids == [received.request_id for received in server.requests]
