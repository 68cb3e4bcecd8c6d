"""What could not be told: once for each reason, with all that it concerns."""

from resilient_infer.lock.findings import Said
from resilient_infer.lock.missing import said_once, unchecked

DRIFT = Said(code="RI301", message="main is elsewhere")


def texts(*said: Said) -> list[str]:
    return [each.message for each in said_once(said)]


def test_one_reason_is_said_once() -> None:
    """In the place of the first; another reason is another finding."""
    told = texts(
        unchecked("the Hub is down", about="the scans"),
        DRIFT,
        unchecked("no such page", about="the license"),
        unchecked("the Hub is down", about="the history"),
        unchecked("the Hub is down", about="the license"),
    )

    assert told == [
        "not checked: the scans; the history; the license: the Hub is down",
        "main is elsewhere",
        "not checked: the license: no such page",
    ]


def test_repeats_are_left_out() -> None:
    """Of every kind."""
    same = unchecked("the Hub is down", about="the scans")

    assert texts(DRIFT, same, DRIFT, same) == ["main is elsewhere", "not checked: the scans: the Hub is down"]


def test_what_concerns_all_of_it_stands_for_itself() -> None:
    """Nothing is put before it."""
    down = unchecked("the Hub is down")

    assert texts(down, down) == ["not checked: the Hub is down"]
    assert {said.code for said in said_once([down])} == {"RI900"}


def test_the_hint_is_kept() -> None:
    """Later, or with a token."""
    assert said_once([unchecked("x", token=True)])[0].hint == "set a token that may read it (HF_TOKEN)"
    merged = said_once([unchecked("x", about="a"), unchecked("x", about="b")])
    assert [said.hint for said in merged] == ["run it again later"]
