"""Answers: small models whose output depends on the text, the model and, lightly, the commit.

They are made to be checked, not to be clever: the same question to the same
commit gives the same answer in every run and on every machine, and another
commit of the same model gives one that can be told apart.
"""

import hashlib
import math
import random
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from resilient_infer.testing.sandbox.models import Model

WORDS = re.compile(r"[\w']+")
"""What counts as a word."""

_PIECES = re.compile(r"\s*(?:\w+|[^\w\s])|\s+")

_TOKENS = re.compile(r"\w+|[^\w\s]")

_MOODS = {
    "amazing": 3.0, "awesome": 3.0, "best": 3.0, "brilliant": 3.0, "excellent": 3.0, "fantastic": 3.0,
    "love": 3.0, "loved": 3.0, "perfect": 3.0, "superb": 3.0, "wonderful": 3.0,
    "beautiful": 2.0, "enjoyed": 2.0, "fun": 2.0, "good": 2.0, "great": 2.0, "happy": 2.0,
    "like": 2.0, "nice": 2.0, "pleasant": 2.0, "recommend": 2.0, "thanks": 2.0,
    "annoying": -2.0, "bad": -2.0, "boring": -2.0, "broken": -2.0, "dislike": -2.0, "dull": -2.0,
    "poor": -2.0, "sad": -2.0, "slow": -2.0, "weak": -2.0, "wrong": -2.0,
    "awful": -3.0, "disgusting": -3.0, "garbage": -3.0, "hate": -3.0, "hated": -3.0, "horrible": -3.0,
    "terrible": -3.0, "useless": -3.0, "worst": -3.0,
}  # fmt: skip
_TURNS = frozenset(("not", "no", "never", "hardly", "isn't", "wasn't", "don't", "doesn't", "didn't", "can't"))
_TREMOR = 0.05
"""How far a commit moves a logit: enough to tell commits apart, too little to turn a verdict."""

_STORY = (
    "the ferry left the harbour before dawn and the lights of the town grew small . "
    "the captain read the weather and the weather read the captain . "
    "a gull followed the ferry for an hour , then it turned back to the town . "
    "before noon the wind came round and the sea grew small and bright . "
    "the lights of the far shore left a line on the water , and a bell rang for the harbour . "
    "then the captain turned the ferry round and read a story to the wind ."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Generated text.

    Attributes:
        text: Starts with a space, as a continuation does.
        tokens: How many were made.
        finished: It came to its own end, not to the limit.
    """

    text: str
    tokens: int
    finished: bool


def mood_of(model: Model, text: str) -> list[float]:
    """One logit per label of a sentiment model, from the words of a small lexicon."""
    score, sign = 0.0, 1.0
    for word in WORDS.findall(text.lower()):
        mood = _MOODS.get(word)
        if mood is not None:
            score += sign * mood
            sign = 1.0
        elif word in _TURNS:
            sign = -1.0
    score += tremor(model, text)
    spread = max(len(model.labels) - 1, 1)
    # From -1 for the worst label to 1 for the best; what lies between wins where nothing pulls.
    places = [2 * index / spread - 1 for index in range(len(model.labels))]
    return [score * place + (1 - abs(place)) for place in places]


def likeness(model: Model, text: str, labels: Iterable[str]) -> list[float]:
    """One logit per candidate label: how many of its letter triples the text has too."""
    seen = _triples(text)
    logits = []
    for label in labels:
        wanted = _triples(label)
        share = len(wanted & seen) / max(len(wanted), 1)
        logits.append(6 * share - 3 + tremor(model, f"{text}\0{label}"))
    return logits


def vector_of(model: Model, text: str) -> list[float]:
    """A unit vector: each word and triple adds to a few places that the model's name decides."""
    places = [0.0] * model.dimension
    features = WORDS.findall(text.lower()) + sorted(_triples(text))
    for feature in [f"\0{model.name}", *features]:
        _add(places, f"{model.name}\0{feature}")
    # Between 0.01 and 0.11 on top of whole numbers, so the sum is never the null vector.
    places[_digest(text)[0] % model.dimension] += _TREMOR + 0.01 + tremor(model, text)
    length = math.hypot(*places)
    return [place / length for place in places]


def text_from(model: Model, prompt: str, *, limit: int, temperature: float, draw: int) -> Text:
    """A continuation, word by word, each from what follows the last one in a short story.

    Args:
        limit: Tokens at the most.
        temperature: 0: always the same for this commit and prompt.
        draw: What a temperature above 0 makes the text differ by.
    """
    seed = f"{model.commit}\0{prompt}\0{draw if temperature > 0 else ''}"
    chance = random.Random(int.from_bytes(_digest(seed), "big"))
    followers = _followers(model.story or _STORY)
    start = "." if "." in followers else next(iter(followers))
    last = next((token for token in reversed(tokens_of(prompt.lower())) if token in followers), start)
    made: list[str] = []
    while len(made) < limit:
        last = chance.choice(followers[last])
        made.append(last)
        if last == "." and len(made) >= 8:
            return Text(text=_joined(made), tokens=len(made), finished=True)
    return Text(text=_joined(made), tokens=len(made), finished=False)


def tokens_of(text: str) -> list[str]:
    """Words and punctuation marks."""
    return _TOKENS.findall(text)


def pieces_of(text: str) -> list[str]:
    """The same with the space before each, so that together they are the text."""
    return _PIECES.findall(text)


def first_tokens(text: str, count: int) -> str:
    """The text up to its token of this number, or all of it."""
    for number, match in enumerate(_TOKENS.finditer(text), start=1):
        if number == count:
            return text[: match.end()]
    return text


def cut_at(text: str, stops: Iterable[object]) -> str:
    """The text before the first of the stop sequences in it."""
    places = [text.find(stop) for stop in stops if isinstance(stop, str) and stop]
    return text[: min((place for place in places if place >= 0), default=len(text))]


def softmax(logits: list[float]) -> list[float]:
    """Shares that add up to 1."""
    top = max(logits)
    powers = [math.exp(logit - top) for logit in logits]
    total = sum(powers)
    return [power / total for power in powers]


def sigmoid(logits: list[float]) -> list[float]:
    """Each by itself, between 0 and 1. Written so that no exponential overflows."""
    return [1 / (1 + math.exp(-logit)) if logit >= 0 else 1 - 1 / (1 + math.exp(logit)) for logit in logits]


def tremor(model: Model, text: str) -> float:
    """What a commit adds to a logit for this text, between -0.05 and 0.05."""
    number = int.from_bytes(_digest(f"{model.commit}\0{text}")[:4], "big")
    return (number / 2**31 - 1) * _TREMOR


def worded(model: Model, *ways: str) -> str:
    """One of several ways to say a thing; which one depends on the commit."""
    return ways[int(model.commit[:8], 16) % len(ways)]


def _add(places: list[float], feature: str) -> None:
    digest = _digest(feature)
    for start in range(0, len(digest), 4):
        number = int.from_bytes(digest[start : start + 4], "big")
        places[(number >> 1) % len(places)] += 1.0 if number & 1 else -1.0


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _triples(text: str) -> set[str]:
    padded = f" {' '.join(WORDS.findall(text.lower()))} "
    return {padded[index : index + 3] for index in range(len(padded) - 2)}


@lru_cache(maxsize=64)
def _followers(story: str) -> dict[str, list[str]]:
    words = story.split()
    followers: dict[str, list[str]] = {}
    for word, following in zip(words, [*words[1:], words[0]], strict=True):
        followers.setdefault(word, []).append(following)
    return followers


def _joined(tokens: list[str]) -> str:
    return "".join(token if token in ".," else f" {token}" for token in tokens)
