"""Card: what is written at the top of a README.md is read there."""

from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.testing.sandbox.hub.card import amended, card_of, readme

KEYS = st.text("abcdefgh_", min_size=1, max_size=8)
VALUES = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=20) | st.lists(st.text(max_size=5))
TEXT = st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]), max_size=40)


@given(card=st.dictionaries(KEYS, VALUES), text=TEXT)
def test_a_card_reads_back_as_it_was_written(card: dict[str, object], text: str) -> None:
    """Words that YAML takes for something else, too: no, 1e3, 2026-01-01."""
    assert card_of(readme(card, text).encode()) == card  # type: ignore[arg-type]  # drawn from JSON


@given(card=st.dictionaries(KEYS, VALUES.filter(lambda value: value is not None)), text=TEXT)
def test_changing_a_card_leaves_the_rest_alone(card: dict[str, object], text: str) -> None:
    """The text below, and the other keys; None takes a key away."""
    content = readme(card, text).encode()  # type: ignore[arg-type]  # drawn from JSON
    changed = amended(content, {"license": "mit"})
    assert changed.endswith(text)
    assert card_of(changed.encode()) == {**card, "license": "mit"}
    assert card_of(amended(changed.encode(), {"license": None}).encode()) == {
        key: value for key, value in card.items() if key != "license"
    }


@given(content=st.binary(max_size=60) | st.binary(max_size=60).map(lambda tail: b"---\n" + tail + b"\n---\n"))
def test_reading_a_card_is_total(content: bytes) -> None:
    """Whatever a README.md is made of, it has a card or none."""
    assert isinstance(card_of(content), dict)


def test_a_readme_without_metadata_has_none() -> None:
    """No fence, an open fence, a list, a date nobody can have."""
    assert card_of(b"# Title\n") == {}
    assert card_of(b"---\nlicense: mit\n") == {}
    assert card_of(b"---\n- a\n---\n") == {}
    assert card_of(b"---\nday: 2026-99-99\n---\n") in ({}, {"day": "2026-99-99"})
    assert card_of(b"---\r\nlicense: mit\r\n---\r\ntext") == {"license": "mit"}
    assert card_of(b"---\nday: 2026-01-01\n---\n") == {"day": "2026-01-01"}
