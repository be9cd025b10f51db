"""The colours of all pictures: Okabe and Ito's, which colour-blind readers can tell apart.

Of their eight, black is the ink and yellow would vanish on a white page. Source: Okabe & Ito,
Color Universal Design (2008).
"""

from __future__ import annotations

from typing import TypedDict

BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY = COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
)
DASHES = ("-", "--", ":", "-.")
MARKERS = "os^DvP"


class LineStyle(TypedDict):
    """What tells one line from another."""

    color: str
    linestyle: str


def colour(number: int) -> str:
    """The colour of class or variant `number`; after six they begin anew."""
    return COLOURS[number % len(COLOURS)]


def marker(number: int) -> str:
    """A shape that goes with the colour, for who does not see colours."""
    return MARKERS[number % len(MARKERS)]


def line_style(number: int) -> LineStyle:
    """Another colour for each line, and other dashes when the colours are used up."""
    dashes = DASHES[number // len(COLOURS) % len(DASHES)]
    return {"color": colour(number), "linestyle": dashes}
