"""File tasks: what a transformers pipeline makes of one picture or sound, and how it says no."""

from collections.abc import Callable, Mapping

from resilient_infer.core.task import Json
from resilient_infer.testing.sandbox import pictures, png, sounds
from resilient_infer.testing.sandbox.answers import sigmoid, softmax, tremor
from resilient_infer.testing.sandbox.checked import Invalid, Parameters, at_least, best_first, one_of, share
from resilient_infer.testing.sandbox.models import Model

_NO_PICTURE = "cannot identify image file <_io.BytesIO object at 0x7f0000000000>"
"""Pillow's words for bytes that are no image, whatever is wrong with them."""

_NO_SOUND = (
    "Soundfile is either not in the correct format or is malformed. Ensure that the soundfile has a valid "
    "audio file extension (e.g. wav, flac or mp3) and is not corrupted."
)
"""The beginning of what transformers' audio pipelines say."""


def _picture(content: bytes) -> png.Picture:
    try:
        return png.decode(content)
    except png.NoPicture as error:
        raise Invalid(_NO_PICTURE) from error


def _sound(content: bytes) -> sounds.Sound:
    try:
        return sounds.decode(content)
    except sounds.NoSound as error:
        raise Invalid(_NO_SOUND) from error


def _coloured(model: Model, content: bytes, parameters: Parameters) -> Json:
    return _labelled(model, pictures.shades_in(model, _picture(content)), parameters)


def _loud(model: Model, content: bytes, parameters: Parameters) -> Json:
    return _labelled(model, sounds.loudness_of(model, _sound(content)), parameters)


def _labelled(model: Model, logits: list[float], parameters: Parameters) -> Json:
    given = parameters.get("function_to_apply", "softmax")
    match one_of(("softmax", "sigmoid", "none"), "function_to_apply", given):
        case "softmax":
            scores = softmax(logits)
        case "sigmoid":
            scores = sigmoid(logits)
        case _:
            scores = logits
    top_k = parameters.get("top_k")
    return best_first(model.labels, scores)[: at_least(1, "top_k", 5 if top_k is None else top_k)]


def _detected(model: Model, content: bytes, parameters: Parameters) -> Json:
    threshold = share("threshold", parameters.get("threshold", 0.5))
    found: list[Json] = []
    for thing in pictures.things_in(_picture(content)):
        box: Json = {"xmin": thing.left, "ymin": thing.top, "xmax": thing.right, "ymax": thing.bottom}
        score = sigmoid([4 * thing.share + tremor(model, f"{thing.colour}\0{box}")])[0]
        if score >= threshold:
            found.append({"score": score, "label": thing.colour, "box": box})
    return found


def _captioned(model: Model, content: bytes, _parameters: Parameters) -> Json:
    return [{"generated_text": pictures.told(model, _picture(content))}]


def _heard(model: Model, content: bytes, parameters: Parameters) -> Json:
    sound = _sound(content)
    text = sounds.told(model, sound)
    if not parameters.get("return_timestamps"):
        return {"text": text}
    return {"text": text, "chunks": [{"text": text, "timestamp": [0.0, sound.seconds]}]}


FILES: Mapping[str, Callable[[Model, bytes, Parameters], Json]] = {
    "image-classification": _coloured,
    "object-detection": _detected,
    "image-to-text": _captioned,
    "audio-classification": _loud,
    "automatic-speech-recognition": _heard,
}
"""Tasks whose input is a file."""
