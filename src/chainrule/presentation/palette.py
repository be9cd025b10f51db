"""The colours of all pictures: Okabe and Ito's, which colour-blind readers can tell apart.

Of their eight, black is the ink and yellow would vanish on a white page. Source: Okabe & Ito,
Color Universal Design (2008).

Numbers have one convention everywhere: positive ones are blue, negative ones vermilion (called
orange where people read it), and zero has the colour of the page, be it light or dark.
"""

from __future__ import annotations

from typing import Any, TypedDict

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
UNKNOWN = "#9a9a9a"  # the colour of what is no number

SIGNS = "blue is positive, orange negative"


class LineStyle(TypedDict):
    """What tells one line from another."""

    color: str
    linestyle: str


def colour(number: int) -> str:
    """The colour of class or variant `number`; after six they begin anew."""
    return COLOURS[number % len(COLOURS)]


def marker(number: int) -> str:
    """A shape that goes with the colour, for who does not see colours; another one for each class
    of the same colour."""
    return MARKERS[(number + number // len(COLOURS)) % len(MARKERS)]


def line_style(number: int) -> LineStyle:
    """Another colour for each line, and other dashes when the colours are used up."""
    dashes = DASHES[number // len(COLOURS) % len(DASHES)]
    return {"color": colour(number), "linestyle": dashes}


def signed(reach: float) -> dict[str, Any]:
    """How matplotlib turns numbers into colours: zero is transparent, and `reach` either way is the
    strongest."""
    from matplotlib.colors import LinearSegmentedColormap, to_rgba

    ends = [(0.0, VERMILION, 1), (0.5, VERMILION, 0), (0.5, BLUE, 0), (1.0, BLUE, 1)]
    colours = LinearSegmentedColormap.from_list(
        "signed", [(place, to_rgba(name, opaque)) for place, name, opaque in ends], N=512
    )
    return {"cmap": colours.with_extremes(bad=UNKNOWN), "vmin": -reach, "vmax": reach}
