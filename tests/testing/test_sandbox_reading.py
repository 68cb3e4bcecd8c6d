"""What the sandbox's models find in texts: names, answers, words, gists, French."""

import time
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.testing.sandbox import CATALOGUE, Model, commit_of
from resilient_infer.testing.sandbox.reading import (
    fillings,
    french,
    gist,
    joined,
    mask_of,
    names_in,
    relevance,
    similarities,
    spans_for,
)

NER = CATALOGUE["dslim/bert-base-NER"]
SQUAD = CATALOGUE["deepset/roberta-base-squad2"]
BERT = CATALOGUE["google-bert/bert-base-uncased"]
BART = CATALOGUE["facebook/bart-large-cnn"]
OPUS = CATALOGUE["Helsinki-NLP/opus-mt-en-fr"]
MPNET = CATALOGUE["sentence-transformers/all-mpnet-base-v2"]
RANKER = CATALOGUE["BAAI/bge-reranker-base"]

RADIUM = "Marie Curie discovered radium in Paris. The ferry left at noon."
words = st.sampled_from(
    [*"aAbC", "Paris", "Marie", "Curie", "ferry", "IBM", " ", " ", ". ", "! ", "...", "é", "\n"]
)
texts = st.text(max_size=40) | st.lists(words, max_size=20).map("".join)
commits = st.integers(0, 10**6).map(lambda generation: commit_of("any", generation))


def at(model: Model, commit: str) -> Model:
    return replace(model, commit=commit)


@given(text=texts, commit=commits)
def test_names_stand_where_they_are_said_to(text: str, commit: str) -> None:
    """Each is the text from start to end, in order, with a score between 0 and 1, single or joined."""
    single = names_in(at(NER, commit), text)
    for names in (single, joined(single, text)):
        assert [text[name.start : name.end] for name in names] == [name.word for name in names]
        assert all(one.end < other.start for one, other in pairwise(names))
        assert all(0 < name.score < 1 for name in names)
    assert [name.word for name in joined(single, text)] == [
        name.word for name in joined(names_in(NER, text), text)
    ]


def test_known_names_have_their_group() -> None:
    """Persons, places, organisations; neighbours are one name; other capitals inside a sentence are MISC."""
    text = "Marie Curie came from Poland to the CNRS. The Nautilus left."
    found = [(name.group, name.word) for name in joined(names_in(NER, text), text)]

    parted = names_in(NER, "Marie, Curie")

    assert joined(parted, "Marie, Curie") == parted
    assert found == [("PER", "Marie Curie"), ("LOC", "Poland"), ("ORG", "CNRS"), ("MISC", "Nautilus")]


@given(question=texts, context=texts, commit=commits)
def test_an_answer_is_a_piece_of_its_context(question: str, context: str, commit: str) -> None:
    """Best first, shares of one, no word asked for."""
    spans = spans_for(at(SQUAD, commit), question, context)

    assert [context[span.start : span.end] for span in spans] == [span.text for span in spans]
    assert [span.score for span in spans] == sorted((span.score for span in spans), reverse=True)
    assert not spans or sum(span.score for span in spans) == pytest.approx(1)


@given(commit=commits)
def test_the_sentence_that_shares_words_answers(commit: str) -> None:
    """At every commit."""
    assert spans_for(at(SQUAD, commit), "Who discovered radium?", RADIUM)[0].text == "Marie Curie"
    assert spans_for(at(SQUAD, commit), "When left the ferry?", RADIUM)[0].text == "noon"


@given(before=texts, targets=st.lists(st.sampled_from(["sea", "town", "x"]), max_size=3), commit=commits)
def test_a_missing_word_is_guessed(before: str, targets: list[str], commit: str) -> None:
    """Only the words that are allowed, each once, best first."""
    found = fillings(at(BERT, commit), before, targets)

    assert not targets or {filling.word for filling in found} == set(targets)
    assert [filling.score for filling in found] == sorted((filling.score for filling in found), reverse=True)
    assert sum(filling.score for filling in found) == pytest.approx(1)


def test_each_family_has_its_mask() -> None:
    """RoBERTa writes <mask>, BERT [MASK]."""
    assert mask_of(CATALOGUE["FacebookAI/roberta-base"]) == "<mask>"
    assert mask_of(BERT) == "[MASK]"


@given(text=texts, least=st.integers(0, 9), more=st.integers(0, 9))
def test_a_gist_keeps_to_its_length(text: str, least: int, more: int) -> None:
    """Words of the text, in order from the start, at most so many; a mark may say that it was cut."""
    most = least + more + 1
    made = [word for word in gist(BART, text, least=least, most=most).split() if word not in ("…", "...")]

    assert len(made) <= most
    assert made == text.split()[: len(made)] or "..." in text


def test_a_gist_is_the_first_sentence_or_more() -> None:
    """More sentences until there are enough words; a point inside a number ends none."""
    text = "Pi is 3.14 or so. The ferry left. It rained."

    assert gist(BART, text, least=1, most=60) == "Pi is 3.14 or so."
    assert gist(BART, text, least=6, most=60) == "Pi is 3.14 or so. The ferry left."


def test_french_is_word_by_word() -> None:
    """Capitals stay, unknown words stay, and the commit chooses among synonyms."""
    ways = {french(at(OPUS, commit_of("x", number)), "The ferry, Zorro") for number in range(30)}

    assert french(OPUS, "Hello world!") == "Bonjour monde!"
    assert ways == {"Le ferry, Zorro", "Le bac, Zorro", "Le traversier, Zorro"}


@given(text=texts, commit=commits)
def test_what_is_the_same_is_the_nearest(text: str, commit: str) -> None:
    """A sentence is nearer to itself than to any other."""
    same, other = similarities(at(MPNET, commit), text, [text, "quite another sentence"])

    assert same == pytest.approx(1)
    assert other <= same + 1e-9


@given(commit=commits)
def test_the_text_that_speaks_of_the_query_is_relevant(commit: str) -> None:
    """At every commit."""
    model = at(RANKER, commit)

    assert relevance(model, "the ferry", "when does the ferry leave?") > relevance(
        model, "the ferry", "bread"
    )


@pytest.mark.parametrize("text", ["." * 200_000, "a." * 100_000, "a " * 100_000])
def test_a_strange_text_takes_no_long_time(text: str) -> None:
    """Reading is linear in the text: no quadratic search for the end of a sentence."""
    start = time.process_time()
    gist(BART, text, least=1, most=5)

    assert time.process_time() - start < 2
