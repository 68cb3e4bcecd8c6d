"""Age: hours, days and weeks, and nothing that could be taken for something else."""

import click
import pytest

from resilient_infer.cli.age import read_age

CONTEXT = click.Context(click.Command("x"))
OPTION = click.Option(["--min-age"])


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("36h", 129_600), ("7d", 604_800), ("2w", 1_209_600), ("0d", 0), ("9999w", 6_047_395_200)],
)
def test_an_age_is_a_number_and_a_unit(written: str, seconds: int) -> None:
    """And is repeated as it was written."""
    age = read_age(CONTEXT, OPTION, written)

    assert age is not None
    assert (age.seconds, age.words) == (seconds, written)
    assert read_age(CONTEXT, OPTION, None) is None


@pytest.mark.parametrize(
    "written", ["", "7", "d", "7 d", "7D", "-7d", "1.5d", "7m", "7d12h", "٧d", "10000d", "7d\n"]
)
def test_what_could_mean_something_else_is_refused(written: str) -> None:
    """A month or a minute, for example."""
    with pytest.raises(click.BadParameter, match="write hours, days or weeks"):
        read_age(CONTEXT, OPTION, written)
