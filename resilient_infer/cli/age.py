"""Age: how long ago, as people write it: "36h", "7d", "2w"."""

import re
from dataclasses import dataclass
from typing import Final

import click

_UNITS: Final = {"h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
_AGE: Final = re.compile(r"([0-9]{1,4})([hdw])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Age:
    """A length of time.

    Attributes:
        words: As it was written.
    """

    seconds: float
    words: str


def read_age(context: click.Context, parameter: click.Parameter, value: str | None) -> Age | None:
    """The age that an option was given; None: it was not.

    Raises:
        BadParameter: It is none.
    """
    if value is None:
        return None
    written = _AGE.fullmatch(value)
    if written is None:
        raise click.BadParameter(f"{value!r} is no age; write hours, days or weeks: 36h, 7d, 2w")
    return Age(seconds=int(written[1]) * _UNITS[written[2]], words=value)
