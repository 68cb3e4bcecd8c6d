"""Shape texts: tasks whose answer is a text, under a name of its own for each task."""

from collections.abc import Callable, Mapping

from resilient_infer.core.task import Json
from resilient_infer.providers.shape_parts import WrongShape, alone, fields, named, number, text


def text_under(name: str) -> Callable[[Json, Json], Json]:
    """The reading of `{name: text}`, perhaps in a list of its own."""

    def read(result: Json, _given: Json) -> Json:
        return _under(name, result)

    return read


def continuation(result: Json, prompt: Json) -> Json:
    """Text generation: `{generated_text}`; an echoed prompt is taken off."""
    generated = _under("generated_text", result)
    return generated.removeprefix(prompt) if isinstance(prompt, str) else generated


def transcript(result: Json, _given: Json) -> Json:
    """Speech recognition: `{text}`, and when each part was said where `return_timestamps` asked for it."""
    said = fields(alone(result), "a transcript")
    output: dict[str, Json] = {"text": text(said, "text")}
    chunks = said.get("chunks")
    if chunks is None:
        return output
    if not isinstance(chunks, list):
        raise WrongShape(f"{named(chunks)} as chunks, which is a list")
    output["chunks"] = [_chunk(chunk) for chunk in chunks]
    return output


def _under(name: str, result: Json) -> str:
    found = alone(result)
    value = found.get(name) if isinstance(found, dict) else None
    if isinstance(value, str):
        return value
    raise WrongShape(f"no {name}")


def _chunk(chunk: Json) -> Json:
    part: Mapping[str, Json] = fields(chunk, "a chunk")
    span = part.get("timestamp")
    if not isinstance(span, list) or len(span) != 2:
        raise WrongShape(f"{named(span)} as timestamp, which is a start and an end")
    # Whisper leaves the last end open when the sound ends in the middle of a word.
    return {
        "text": text(part, "text"),
        "timestamp": [None if second is None else number(second) for second in span],
    }
