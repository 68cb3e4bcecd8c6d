"""What the sandbox's models see in pictures and hear in sounds."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilient_infer.testing.sandbox import CATALOGUE, Model, commit_of, pictures, sounds
from resilient_infer.testing.sandbox.pictures import SHADES, shades_in, things_in
from resilient_infer.testing.sandbox.png import decode
from resilient_infer.testing.sandbox.sounds import NoSound, loudness_of
from tests.testing.drawing import plain, wav, with_box

VIT = CATALOGUE["google/vit-base-patch16-224"]
HUBERT = CATALOGUE["superb/hubert-base-superb-er"]
WHISPER = CATALOGUE["openai/whisper-small"]
BLIP = CATALOGUE["Salesforce/blip-image-captioning-base"]

commits = st.integers(0, 10**6).map(lambda generation: commit_of("any", generation))
colours = st.sampled_from(sorted(SHADES))


def best(model: Model, logits: list[float]) -> str:
    return model.labels[logits.index(max(logits))]


def test_every_label_of_a_picture_is_a_colour() -> None:
    """The catalogue's models know all colours that are told apart, and no others."""
    for name in ("google/vit-base-patch16-224", "microsoft/resnet-50", "facebook/detr-resnet-50"):
        assert set(CATALOGUE[name].labels) == set(SHADES)


@given(colour=colours, commit=commits, width=st.integers(1, 40), height=st.integers(1, 40))
def test_the_dominant_colour_wins_at_every_commit(colour: str, commit: str, width: int, height: int) -> None:
    """A commit moves the score, not the label."""
    picture = decode(plain(SHADES[colour], width, height))

    assert best(VIT, shades_in(replace(VIT, commit=commit), picture)) == colour


def test_two_commits_see_the_same_and_can_be_told_apart() -> None:
    """Scores differ a little; the same commit says the same again."""
    picture = decode(plain((255, 0, 0)))
    here, moved = shades_in(VIT, picture), shades_in(replace(VIT, commit=commit_of("x", 1)), picture)

    assert here == shades_in(VIT, picture)
    assert here != moved
    assert max(abs(a - b) for a, b in zip(here, moved, strict=True)) < 0.2


@given(
    colour=st.sampled_from(["red", "green", "blue", "black"]),
    left=st.integers(1, 20),
    top=st.integers(1, 15),
    width=st.integers(2, 18),
    height=st.integers(2, 13),
)
def test_a_box_is_found_where_it_was_drawn(colour: str, left: int, top: int, width: int, height: int) -> None:
    """Its colour, its edges to the pixel, and the whole of it."""
    (thing,) = things_in(decode(with_box(SHADES[colour], (left, top, left + width, top + height))))

    assert (thing.colour, thing.share) == (colour, 1.0)
    assert (thing.left, thing.top, thing.right, thing.bottom) == (left, top, left + width, top + height)


def test_nothing_is_found_where_nothing_is() -> None:
    """A plain picture and a speck hold no thing."""
    assert things_in(decode(plain((0, 0, 255)))) == []
    assert things_in(decode(with_box((255, 0, 0), (5, 5, 6, 8)))) == []


def test_a_large_picture_is_looked_at_in_steps() -> None:
    """A box stays within the picture and near its true edges."""
    (thing,) = things_in(decode(with_box((255, 0, 0), (100, 50, 600, 91), width=601, height=91)))

    assert abs(thing.left - 100) <= 5
    assert abs(thing.right - 600) <= 5
    assert thing.bottom == 91


def test_a_picture_is_told_in_words() -> None:
    """Colours and size; which words, the commit decides."""
    red, box = decode(plain((255, 0, 0))), decode(with_box((0, 0, 255), (3, 3, 20, 20)))
    told = {pictures.told(replace(BLIP, commit=commit_of("x", number)), red) for number in range(30)}

    assert {text.replace("picture", "*").replace("image", "*").replace("square", "*") for text in told} == {
        "a red * of 32 by 32 pixels"
    }
    assert len(told) == 3
    assert pictures.told(BLIP, box).startswith("a blue shape on a white ")


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_tone_is_heard(width: int, channels: int) -> None:
    """8 to 32 bits, mono and stereo: how long, how high, how loud."""
    sound = sounds.decode(wav(440, width=width, channels=channels))

    assert (sound.seconds, sound.hertz) == (1.0, 440)
    assert sound.loudness == pytest.approx(0.5 / 2**0.5, abs=0.01)
    assert sounds.told(WHISPER, sound).startswith("one second of a ")
    assert sounds.told(WHISPER, sound).endswith(" at 440 hertz")


@given(level=st.sampled_from([(0.0, "silence"), (0.1, "quiet"), (0.9, "loud")]), commit=commits)
def test_loud_is_told_from_quiet(level: tuple[float, str], commit: str) -> None:
    """At every commit."""
    sound = sounds.decode(wav(200, level=level[0], seconds=0.05))

    assert best(HUBERT, loudness_of(replace(HUBERT, commit=commit), sound)) == level[1]


def test_lengths_and_silence_in_words() -> None:
    """ "two seconds of silence", "1.5 seconds of …"."""
    assert sounds.told(WHISPER, sounds.decode(wav(100, level=0, seconds=2))) == "two seconds of silence"
    assert sounds.told(WHISPER, sounds.decode(wav(100, seconds=1.5))).startswith("1.5 seconds of a ")


@given(tail=st.binary(max_size=60), start=st.sampled_from([b"", wav(100, seconds=0.001)[:40]]))
def test_garbage_is_no_sound(tail: bytes, start: bytes) -> None:
    """Any bytes are a sound or said to be none; nothing else is raised."""
    try:
        sound = sounds.decode(start + tail)
    except NoSound:
        return
    assert sound.seconds > 0


@pytest.mark.parametrize("content", [b"", b"RIFF", wav(1, seconds=0), b"OggS" + bytes(40)])
def test_what_is_not_heard(content: bytes) -> None:
    """Nothing, half a header, no samples, another format."""
    with pytest.raises(NoSound):
        sounds.decode(content)
