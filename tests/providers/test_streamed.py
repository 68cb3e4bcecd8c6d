"""streamed: readers of every kind, and that a stream comes to what the same answer gives in one piece."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.outcome import Failure, FailureKind, Success, Usage
from resilient_infer.core.stream import Part, Unread
from resilient_infer.drivers.incoming import text_of
from resilient_infer.providers.base import Streaming
from resilient_infer.providers.registry import codec_for, codecs
from resilient_infer.providers.streamed import AnswerReader
from tests.providers.family import BODIES, LOCKED, OTHER
from tests.providers.samples import TOKEN, answer
from tests.providers.streaming import CUT, DONE, SILENT, cuts, head, read, said, shown, sse, streamed

FAMILY = st.sampled_from(["openai", "vllm", "sglang", "transformers", "llamacpp", "hf-router", "tgi"])
STREAMS = sorted(
    (codec.kind, task) for codec in codecs() if isinstance(codec, Streaming) for task in codec.streams
)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=6)
WORDS = st.lists(TEXTS, min_size=1, max_size=6)
CALLS = st.lists(st.tuples(TEXTS.filter(bool), st.lists(TEXTS, max_size=4)), max_size=3)
USAGES = st.none() | st.fixed_dictionaries(
    {"prompt_tokens": st.integers(0, 99), "completion_tokens": st.integers(0, 99)}
)
FINISHES = st.sampled_from(["stop", "length", "tool_calls", "content_filter", "abort", "error", "eos_token"])


@st.composite
def chats(draw):
    """A chat's chunks, and the body of the same answer in one piece."""
    words = draw(st.none() | WORDS)
    thoughts = draw(st.lists(TEXTS, max_size=3))
    calls = draw(CALLS)
    finish, usage = draw(FINISHES), draw(USAGES)
    fields = {"id": "chat-1", "model": draw(st.sampled_from(["org/model", f"org/model@{LOCKED}"]))}
    if draw(st.booleans()):
        fields["metadata"] = {"weight_version": LOCKED}
    deltas = [{"role": "assistant", "content": None if words is None else ""}]
    deltas += [{"reasoning_content": thought} for thought in thoughts]
    deltas += [{"content": word} for word in words or ()]
    for index, (name, fragments) in enumerate(calls):
        call = {"index": index, "id": f"call-{index}", "type": "function"}
        deltas.append({"tool_calls": [{**call, "function": {"name": name, "arguments": ""}}]})
        deltas += [{"tool_calls": [{"index": index, "function": {"arguments": some}}]} for some in fragments]
    chunks = [
        {
            **fields,
            "object": "chat.completion.chunk",
            "choices": [{"index": 0, "delta": delta, "finish_reason": None}],
        }
        for delta in deltas
    ]
    chunks.append({**fields, "choices": [{"index": 0, "delta": {}, "finish_reason": finish}], "usage": None})
    message = {"role": "assistant", "content": None if words is None else "".join(words)}
    if thoughts:
        message["reasoning_content"] = "".join(thoughts)
    if calls:
        message["tool_calls"] = [
            {
                "index": index,
                "id": f"call-{index}",
                "type": "function",
                "function": {"name": name, "arguments": "".join(fragments)},
            }
            for index, (name, fragments) in enumerate(calls)
        ]
    body = {**fields, "choices": [{"index": 0, "message": message, "finish_reason": finish}]}
    if usage is not None:
        chunks.append({**fields, "choices": [], "usage": usage})
        body["usage"] = usage
    return chunks, body


@st.composite
def completions(draw):
    """A completion's chunks, and the body of the same answer in one piece."""
    words, finish, usage = draw(WORDS), draw(FINISHES), draw(USAGES)
    fields = {"id": "cmpl-1", "object": "text_completion", "model": "org/model"}
    chunks = [{**fields, "choices": [{"index": 0, "text": word, "finish_reason": None}]} for word in words]
    chunks[-1]["choices"][0]["finish_reason"] = finish
    choice = {"index": 0, "text": "".join(words), "finish_reason": finish}
    if usage is not None:
        chunks.append({**fields, "choices": [], "usage": usage})
    return chunks, {**fields, "choices": [choice], **({} if usage is None else {"usage": usage})}


def same(attempt, chunks, body, draw):
    """Read both ways: the same outcome, and the text that was shown is the text of the answer."""
    stream = sse(*chunks, end=draw.draw(st.sampled_from([DONE, "", "data: [DONE]", "data:[DONE]\n"])))
    beginning = head(x_request_id="req-1", x_inference_provider="acme")
    pieces, outcome = read(attempt, draw.draw(cuts(stream)), beginning=beginning)
    whole = codec_for(attempt.route.endpoint.kind, attempt.task.name).parse(
        attempt, answer(body, headers=beginning.headers)
    )
    if isinstance(whole, Failure):
        assert outcome == whole
        return
    assert isinstance(outcome, Success)
    for name in Success.__slots__:
        if name != "raw":
            assert getattr(outcome, name) == getattr(whole, name), name
    assert shown(pieces) == text_of(outcome)
    assert all(isinstance(piece, Part) for piece in pieces)


@given(FAMILY, chats(), st.data())
def test_a_streamed_chat_comes_to_what_the_same_chat_gives_in_one_piece(kind, chat, draw):
    """Output, usage, names, commit and ending; tool calls are put together, thoughts are no text."""
    same(streamed(kind), *chat, draw)


@given(FAMILY.filter(lambda kind: kind not in ("tgi", "hf-router")), completions(), st.data())
def test_a_streamed_completion_comes_to_what_the_same_one_gives_in_one_piece(kind, completion, draw):
    """Likewise."""
    same(streamed(kind, "text-generation"), *completion, draw)


@given(WORDS, st.booleans(), st.sampled_from(["length", "eos_token", "stop_sequence"]), st.data())
def test_a_streamed_generation_of_tgi_comes_to_what_the_same_one_gives_whole(words, ends, finish, draw):
    """The prompt's tokens stand in a header there, and here in the last event."""
    text = "".join(words)
    details = {"finish_reason": finish, "generated_tokens": len(words)}
    chunks = [{"token": {"id": 1, "text": word, "special": False}, "generated_text": None} for word in words]
    if ends:
        chunks.append({"token": {"id": 2, "text": "</s>", "special": True}})
    chunks[-1] |= {"generated_text": text, "details": {**details, "input_length": 4}}
    attempt = streamed("tgi", "text-generation")
    pieces, outcome = read(attempt, draw.draw(cuts(sse(*chunks, end=""))))
    body = {"generated_text": text, "details": details}
    whole = codec_for("tgi", "text-generation").parse(attempt, answer(body, headers={"x-prompt-tokens": "4"}))

    assert isinstance(outcome, Success)
    assert isinstance(whole, Success)
    assert shown(pieces) == outcome.output == whole.output == text
    assert outcome.usage == whole.usage == Usage(input=4, output=len(words))
    assert outcome.finish_reason == whole.finish_reason


@pytest.mark.parametrize("generated", ["prompt text", "text", " text", "tex", ""])
def test_what_was_shown_stands_whatever_the_last_event_repeats(generated):
    """An echoed prompt, a space that a decoder has lost."""
    chunks = [{"token": {"text": "te"}}, {"token": {"text": "xt"}, "generated_text": generated}]
    pieces, outcome = read(streamed("hf-inference", "text-generation", "prompt "), sse(*chunks, end=""))

    assert shown(pieces) == outcome.output == "text"


def test_a_whole_text_without_tokens_is_shown_at_the_end():
    """The prompt is taken off once: what then looks like it was generated."""
    stream = sse({"generated_text": "ha ha"}, end="")
    pieces, outcome = read(streamed("hf-inference", "text-generation", "ha "), stream)

    assert shown(pieces) == outcome.output == "ha"
    assert shown(read(streamed("tgi", "text-generation", "ha "), stream)[0]) == "ha ha"


EVENTS = BODIES.map(json.dumps) | st.text(max_size=9) | st.just("[DONE]")
ODD = st.recursive(
    BODIES,
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "choices": inner | st.lists(st.dictionaries(st.sampled_from(["index", "delta", "text"]), inner)),
            **dict.fromkeys(("delta", "token", "generated_text", "details", "error", "metadata"), inner),
        },
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(("kind", "task"), STREAMS)
@given(
    events=st.lists(EVENTS | ODD.map(json.dumps) | st.just(json.dumps(said("a", "stop"))), max_size=5),
    garbage=st.binary(max_size=20),
    fault=st.sampled_from([None, CUT, SILENT]),
    draw=st.data(),
)
def test_any_stream_is_an_outcome_and_its_pieces_make_no_difference(kind, task, events, garbage, fault, draw):
    """Nothing is raised; what was shown is the text of the answer; a chunk is left as it was."""
    stream = sse(*events, end="").replace(b"\n\ndata", b"\n\n" + garbage + b"\n\ndata", 1)
    pieces, outcome = read(streamed(kind, task), draw.draw(cuts(stream)), fault)

    assert repr((pieces, outcome)) == repr(read(streamed(kind, task), stream, fault))
    assert outcome.status in (200, None)
    if isinstance(outcome, Success):
        assert shown(pieces) == text_of(outcome)
    else:
        assert outcome.reason.isprintable()


LITTLE = st.sampled_from([None, "", "a", 0, 5, True, {}, {"a": None}, {"a": "b"}, [1], ["a", {"index": 0}]])
SHOWN = st.sampled_from(["a", "b", " c"])
FRAMES = st.fixed_dictionaries(
    {},
    optional={
        "model": st.sampled_from([f"org/model@{LOCKED}", f"org/model@{OTHER}", "org/model", None, 5]),
        "metadata": st.sampled_from([{"weight_version": LOCKED}, {"weight_version": OTHER}, None]),
        "object": st.sampled_from(["chat.completion.chunk", "text_completion", "error", None]),
        "error": st.sampled_from([None, "", {"code": 429}]),
        **dict.fromkeys(("created", "usage"), LITTLE),
    },
) | st.fixed_dictionaries({}, optional={"created": st.integers(1, 2), "generated_text": st.none() | SHOWN})
BESIDE = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("role", "name", "reasoning", "special"), LITTLE)
) | st.just({})
CHOICES = st.fixed_dictionaries(
    {"index": st.sampled_from([0, 0, 0, None, 1])},
    optional={
        **dict.fromkeys(("logprobs", "stop_reason", "type", "delta"), LITTLE),
        "finish_reason": st.sampled_from([None, None, None, "", "stop", 5]),
    },
) | st.just({"index": 0, "finish_reason": None})
PLACES = {"tgi text-generation": "token", "hf-inference text-generation": "token"}
"""Where a chunk has its text; else it is the delta of a chat, or the choice itself."""


@st.composite
def like_tokens(draw, place):
    """Chunks of a few kinds, each of which comes again and again with another text."""
    kinds = draw(st.lists(st.tuples(FRAMES, CHOICES, BESIDE, st.integers(1, 2)), min_size=1, max_size=3))
    chunks = []
    for kind, text in draw(st.lists(st.tuples(st.sampled_from(kinds), SHOWN | LITTLE), max_size=9)):
        frame, choice, beside, choices = kind
        if place == "token":
            chunks.append({**frame, "token": {**beside, "text": text}})
        elif place == "delta":
            told = {**choice, "delta": {**beside, "content": text}}
            chunks.append({**frame, "choices": [told] * choices})
        else:
            chunks.append({**frame, "choices": [{**choice, **beside, "text": text}] * choices})
    return chunks


def never_again(begin):
    """Begins what puts chunks together by the long way alone."""

    def begun():
        whole = begin()
        whole.again = lambda _: None
        return whole

    return begun


@pytest.mark.parametrize(("kind", "task"), STREAMS)
@given(st.data())
def test_a_chunk_that_is_like_the_one_before_is_read_as_if_it_were_the_first(kind, task, draw):
    """The short way of most tokens leads where the long one does."""
    usual = PLACES.get(f"{kind} {task}", "delta" if task == "chat" else "choice")
    chunks = draw.draw(like_tokens(usual) | like_tokens(usual) | like_tokens("delta"))
    attempt = streamed(kind, task)
    short = codec_for(kind, task).reader(attempt, head())  # type: ignore[attr-defined]  # it streams
    long = AnswerReader(codec_for(kind, task), attempt, head(), never_again(short._begin))
    for chunk in [*chunks, draw.draw(st.sampled_from([said(finish="stop"), said()]))]:
        event = sse(chunk, end="")

        assert list(short.feed(event)) == [piece for some in event for piece in long.feed(bytes([some]))]
        assert (short.ending, short.commit) == (long.ending, long.commit)
        assert short.outcome == long.outcome
    assert short.end(None) == long.end(None)
    assert short._whole.whole() == long._whole.whole()


def test_chunks_that_are_alike_and_too_deep_to_compare_are_pieces():
    """Nothing is raised."""
    chunk = json.dumps(said("a")).replace("{", '{"deep": ' + "[" * 990 + "]" * 990 + ", ", 1)
    reader = codec_for("openai", "chat").reader(streamed("openai"), head())  # type: ignore[attr-defined]  # it streams

    assert [len(reader.feed(sse(chunk, end=""))) for _ in range(3)] == [1, 1, 1]


@given(chats(), st.integers(0, 3000), st.sampled_from([None, CUT, SILENT]), st.data())
def test_a_stream_that_is_cut_is_a_success_only_if_its_ending_was_seen(chat, place, fault, draw):
    """Before that it is truncated, or timed out; from then on nothing that fails changes the answer."""
    chunks, body = chat
    whole = sse(*chunks)
    stream = whole[: min(place, len(whole))]
    codec = codec_for("openai", "chat")
    reader = codec.reader(streamed("openai"), head())  # type: ignore[attr-defined]  # it streams
    pieces = [piece for some in draw.draw(cuts(stream)) for piece in reader.feed(some)]
    ending = reader.ending
    outcome = reader.end(fault)

    if isinstance(outcome, Success):
        assert ending or fault is None
        assert outcome.output == codec.parse(streamed("openai"), answer(body)).output
        assert shown(pieces) == text_of(outcome)
    elif not ending and fault is SILENT:
        assert outcome.kind is FailureKind.TIMEOUT
    elif not ending:
        assert outcome.kind in (FailureKind.TRUNCATED, FailureKind.SERVER_ERROR, FailureKind.CONTENT_FILTER)


@pytest.mark.parametrize(
    ("end", "fault"), [(DONE, None), ("", None), ("", CUT), ("", SILENT), ("data: [DONE]", None)]
)
def test_after_a_finish_reason_the_answer_is_whole_however_the_stream_ends(end, fault):
    """Some servers never say [DONE], some keep the connection."""
    _, outcome = read(streamed("openai"), sse(said("Hi"), said(finish="stop"), end=end), fault)

    assert isinstance(outcome, Success)
    assert outcome.output["content"] == "Hi"


@pytest.mark.parametrize("end", [DONE, "", "data: [DONE]"])
def test_without_a_finish_reason_it_is_truncated_and_says_how_much_had_come(end):
    """Never what had come."""
    _, outcome = read(streamed("openai"), sse(said("secret plan"), said("x"), end=end))

    assert isinstance(outcome, Failure)
    assert outcome.kind is FailureKind.TRUNCATED
    assert "after 2 pieces" in outcome.reason
    assert "plan" not in outcome.reason


def test_done_is_the_end_at_once_and_nothing_after_it_counts():
    """The connection may stay open."""
    reader = codec_for("openai", "chat").reader(streamed("openai"), head())  # type: ignore[attr-defined]  # it streams
    assert reader.feed(sse(said("a"), end=""))
    assert not reader.ending
    assert reader.feed(sse(said(finish="stop"), end=""))
    assert reader.ending
    assert reader.outcome is None
    assert reader.feed(DONE.encode() + sse(said("b"), {"error": "late"})) == []
    assert isinstance(reader.outcome, Success)
    assert reader.end(CUT) is reader.outcome


@pytest.mark.parametrize("before", [(), (said("a"),), (said("a"), said(finish="stop"))])
@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ('data: {"error": {"message": "out of memory", "code": 500}}', FailureKind.SERVER_ERROR),
        ('data: {"error": {"message": "slow down", "code": 429}}', FailureKind.THROTTLED),
        ('data: {"error": {"message": "no", "code": "content_filter"}}', FailureKind.CONTENT_FILTER),
        ('event: error\ndata: {"message": "slow down", "code": 429}', FailureKind.THROTTLED),
        ("event: error\ndata: out of memory", FailureKind.SERVER_ERROR),
        ("event: error\ndata:", FailureKind.SERVER_ERROR),
        ("event: error\ndata: null", FailureKind.SERVER_ERROR),
        (
            'error: {"code": 400, "message": "too many", "type": "exceed_context_size_error"}',
            FailureKind.TOO_LONG,
        ),
        ('data: {"object": "error", "message": "failed"}', FailureKind.SERVER_ERROR),
    ],
)
def test_an_error_in_the_stream_is_what_it_is_alone(before, event, kind):
    """By the general table, before the first token and after it."""
    stream = sse(*before, end="") + event.encode() + b"\n\n" + sse(said("b", "stop"))
    for kind_of_server in ("openai", "vllm", "llamacpp"):
        pieces, outcome = read(streamed(kind_of_server), stream)

        assert isinstance(outcome, Failure)
        assert outcome.kind is kind
        assert len(pieces) == len(before)


def test_an_error_that_the_end_leaves_open_counts():
    """It adds nothing to the answer."""
    _, outcome = read(streamed("openai"), sse(said("a"), end='data: {"error": {"code": 429}}'))

    assert outcome.kind is FailureKind.THROTTLED


def test_text_that_the_end_leaves_open_is_no_part_of_the_answer():
    """Nobody was shown it."""
    pieces, outcome = read(streamed("openai"), sse(said("a"), end="data: " + json.dumps(said("b", "stop"))))

    assert shown(pieces) == "a"
    assert outcome.kind is FailureKind.TRUNCATED


@pytest.mark.parametrize(
    "malformed", ['{"choices": [', "null", "[]", '"x"', '{"choices": 1}', '{"choices": [1]}',
                  '{"choices": [{"delta": 1}]}', '{"choices": [{"delta": {"content": 1}}]}', "\ud83d"]
)  # fmt: skip
def test_a_malformed_event_is_told_and_skipped(malformed):
    """Without a word of it."""
    stream = sse(said("a"), end="") + b"data: " + malformed.encode("utf-8", "surrogatepass") + b"\n\n"
    pieces, outcome = read(streamed("openai"), stream + sse(said("b"), said(finish="stop")))

    assert isinstance(pieces[1], Unread)
    assert isinstance(outcome, Success)
    assert shown(pieces) == outcome.output["content"] == "ab"


@pytest.mark.parametrize(
    ("kind", "chunk", "commit"),
    [
        ("transformers", {"model": f"org/model@{LOCKED}"}, LOCKED),
        ("transformers", {"model": f"org/model@{OTHER}"}, OTHER),
        ("vllm", {"model": f"org/model@{OTHER}"}, OTHER),
        ("sglang", {"metadata": {"weight_version": OTHER}}, OTHER),
        ("sglang", {"metadata": {"weight_version": "main"}}, None),
        ("openai", {"model": f"org/model@{LOCKED}"}, None),
        ("tgi", {"model": f"org/model@{LOCKED}"}, None),
    ],
)
def test_the_commit_is_known_with_the_first_chunk_that_tells_it(kind, chunk, commit):
    """And stands in the answer."""
    reader = codec_for(kind, "chat").reader(streamed(kind), head())  # type: ignore[attr-defined]  # it streams
    assert reader.commit is None
    reader.feed(sse(said(role="assistant") | chunk, end=""))
    assert reader.commit == commit
    reader.feed(sse(said("a", "stop") | chunk))
    assert isinstance(reader.outcome, Success)
    assert reader.outcome.commit == commit


def test_what_later_chunks_leave_out_stands():
    """A commit, a name; and nothing is made of null."""
    reader = codec_for("transformers", "chat").reader(streamed("transformers"), head())  # type: ignore[attr-defined]  # it streams
    named = {"model": f"org/model@{LOCKED}"}
    reader.feed(sse(said("a") | named, said("b") | {"model": "org/model"}, end=""))
    assert reader.commit == LOCKED
    reader.feed(sse(said("c", "stop") | named, {"choices": [], "model": None}))
    assert reader.outcome.served_model == f"org/model@{LOCKED}"


def test_another_choice_than_the_first_is_no_part_of_the_answer():
    """One was asked for."""
    other = said("z", "length")
    other["choices"][0]["index"] = 1
    pieces, outcome = read(streamed("openai"), sse(said("a"), other, said("b"), said(finish="stop")))

    assert shown(pieces) == outcome.output["content"] == "ab"
    assert outcome.finish_reason == "stop"


def test_a_tool_calls_name_that_comes_with_every_chunk_is_one_name():
    """Some servers repeat all but the arguments."""
    calls = [
        said(
            tool_calls=[
                {"index": 0, "id": "t1", "type": "function", "function": {"name": "now", "arguments": some}}
            ]
        )
        for some in ('{"a"', ": 1}")
    ]
    _, outcome = read(streamed("openai"), sse(*calls, said(finish="tool_calls")))

    assert outcome.output["tool_calls"] == [
        {"index": 0, "id": "t1", "type": "function", "function": {"name": "now", "arguments": '{"a": 1}'}}
    ]
    assert calls[0]["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"] == '{"a"'


def test_what_says_nothing_is_not_told():
    """A role, a usage, a ping are no first token; reasoning and a tool call are."""
    chunks = [
        said(role="assistant"),
        said("", role="assistant"),
        said(tool_calls=[]),
        {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}},
        {"type": "ping"},
        said(reasoning="hm"),
        said(tool_calls=[{"index": 0, "function": {"name": "f"}}]),
        said("x"),
        said(finish="stop"),
    ]
    pieces, _ = read(streamed("openai"), sse(*chunks))

    assert [piece.told for piece in pieces] == [False] * 5 + [True] * 3 + [False]
    assert [piece.raw for piece in pieces] == chunks


def test_a_secret_that_the_stream_repeats_is_in_no_failure():
    """Nor in the names of a success."""
    stream = sse(said("a"), {"error": {"message": f"bad key {TOKEN}"}})

    assert TOKEN not in repr(read(streamed("openai"), stream)[1])
    named = sse(said("a", f"stop {TOKEN}") | {"model": f"m {TOKEN}"})
    assert TOKEN not in repr(read(streamed("openai"), named)[1])
