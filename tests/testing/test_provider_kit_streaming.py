"""The provider kit catches every codec that streams and breaks its word."""

from dataclasses import replace

import pytest

from resilient_infer.core.outcome import Success
from resilient_infer.core.stream import Part
from resilient_infer.providers.openai import OpenAI
from resilient_infer.testing.provider_kit import Golden, promises
from tests.providers.streaming import said, sse

GOLDEN = Golden(
    task="chat",
    payload={"messages": [{"role": "user", "content": "hi"}]},
    path="/chat/completions",
    body={"model": "org/model", "messages": [{"role": "user", "content": "hi"}]},
    answer={
        "choices": [{"message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    },
    output={"role": "assistant", "content": "Hello"},
    stream=sse(said("Hel", role="assistant"), said("lo"), said(finish="stop")),
)


class Sound(OpenAI):
    """Keeps every promise. What is broken below is a copy of it with one fault."""

    tasks = frozenset({"chat"})
    streams = frozenset({"chat"})


def broken(read, **members):
    """A codec whose reader is the sound one with other methods; `read` makes them."""

    class Reading:
        def __init__(self, sound):
            self.sound = sound

        def __getattr__(self, name):
            return getattr(self.sound, name)

    class Broken(Sound):
        def reader(self, attempt, head):
            reading = Reading(super().reader(attempt, head))
            for name, method in read(reading.sound).items():
                setattr(reading, name, method)
            return reading

    return type("Broken", (Broken,), members)()


def unchanged(sound):
    """The sound reader's own methods."""
    return {}


def success_of(sound):
    """Whatever has come is the answer."""
    return Success(output={"role": "assistant", "content": "".join(sound._whole._texts.get("content", ()))})


BROKEN = {
    "raises": (broken(lambda sound: {"feed": lambda some: [some[0] and 1 / 0]}), "raised ZeroDivisionError"),
    "a part is a success": (
        broken(lambda sound: {"end": lambda fault: sound.outcome or success_of(sound)}),
        "part of an answer is a success",
    ),
    "needs whole events": (
        broken(
            lambda sound: {
                "feed": lambda some: sound.feed(some) if some.endswith(b"\n\n") or len(some) > 5 else []
            }
        ),
        "cut otherwise",
    ),
    "shows another text": (
        broken(
            lambda sound: {
                "feed": lambda some: [
                    replace(part, text=part.text.upper()) if isinstance(part, Part) else part
                    for part in sound.feed(some)
                ]
            }
        ),
        "the parts have the text 'HELLO', the output 'Hello'",
    ),
    "no parts": (broken(lambda sound: {"feed": lambda some: ["x" for _ in sound.feed(some)]}), "gives a str"),
    "no outcome": (broken(lambda sound: {"end": lambda fault: None}), "end"),
    "does not ask": (
        broken(unchanged, build=lambda self, attempt: Sound.build(self, replace(attempt, stream=False))),
        "takes no notice of attempt.stream",
    ),
    "streams of no task": (
        broken(unchanged, streams=frozenset({"chat", "x"})),
        "not a frozenset of its tasks",
    ),
    "streams nothing": (broken(unchanged, streams=frozenset()), "has a golden stream, and is not streamed"),
}


def first_fault(codec, golden=GOLDEN):
    """The first thing that the kit says of how a codec streams."""
    for promise in promises(codec, [golden]):
        if "stream" not in str(promise) and str(promise) != "claims":
            continue
        try:
            promise()
        except AssertionError as error:
            return str(error)
    return ""


def test_a_sound_codec_passes():
    assert first_fault(Sound()) == ""


@pytest.mark.parametrize(("codec", "words"), BROKEN.values(), ids=BROKEN)
def test_a_broken_reader_is_caught_and_told(codec, words):
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(first_fault(codec))


def test_a_task_that_is_streamed_needs_a_golden_stream():
    assert "chat has no golden stream" in first_fault(Sound(), replace(GOLDEN, stream=b""))


def test_half_a_streaming_codec_is_told():
    class Half:
        kind, tasks, streams = "half", frozenset({"chat"}), frozenset({"chat"})
        build, parse = Sound.build, Sound.parse

    assert "it has streams, but no reader" in first_fault(Half())
