"""Sounds: what the sandbox's models hear in a WAV file: how loud it is, for how long, and how high."""

import io
import math
import sys
import wave
from array import array
from dataclasses import dataclass, field

from resilient_infer.testing.sandbox.answers import tremor, worded
from resilient_infer.testing.sandbox.models import Model

_HUSH = 0.001
"""Loudness below which a sound is silence: what is left of an 8-bit file that says nothing."""

_LOUD = 0.25
"""Loudness from which a sound is loud, as a share of the loudest there is."""

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


class NoSound(Exception):
    """The bytes are no sound that can be read here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """The first channel of a sound: samples from -1 to 1, so many a second."""

    rate: int
    samples: "array[float]" = field(repr=False)

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / self.rate

    @property
    def loudness(self) -> float:
        """The root of the mean square, between 0 and 1."""
        return math.sqrt(math.fsum(sample * sample for sample in self.samples) / len(self.samples))

    @property
    def hertz(self) -> int:
        """How high it is: how often a second it rises through zero."""
        pairs = zip(self.samples, self.samples[1:], strict=False)
        return round(sum(one < 0 <= other for one, other in pairs) / self.seconds)


def decode(content: bytes) -> Sound:
    """The sound in a WAV file (PCM of 8, 16, 24 or 32 bits).

    Raises:
        NoSound: It is none, is broken or is empty.
    """
    try:
        with wave.open(io.BytesIO(content)) as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            frames = file.readframes(file.getnframes())
    except (wave.Error, EOFError, ValueError, OverflowError, ArithmeticError, MemoryError) as error:
        raise NoSound("no WAV file") from error
    samples = _samples(frames, width, channels)
    if rate < 1 or not samples:
        raise NoSound("a WAV file without a sound")
    return Sound(rate=rate, samples=samples)


def loudness_of(model: Model, sound: Sound) -> list[float]:
    """One logit for each label of the model: silence, quiet or loud."""
    level = sound.loudness
    fits = {"silence": level < _HUSH, "quiet": _HUSH <= level < _LOUD, "loud": level >= _LOUD}
    key = f"{level}\0{sound.seconds}"
    return [4 * fits.get(label, False) + tremor(model, f"{label}\0{key}") for label in model.labels]


def told(model: Model, sound: Sound) -> str:
    """The sound in words; which words, depends on the commit."""
    length = _length(sound.seconds)
    if sound.loudness < _HUSH:
        return f"{length} of silence"
    return f"{length} of a {worded(model, 'tone', 'sound', 'note')} at {sound.hertz} hertz"


def _samples(frames: bytes, width: int, channels: int) -> "array[float]":
    """The first channel; 8 bits are unsigned, all others signed and little-endian."""
    step = width * channels
    whole = frames[: len(frames) - len(frames) % step] if step else b""
    if width == 1:
        return array("f", ((byte - 128) / 128 for byte in whole[::channels]))
    if width not in (2, 3, 4):
        raise NoSound(f"samples of {width} bytes")
    if width == 2:
        numbers = array("h", whole)
        if sys.byteorder == "big":
            numbers.byteswap()
        return array("f", (number / 2**15 for number in numbers[::channels]))
    top = 2 ** (8 * width - 1)
    places = range(0, len(whole), step)
    return array("f", (int.from_bytes(whole[at : at + width], "little", signed=True) / top for at in places))


def _length(seconds: float) -> str:
    rounded = round(seconds, 1)
    if not rounded.is_integer() or not 1 <= rounded < len(_NUMBERS):
        return f"{rounded:g} seconds"
    return f"{_NUMBERS[int(rounded)]} second{'' if rounded == 1 else 's'}"
