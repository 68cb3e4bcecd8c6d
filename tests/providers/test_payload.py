"""Payload: what a caller may hand to `call`."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.payload import Payload
from resilient_infer.core.task import TASKS, Task
from resilient_infer.errors import PayloadRefused
from resilient_infer.providers.inputs import PAIRS
from resilient_infer.providers.inputs import TEXTS as TEXT_TASKS
from resilient_infer.providers.payload import normalise
from tests.providers.samples import PAYLOADS, PNG, TOKEN

FILE_TASKS = sorted(name for name, task in TASKS.items() if task.file)
TEXTS = st.text(min_size=1, max_size=20).filter(lambda text: text.isascii() or _encodes(text))
PARAMETERS = st.fixed_dictionaries(
    {},
    optional={
        "max_new_tokens": st.integers(1, 4096),
        "temperature": st.floats(0, 2),
        "stop": TEXTS | st.lists(TEXTS, max_size=3),
        "repetition_penalty": st.none() | st.floats(0.1, 2),
        "custom": st.dictionaries(TEXTS, st.lists(st.integers(0, 9))),
    },
)


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def canonical(payload: Payload) -> dict[str, object]:
    """The HF shape of a canonical payload."""
    what: dict[str, object] = {"inputs": payload.inputs if payload.file is None else payload.file}
    if payload.messages:
        what = {"messages": list(payload.messages)}
    return {**what, "parameters": dict(payload.parameters)}


def shaped(task: str, text: str, *, many: bool) -> dict[str, object]:
    """A payload of the task around `text`, without parameters."""
    if task == "chat":
        return {"messages": [{"role": "user", "content": text}] * (1 + many)}
    if TASKS[task].file:
        return {"inputs": text.encode()}
    if task in PAIRS:
        one, other = PAIRS[task]
        return {"inputs": {one: text, other: text if task == "question-answering" else [text] * (1 + many)}}
    return {"inputs": [text, text] if many else text}


def refusal(task: str, payload: object) -> str:
    """What the refusal of `payload` says."""
    with pytest.raises(PayloadRefused) as caught:
        normalise(TASKS[task], payload)
    return str(caught.value)


@given(
    task=st.sampled_from(sorted(TASKS)),
    text=TEXTS,
    many=st.booleans(),
    parameters=PARAMETERS,
)
def test_normalising_again_changes_nothing(task, text, many, parameters):
    """A canonical payload in the HF shape comes out the same; the caller's object is never changed."""
    what = shaped(task, text, many=many)
    if task == "zero-shot-classification":
        parameters = {**parameters, "candidate_labels": ["a", "b"]}
    payload = {**what, "parameters": parameters}
    before = copy.deepcopy(payload)

    once = normalise(TASKS[task], payload)
    again = normalise(TASKS[task], canonical(once))

    assert payload == before
    assert again == once
    _send(once)


@pytest.mark.parametrize("task", sorted(TEXT_TASKS - {"zero-shot-classification"}))
def test_a_bare_text_or_a_list_of_them_are_inputs(task):
    """The shortest spelling; a tuple is a list."""
    assert normalise(TASKS[task], "hi") == Payload(inputs="hi")
    assert normalise(TASKS[task], ["a", "b"]) == Payload(inputs=["a", "b"])
    assert normalise(TASKS[task], ("a", "b")) == Payload(inputs=["a", "b"])


@pytest.mark.parametrize("task", sorted(PAIRS))
def test_the_two_parts_of_a_question_may_stand_by_themselves(task):
    """As everything else that may stand under `inputs`; parameters keep their place."""
    inputs = shaped(task, "a", many=True)["inputs"]
    assert isinstance(inputs, dict)

    assert normalise(TASKS[task], inputs) == normalise(TASKS[task], {"inputs": inputs})
    with_parameters = normalise(TASKS[task], {**inputs, "parameters": {"top_k": 2}})
    assert with_parameters.inputs == inputs
    assert with_parameters.parameters == {"top_k": 2}


@pytest.mark.parametrize("task", FILE_TASKS)
def test_the_bytes_of_a_file_are_never_copied(task):
    """The same object, by itself or under `inputs`; its first bytes say what it is."""
    bare = normalise(TASKS[task], PNG)
    under = normalise(TASKS[task], {"inputs": PNG, "parameters": {"own": 1}})

    assert bare.file is PNG
    assert under.file is PNG
    assert bare.content_type == under.content_type == "image/png"
    assert bare.inputs is under.inputs is None
    assert under.parameters == {"own": 1}


@pytest.mark.parametrize("changing", [bytearray, memoryview, lambda file: memoryview(bytearray(file))])
def test_a_file_that_can_change_is_copied_once(changing):
    """Retries send what was there when the call began."""
    held = changing(PNG)
    payload = normalise(TASKS["image-to-text"], held)

    if isinstance(held, bytearray):
        held[0] = 0
    assert payload.file == PNG
    assert type(payload.file) is bytes


@pytest.mark.parametrize("task", FILE_TASKS)
@pytest.mark.parametrize(
    ("given", "words"),
    [
        (b"", "the file is empty"),
        (bytearray(), "the file is empty"),
        ({"inputs": b""}, "the file is empty"),
        ("cat.png", 'Path("…")'),
        ({"inputs": "cat.png"}, 'Path("…")'),
        ("https://example.test/cat.png?token=x", "fetch it first"),
        ("HTTP://example.test/cat.png", "fetch it first"),
        ("data:image/png;base64,AAAA", "b64decode"),
        ("", 'Path("…")'),
        ([PNG], "once for each file"),
        ({"inputs": [PNG, PNG]}, "once for each file"),
        (5, "of type int"),
        (None, "of type NoneType"),
        ({"inputs": {"image": PNG}}, "of type dict"),
        ({"image": PNG}, 'call it "inputs"'),
        ({"imputs": PNG}, 'did you mean "inputs"?'),
        ({}, '"inputs" is missing'),
        ({1: PNG}, '"inputs" is missing'),
        ({"inputs": PNG, 1: 2}, "key that is no string"),
        ({"inputs": PNG, "parameters": 5}, "no mapping"),
        ({"inputs": PNG, "parameters": {"mask": b"x"}}, "parameters.mask"),
        ({"inputs": PNG, "messages": []}, "unknown key"),
    ],
)
def test_what_is_no_file_is_refused_with_what_to_do(task, given, words):
    """A path as a string might be meant as text: it is not opened, and not quoted."""
    said = refusal(task, given)

    assert words in said
    assert "token=x" not in said


@pytest.mark.parametrize("task", sorted(set(TASKS) - set(FILE_TASKS)))
@pytest.mark.parametrize("given", [PNG, bytearray(PNG), memoryview(PNG), {"inputs": PNG}, {"messages": PNG}])
def test_bytes_are_no_text(task, given):
    """They are not decoded on a guess."""
    said = refusal(task, given)

    assert "of type" in said
    assert "decode" in said


def test_a_bare_text_is_what_the_user_says():
    """In chat one string is one user message, also where it stands as inputs."""
    said = Payload(messages=({"role": "user", "content": "hi"},))

    assert normalise(TASKS["chat"], "hi") == said
    assert normalise(TASKS["chat"], {"inputs": "hi"}) == said


def test_flat_parameters_and_nested_ones_are_one():
    """The OpenAI shape beside `messages`, by canonical name."""
    messages = PAYLOADS["chat"]
    assert isinstance(messages, dict)
    flat = normalise(TASKS["chat"], {**messages, "max_completion_tokens": 9, "top_p": 0.5, "stop": "x"})
    nested = normalise(
        TASKS["chat"],
        {**messages, "parameters": {"max_new_tokens": 9, "stop_sequences": ["x"]}, "top_p": 0.5},
    )

    assert flat == nested
    assert flat.parameters == {"max_tokens": 9, "top_p": 0.5, "stop": ["x"]}


def test_the_parameters_of_embeddings_may_stand_at_the_root():
    """As the service itself takes them."""
    payload = normalise(TASKS["feature-extraction"], {"inputs": "x", "normalize": True})

    assert payload.parameters == {"normalize": True}


@pytest.mark.parametrize(
    ("task", "name", "meant"),
    [
        ("chat", "temprature", "temperature"),
        ("chat", "topp", "top_p"),
        ("chat", "Temperature", "temperature"),
        ("text-generation", "max_new_token", "max_new_tokens"),
        ("text-classification", "topk", "top_k"),
        ("translation", "target_lang", ""),
        ("chat", "min_tokens", ""),
        ("chat", "my_extension", ""),
        ("summarization", "min_length", ""),
    ],
)
def test_a_parameter_that_is_likely_a_slip_is_sent_with_a_word(task, name, meant):
    """Servers have extensions, so it is not refused; what resembles nothing is nobody's slip."""
    payload = {**shaped(task, "x", many=False), "parameters": {name: 1}}
    read = normalise(TASKS[task], payload)

    assert read.parameters == {name: 1}
    said = (f"unknown parameter {name}: sent as it is (did you mean {meant}?)",) if meant else ()
    assert read.warnings == said


def test_two_payloads_share_nothing():
    """Not even an empty mapping of parameters."""
    one, other = normalise(TASKS["chat"], "a"), normalise(TASKS["chat"], "a")

    assert one.parameters is not other.parameters


def test_the_old_max_length_is_translated_with_a_warning():
    """It counted the prompt, which max_new_tokens does not; the newer name wins."""
    task = TASKS["text-generation"]
    old = normalise(task, {"inputs": "x", "parameters": {"max_length": 50}})
    both = normalise(task, {"inputs": "x", "parameters": {"max_length": 50, "max_new_tokens": 9}})

    assert old.parameters == {"max_tokens": 50}
    assert both.parameters == {"max_tokens": 9}
    assert all(len(payload.warnings) == 1 and "max_length" in payload.warnings[0] for payload in (old, both))


def test_what_the_library_decides_itself_is_taken_out():
    """`stream: false`, `n: 1` and `return_full_text` add nothing; only the last is worth a word."""
    payload = normalise(
        TASKS["text-generation"],
        {"inputs": "x", "parameters": {"stream": False, "n": 1, "return_full_text": True}},
    )

    assert payload.parameters == {}
    assert len(payload.warnings) == 1


@pytest.mark.parametrize(
    ("task", "payload", "words"),
    [
        ("chat", [], "messages"),
        ("chat", ["a"], "messages"),
        ("chat", "", "empty"),
        ("chat", {}, '"messages" is missing'),
        ("chat", {"messages": []}, '"messages" is an empty list'),
        ("chat", {"messages": "hi"}, '"messages" is a string'),
        ("chat", {"messages": ["hi"]}, "messages[0]"),
        (
            "chat",
            {"messages": [{"role": "user", "content": "x"}, {"content": "y"}]},
            '"messages[1]" has no role',
        ),
        ("chat", {"messages": [{"role": "user"}]}, "says nothing"),
        ("chat", {"messages": [{"role": "user", "content": "x"}], "inputs": "y"}, "both"),
        ("chat", {"inputs": ["a"]}, "a list"),
        (
            "chat",
            {"messages": [{"role": "user", "content": "x"}], "temprature": 1},
            'did you mean "temperature"?',
        ),
        ("chat", {"messages": [{"role": "user", "content": "x"}], "model": "m"}, "the alias names the model"),
        ("chat", {"messages": [{"role": "user", "content": "x"}], "stream": True}, "stream"),
        ("chat", {"messages": [{"role": "user", "content": "x"}], "n": 2}, "several answers"),
        ("chat", {"message": [{"role": "user", "content": "x"}]}, 'did you mean "messages"?'),
        ("text-classification", {"inputs": ""}, "empty"),
        ("text-classification", {"inputs": []}, "empty list"),
        ("text-classification", {"inputs": ["a", ""]}, '"inputs[1]" is empty'),
        ("text-classification", {"inputs": ["a", 1]}, '"inputs[1]" is a number'),
        ("text-classification", {"inputs": {"text": "a"}}, "a mapping"),
        ("text-classification", {"inputs": None}, "null"),
        ("text-classification", {"imputs": "x"}, 'did you mean "inputs"?'),
        ("text-classification", {"parameters": {}}, '"inputs" is missing'),
        ("text-classification", {"text": "x"}, 'call it "inputs"'),
        ("text-classification", {"inputs": "x", "top_k": 1}, 'put it in "parameters"'),
        ("text-classification", {"inputs": "x", "options": {"wait_for_model": True}}, "leave it out"),
        ("text-classification", {"inputs": "x", "parameters": [1]}, "no mapping"),
        ("text-classification", {"messages": []}, "for chat"),
        ("text-classification", {"inputs": "x", "parameters": {"a": float("nan")}}, "parameters.a is NaN"),
        ("text-classification", {"inputs": {"x", "y"}}, "inputs is of type set"),
        ("text-classification", 5, "type int"),
        ("text-classification", None, "type NoneType"),
        ("text-classification", b"x", "type bytes"),
        ("text-classification", {"inputs": "x", "topk": 1}, 'did you mean "parameters": {"top_k": …}?'),
        (
            "text-generation",
            {"inputs": "x", "max_new_tokens": 1},
            '"max_new_tokens"; put it in "parameters": {"',
        ),
        (
            "text-generation",
            {"inputs": "x", "max_new_token": 1},
            'did you mean "parameters": {"max_new_tokens"',
        ),
        (
            "question-answering",
            "Who?",
            '"inputs" is a string; give {"inputs": {"question": …, "context": …}}',
        ),
        ("question-answering", [{"question": "a", "context": "b"}], "once for each call"),
        ("question-answering", {"question": "a"}, '"inputs.context" is missing'),
        ("question-answering", {"inputs": {"question": "a", "context": ""}}, '"inputs.context" is empty'),
        ("question-answering", {"inputs": {"question": "a", "context": ["b"]}}, "is a list; give a string"),
        ("question-answering", {"inputs": {"question": "a", "contxt": "b"}}, 'did you mean "context"?'),
        ("question-answering", {"inputs": {"q": "a"}}, "reads question and context only"),
        ("question-answering", {"question": "a", "context": "b", "top_k": 2}, 'put it in "parameters"'),
        ("question-answering", {}, '"inputs" is missing'),
        ("question-answering", {"inputs": None}, "null"),
        (
            "sentence-similarity",
            {"inputs": {"source_sentence": "a", "sentences": "b"}},
            "give a list of strings",
        ),
        ("sentence-similarity", {"inputs": {"source_sentence": "a", "sentences": []}}, "empty list"),
        ("sentence-similarity", {"inputs": {"source_sentence": "a", "sentences": ["b", 1]}}, "sentences[1]"),
        ("sentence-similarity", {"inputs": {"sourceSentence": "a"}}, 'did you mean "source_sentence"?'),
        ("sentence-similarity", ["a", "b"], '"inputs" is a list'),
        ("text-ranking", {"query": "a", "texts": ["b", ""]}, '"inputs.texts[1]" is empty'),
        ("text-ranking", {"inputs": {"query": 1, "texts": ["b"]}}, '"inputs.query" is a number'),
        ("summarization", {"inputs": [""]}, '"inputs[0]" is empty'),
        ("fill-mask", {"inputs": {"text": "x"}}, "a mapping"),
        ("zero-shot-classification", "x", '"candidate_labels" is missing'),
        ("zero-shot-classification", {"inputs": "x"}, '"candidate_labels" is missing'),
        (
            "zero-shot-classification",
            {"inputs": "x", "parameters": {"candidate_labels": []}},
            "no list of labels",
        ),
        (
            "zero-shot-classification",
            {"inputs": "x", "parameters": {"candidate_labels": "a"}},
            "no list of labels",
        ),
        ("text-generation", {"inputs": "x", "parameters": {"max_tokens": 0}}, "max_tokens"),
        ("text-generation", {"inputs": "x", "parameters": {"max_tokens": True}}, "max_tokens"),
        (
            "text-generation",
            {"inputs": "x", "parameters": {"max_tokens": 1, "max_new_tokens": 2}},
            "given twice",
        ),
        ("text-generation", {"inputs": "x", "parameters": {"stop": [1]}}, "no list of strings"),
        ("text-generation", {"inputs": "x", "parameters": {"num_return_sequences": 3}}, "several answers"),
    ],
)
def test_a_refusal_says_where_and_what_to_do(task, payload, words):
    """The request itself is at fault, and nothing was sent."""
    said = refusal(task, payload)

    assert words in said
    assert said.startswith(f"{task}: ")


@pytest.mark.parametrize("task", sorted(TASKS))
def test_a_refusal_repeats_neither_secrets_nor_long_texts(task):
    """Keys may be anything a caller mistook for a key."""
    for payload in ({TOKEN: 1}, {"x" * 5000: 1}, {"inputs": "a", TOKEN: "b"}, {"inputs": {TOKEN: {1, 2}}}):
        said = refusal(task, payload)

        assert TOKEN not in said
        assert len(said) < 500


def test_a_task_of_a_plug_in_needs_inputs_of_any_kind():
    """What is unknown here is left to the codec that knows it."""
    task = Task(name="depth-estimation", safe=True, deadline=1.0, attempt_timeout=1.0)

    assert normalise(task, {"inputs": {"image": "x"}, "parameters": {"a": 1}}).inputs == {"image": "x"}
    with pytest.raises(PayloadRefused, match="empty"):
        normalise(task, {"inputs": {}})


@given(
    task=st.sampled_from(sorted(TASKS)),
    payload=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["inputs", "messages", "parameters", "role", "content", "stop"])
                | st.integers(),
                inner,
                max_size=4,
            )
        ),
        max_leaves=10,
    ),
)
def test_anything_is_a_payload_or_refused(task, payload):
    """Nothing but PayloadRefused is raised, whatever is passed; what is read can be sent."""
    try:
        read = normalise(TASKS[task], payload)
    except PayloadRefused:
        return
    _send(read)


def _send(payload: Payload) -> None:
    """What is no file is JSON."""
    json.dumps([payload.inputs, list(payload.messages), dict(payload.parameters)], allow_nan=False).encode()
