"""Pictures: what the sandbox's models see in a PNG: its colours, and what stands out from the background."""

from collections import Counter
from dataclasses import dataclass

from resilient_infer.testing.sandbox.answers import tremor, worded
from resilient_infer.testing.sandbox.models import Model
from resilient_infer.testing.sandbox.png import Colour, Picture

SHADES: dict[str, Colour] = {
    "red": (220, 30, 30),
    "green": (30, 160, 40),
    "blue": (30, 50, 220),
    "yellow": (250, 230, 30),
    "orange": (250, 140, 20),
    "purple": (130, 30, 160),
    "cyan": (30, 220, 230),
    "brown": (120, 70, 30),
    "black": (0, 0, 0),
    "grey": (128, 128, 128),
    "white": (255, 255, 255),
}
"""Each colour's name and what is called by it: whatever is nearer to it than to the others."""

_FINEST = 128
"""Samples across the longer side: more would only take longer."""

_LEAST = 4
"""Samples that a thing is made of, at least; what is smaller is noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """A connected area of one colour, and the box around it in pixels; `right` and `bottom` lie outside.

    Attributes:
        share: Of the box, between 0 and 1.
    """

    colour: str
    left: int
    top: int
    right: int
    bottom: int
    share: float


def shades_in(model: Model, picture: Picture) -> list[float]:
    """One logit for each label of the model, from how much of the picture has that colour."""
    names = _names(picture)
    counted = Counter(name for row in names for name in row)
    total = counted.total()
    key = repr((picture.width, picture.height, sorted(counted.items())))
    return [12 * counted[label] / total + tremor(model, f"{label}\0{key}") for label in model.labels]


def things_in(picture: Picture) -> list[Thing]:
    """What stands out, in reading order. The background is the colour that most of the edge has."""
    names = _names(picture)
    background = _background(names)
    seen = [[name == background for name in row] for row in names]
    things = []
    for top, row in enumerate(names):
        for left in range(len(row)):
            area = [] if seen[top][left] else _area(names, seen, left, top)
            if len(area) >= _LEAST:
                things.append(_boxed(picture, row[left], area))
    return things


def told(model: Model, picture: Picture) -> str:
    """The picture in words; which words, depends on the commit."""
    names = _names(picture)
    background = _background(names)
    seen = things_in(picture)
    kind = worded(model, "picture", "image", "square" if picture.width == picture.height else "rectangle")
    size = f"{picture.width} by {picture.height} pixels"
    if not seen:
        return f"a {background} {kind} of {size}"
    colours = " and ".join(dict.fromkeys(f"a {thing.colour} shape" for thing in seen[:3]))
    return f"{colours} on a {background} {kind} of {size}"


def _names(picture: Picture) -> list[list[str]]:
    """The name of each sampled pixel's colour, row by row."""
    step = _step(picture)
    known: dict[Colour, str] = {}
    rows = []
    for top in range(0, picture.height, step):
        start = top * picture.width
        row = picture.pixels[start : start + picture.width : step]
        for colour in row:
            if colour not in known:
                known[colour] = _nearest(colour)
        rows.append([known[colour] for colour in row])
    return rows


def _step(picture: Picture) -> int:
    return -(-max(picture.width, picture.height) // _FINEST)


def _nearest(colour: Colour) -> str:
    return min(
        SHADES,
        key=lambda name: sum((one - other) ** 2 for one, other in zip(SHADES[name], colour, strict=True)),
    )


def _background(names: list[list[str]]) -> str:
    edge = Counter([*names[0], *names[-1], *(row[0] for row in names), *(row[-1] for row in names)])
    return edge.most_common(1)[0][0]


def _area(names: list[list[str]], seen: list[list[bool]], left: int, top: int) -> list[tuple[int, int]]:
    """All that has the colour of this place and touches it, sideways or up and down; marked as seen."""
    colour = names[top][left]
    seen[top][left] = True
    found = [(left, top)]
    for x, y in found:  # grows as it goes
        for column, row in ((x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1)):
            inside = 0 <= row < len(names) and 0 <= column < len(names[0])
            if inside and not seen[row][column] and names[row][column] == colour:
                seen[row][column] = True
                found.append((column, row))
    return found


def _boxed(picture: Picture, colour: str, area: list[tuple[int, int]]) -> Thing:
    step = _step(picture)
    columns, rows = [x for x, _ in area], [y for _, y in area]
    left, right, top, bottom = min(columns), max(columns) + 1, min(rows), max(rows) + 1
    return Thing(
        colour=colour,
        left=left * step,
        top=top * step,
        right=min(right * step, picture.width),
        bottom=min(bottom * step, picture.height),
        share=len(area) / ((right - left) * (bottom - top)),
    )
