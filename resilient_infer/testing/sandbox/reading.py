"""Reading: what the sandbox's models find in a text: names, answers, missing words, its gist, its French.

As `answers.py`: made to be checked, the same in every run, and moved a little
by the commit: scores by a tremor, words by the choice among a few.
"""

import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from resilient_infer.testing.sandbox.answers import WORDS, likeness, sigmoid, tremor, vector_of, worded
from resilient_infer.testing.sandbox.models import Model

_NAMES = {
    "PER": "Ada Alan Albert Angela Anna Curie Einstein Grace Hopper John Lovelace Marie Merkel Turing",
    "LOC": "Berlin Brest Britain England Europe France Germany London Oslo Paris Poland Rome Warsaw",
    "ORG": "Airbus Bosch CNRS Google IBM Microsoft NASA Nokia Siemens Sony UNESCO UNICEF Volvo",
}
_GROUP_OF = {name: group for group, names in _NAMES.items() for name in names.split()}
_SENTENCES = re.compile(r"(?:[^.!?]|[.!?](?=\S))*[.!?](?=\s|$)|(?:[^.!?]|[.!?](?=\S))+")
_EMPTY = frozenset(
    (
        "a", "an", "and", "are", "as", "at", "be", "been", "by", "did", "do", "does", "for", "from", "had",
        "has", "have", "he", "her", "his", "how", "i", "in", "is", "it", "its", "of", "on", "or", "she",
        "that", "the", "their", "they", "this", "to", "was", "were", "what", "when", "where", "which", "who",
        "whom", "whose", "why", "will", "with",
    )
)  # fmt: skip
"""Words that are no answer by themselves."""

_FILLERS = (
    "captain", "ferry", "town", "sea", "harbour", "wind", "story", "water", "bell", "day", "man", "house",
)  # fmt: skip
_FRENCH = {
    "a": "un", "and": "et", "answer": "réponse", "bell": "cloche", "black": "noir", "blue": "bleu",
    "captain": "capitaine", "cat": "chat", "day": "jour", "dog": "chien", "good": "bon", "green": "vert",
    "hello": "bonjour", "house": "maison", "i": "je", "in": "dans", "is": "est", "language": "langue",
    "left": "quitta", "love": "aime", "morning": "matin", "my": "mon", "name": "nom", "of": "de", "on": "sur",
    "read": "lut", "red": "rouge", "sea": "mer", "story": "histoire", "the": "le", "to": "à", "town": "ville",
    "water": "eau", "white": "blanc", "wind": "vent", "with": "avec", "world": "monde", "you": "vous",
}  # fmt: skip
_TWO_WAYS = {"ferry": ("ferry", "bac", "traversier"), "harbour": ("port", "havre", "bassin")}
"""Words that French has several of; the commit chooses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A name in a text; `start` and `end` count characters, `end` lies behind it."""

    group: str
    word: str
    start: int
    end: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A piece of a context that may answer a question."""

    text: str
    start: int
    end: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """A word for a masked place."""

    word: str
    token: int
    score: float


def names_in(model: Model, text: str) -> list[Name]:
    """Each word that is a name: known ones by a small lexicon, other capitals inside a sentence as MISC."""
    found = []
    opening = True
    end = 0
    for match in WORDS.finditer(text):
        word = match.group()
        opening = opening or any(mark in ".!?" for mark in text[end : match.start()])
        group = _GROUP_OF.get(word) or (
            "MISC" if word[:1].isupper() and len(word) > 1 and not opening else None
        )
        if group is not None:
            score = sigmoid(
                [(5.0 if word in _GROUP_OF else 1.0) + tremor(model, f"{text}\0{match.start()}")]
            )[0]
            found.append(Name(group=group, word=word, start=match.start(), end=match.end(), score=score))
        opening, end = False, match.end()
    return found


def joined(names: Sequence[Name], text: str) -> list[Name]:
    """Neighbours of one group as one name: "Marie Curie"."""
    whole: list[Name] = []
    for name in names:
        last = whole[-1] if whole else None
        if last is None or last.group != name.group or text[last.end : name.start] != " ":
            whole.append(name)
            continue
        score = min(last.score, name.score)
        word = text[last.start : name.end]
        whole[-1] = Name(group=name.group, word=word, start=last.start, end=name.end, score=score)
    return whole


def spans_for(model: Model, question: str, context: str) -> list[Span]:
    """What may answer a question, best first: from sentences that share its words, the words it lacks."""
    asked = {word.lower() for word in WORDS.findall(question)} - _EMPTY
    found: list[tuple[float, int, int]] = []
    for sentence in _SENTENCES.finditer(context):
        words = list(WORDS.finditer(context, sentence.start(), sentence.end()))
        shared = sum(word.group().lower() in asked for word in words)
        for start, end in _runs([word for word in words if word.group().lower() not in asked], context):
            nudge = tremor(model, f"{question}\0{context}\0{start}")
            found.append((2.0 * shared + 0.1 * (end - start) - 0.001 * start + nudge, start, end))
    found.sort(key=lambda item: -item[0])
    total = sum(_power(logit, found[0][0]) for logit, _, _ in found)
    return [
        Span(text=context[start:end], start=start, end=end, score=_power(logit, found[0][0]) / total)
        for logit, start, end in found
    ]


def mask_of(model: Model) -> str:
    """What stands for a missing word: RoBERTa's family writes it in another way than BERT's."""
    return "<mask>" if "roberta" in model.name.lower() else "[MASK]"


def fillings(model: Model, before: str, targets: Sequence[str]) -> list[Filling]:
    """Words for the place after a text, best first; `targets`: these only, none: the usual ones."""
    last = (WORDS.findall(before.lower()) or [""])[-1]
    words = list(dict.fromkeys(targets)) or list(_FILLERS)
    logits = [3 * _chance(f"{last}\0{word}") + tremor(model, f"{before}\0{word}") for word in words]
    total = sum(_power(logit, max(logits)) for logit in logits)
    made = [
        Filling(word=word, token=1000 + int(20000 * _chance(word)), score=_power(logit, max(logits)) / total)
        for word, logit in zip(words, logits, strict=True)
    ]
    return sorted(made, key=lambda filling: -filling.score)


def gist(model: Model, text: str, *, least: int, most: int) -> str:
    """The first sentences, until they have `least` words, cut after `most`."""
    taken: list[str] = []
    for sentence in _SENTENCES.finditer(text):
        if taken and len(" ".join(taken).split()) >= least:
            break
        taken.append(sentence.group().strip())
    words = " ".join(taken).split()
    return " ".join(words) if len(words) <= most else " ".join(words[:most]) + worded(model, "", " …", " ...")


def french(model: Model, text: str) -> str:
    """Word by word; what the small dictionary has not stays as it is."""
    return WORDS.sub(lambda match: _in_french(model, match.group()), text)


def similarities(model: Model, source: str, sentences: Sequence[str]) -> list[float]:
    """The cosine of each sentence's vector with the source's."""
    one = vector_of(model, source)
    return [math.fsum(a * b for a, b in zip(one, vector_of(model, text), strict=True)) for text in sentences]


def relevance(model: Model, query: str, text: str) -> float:
    """A logit: how much of the query the text has too."""
    return likeness(model, text, [query])[0]


def _runs(words: Sequence[re.Match[str]], context: str) -> list[tuple[int, int]]:
    """Runs of words with one space between them and no empty word at either end."""
    runs: list[tuple[int, int]] = []
    for word in words:
        if word.group().lower() in _EMPTY:
            continue
        if runs and context[runs[-1][1] : word.start()] == " ":
            runs[-1] = (runs[-1][0], word.end())
        else:
            runs.append((word.start(), word.end()))
    return runs


def _in_french(model: Model, word: str) -> str:
    ways = _TWO_WAYS.get(word.lower())
    found = worded(model, *ways) if ways else _FRENCH.get(word.lower(), word)
    return found.capitalize() if word[0].isupper() and found != word else found


def _power(logit: float, top: float) -> float:
    return math.exp(logit - top)


def _chance(key: str) -> float:
    """A number from 0 to 1 that is the same in every run."""
    return (
        int.from_bytes(hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=4).digest(), "big")
        / 2**32
    )
