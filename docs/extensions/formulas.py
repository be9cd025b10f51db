"""Formulas as SVG, drawn while the site is built: a page needs no script and no network for them,
and looks the same in every browser."""

from functools import cache
from html import escape
from typing import Any

import ziamath
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

FONT_SIZE = 17  # pixels; letters are then as high as those of the text around them
TALLEST = 150  # pixels; a formula that is taller has been drawn wrongly


@cache
def svg(tex: str, *, in_line: bool) -> str:
    """A formula as an ``<svg>`` element in the colour of the text, with its source as its name."""
    try:
        formula = ziamath.Latex(tex, size=FONT_SIZE, inline=in_line, color="currentColor")
        element = formula.svgxml()
    except Exception as error:
        raise ExtensionError(f"this formula cannot be drawn: {tex}", error) from error
    if float(element.get("height", "0")) > TALLEST:  # parentheses around a sum
        raise ExtensionError(f"this formula is drawn too tall, write \\Bigl( for \\left(: {tex}")
    element.set("role", "img")
    element.set("aria-label", tex)
    if in_line:
        element.set("style", f"vertical-align: {formula.getyofst():.2f}px")
    return ziamath.zmath.ET.tostring(element, encoding="unicode")


def visit_math(translator: Any, node: nodes.math) -> None:
    translator.body.append(f'<span class="math">{svg(node.astext(), in_line=True)}</span>')
    raise nodes.SkipNode


def visit_math_block(translator: Any, node: nodes.math_block) -> None:
    drawn = svg(node.astext(), in_line=False)
    label = escape(node.astext(), quote=True)
    translator.body.append(f'<div class="math" tabindex="0" title="{label}">{drawn}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("svg", (visit_math, None), (visit_math_block, None))
    app.config.html_math_renderer_name = "svg"
    return {"parallel_read_safe": True, "parallel_write_safe": True}
