"""What the consumer of a stream is shown, whatever attempts come one after another."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.core.stream import Delta, Part, Restarted, StreamEvent
from resilient_infer.plan.transcript import Transcript
from tests.plan.streaming import ROLE, TEXTS, TOOL, shown


@dataclass(frozen=True)
class Attempted:
    """The parts of one attempt; only the last one is whole."""

    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts)


@st.composite
def attempts(draw: st.DrawFn) -> Attempted:
    """Any text in any pieces, perhaps with a role or a tool call between them."""
    text = draw(st.sampled_from(TEXTS) | st.text("ab", max_size=8))
    parts: list[Part] = []
    while text:
        length = draw(st.integers(1, len(text)))
        parts.append(Part(text[:length], {"said": text[:length]}))
        text = text[length:]
    for odd in draw(st.lists(st.sampled_from((ROLE, ROLE, TOOL)), max_size=2)):
        parts.insert(draw(st.integers(0, len(parts))), odd)
    return Attempted(tuple(parts))


def told(*tried: Attempted, transcript: Transcript | None = None) -> list[list[StreamEvent]]:
    """What is told on account of each attempt; the last one comes to its end."""
    transcript = Transcript() if transcript is None else transcript
    events = []
    for number, attempt in enumerate(tried):
        transcript.begin(f"route-{number}", f"reason-{number}")
        events.append([event for part in attempt.parts for event in transcript.add(part)])
    events[-1] += transcript.end()
    return events


def joined(events: list[list[StreamEvent]]) -> list[StreamEvent]:
    return [event for each in events for event in each]


rows = st.lists(attempts(), min_size=1, max_size=4)


@given(tried=rows)
def test_a_consumer_who_appends_and_clears_has_exactly_the_text_of_the_last_attempt(
    tried: list[Attempted],
) -> None:
    """However many attempts came before it, and wherever each of them was cut."""
    assert shown(joined(told(*tried))) == tried[-1].text


@given(tried=rows)
def test_the_transcript_knows_what_its_consumer_has_and_how_much_he_was_told(tried: list[Attempted]) -> None:
    """`.text`, `.events` and `.begun` are `.partial` and the count of an error."""
    transcript = Transcript()
    events = joined(told(*tried, transcript=transcript))

    assert transcript.text == shown(events)
    assert transcript.events == len(events)
    assert transcript.begun == bool(events)


@given(tried=rows)
def test_nothing_is_shown_twice(tried: list[Attempted]) -> None:
    """What stands before an attempt and what it shows make its text, unless it clears the page first."""
    has: list[Delta] = []
    for attempt, events in zip(tried, told(*tried), strict=True):
        cleared = [event for event in events if isinstance(event, Restarted)]
        assert len(cleared) <= 1
        for event in events:
            if isinstance(event, Restarted):
                has = []
            elif isinstance(event, Delta):
                has.append(event)
        if cleared or attempt is tried[-1]:
            assert shown(has) == attempt.text
        else:
            assert shown(has).startswith(attempt.text)


@given(tried=rows)
def test_the_page_is_cleared_only_where_an_attempt_departs(tried: list[Attempted]) -> None:
    """One that says all that stands, in the same words, goes on from there; so does one that was cut
    before it could depart. What is no text cannot be told to be the same."""
    has: list[Delta] = []
    for attempt, events in zip(tried, told(*tried), strict=True):
        spoken = [part for part in attempt.parts if part.told]
        stands = shown(has)
        departs = not (attempt.text.startswith(stands) or stands.startswith(attempt.text))
        short = attempt is tried[-1] and not attempt.text.startswith(stands)
        odd = TOOL in spoken or any(not delta.text for delta in has)
        cleared = [event for event in events if isinstance(event, Restarted)]
        if cleared:
            assert has
            assert departs or short or odd
        for event in events:
            has = [] if isinstance(event, Restarted) else [*has, event] if isinstance(event, Delta) else has


@given(tried=rows)
def test_a_tool_call_stands_exactly_as_often_as_the_last_attempt_made_it(tried: list[Attempted]) -> None:
    """Nothing of an attempt that was cut stays beside what followed."""
    standing: list[StreamEvent] = []
    for event in joined(told(*tried)):
        standing = [] if isinstance(event, Restarted) else [*standing, event]

    calls = [event for event in standing if isinstance(event, Delta) and event.raw == TOOL.raw]
    assert len(calls) == tried[-1].parts.count(TOOL)


@given(attempt=attempts(), cuts=st.lists(st.integers(0, 10), max_size=3))
def test_the_same_text_again_restarts_nothing(attempt: Attempted, cuts: list[int]) -> None:
    """Same weights, temperature 0: cut anywhere, any number of times."""
    plain = Attempted(tuple(part for part in attempt.parts if part.text))
    tried = [Attempted(plain.parts[:cut]) for cut in cuts]

    events = joined(told(*tried, plain))

    assert not any(isinstance(event, Restarted) for event in events)
    assert shown(events) == plain.text


@given(tried=rows)
def test_a_restart_names_the_route_that_answers_and_why_the_one_before_did_not(
    tried: list[Attempted],
) -> None:
    """As they were given when the attempt began."""
    for number, events in enumerate(told(*tried)):
        for event in events:
            if isinstance(event, Restarted):
                assert event == Restarted(reason=f"reason-{number}", route=f"route-{number}")


def test_what_is_left_of_a_chunk_keeps_the_chunk() -> None:
    """The text of a delta is what is new in it; `raw` is as the server sent it."""
    first, second = Attempted((Part("ab", 1),)), Attempted((Part("a", 2), Part("bcd", 3)))

    assert joined(told(first, second)) == [Delta(text="ab", raw=1), Delta(text="cd", raw=3)]
