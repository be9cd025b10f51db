"""Images within a border of zeros, their pixels set apart where need be."""

from __future__ import annotations

from typing import Any, NamedTuple

from chainrule.engine.codegen.kernel import kernel
from chainrule.engine.codegen.native import pointer, size_of
from chainrule.engine.codegen.operands import Rows, interleaved_examples
from chainrule.engine.program.instructions import Private
from chainrule.engine.program.records import Task


class PaddedImage(NamedTuple):
    """An image, copied into a larger one if need be."""

    copy: Private | None  # memory for the larger one
    height: int
    width: int
    channels: int
    padded_height: int
    padded_width: int
    top: int  # where the image's first pixel comes to lie
    left: int
    step_down: int  # how far its pixels are set apart
    step_right: int


@kernel
def pad(task: Task, images: Rows, image: Any, row: int, like: Any) -> int:
    """The address of a row's image, or where it has a border, of a copy of it within zeros."""
    x = images.address + row * images.size * size_of(like)
    if not image.copy:
        return x
    channels = image.channels * interleaved_examples(task)
    copy_within(pointer(x, like), pointer(image.copy, like), image, channels)
    return image.copy


@kernel
def copy_within(source: Any, target: Any, image: Any, channels: int) -> None:
    """Copy an image into a larger one, from (top, left) on, its pixels set apart by the steps. What
    falls outside is left out, what lies between stays as it is."""
    width, padded_width = image.width, image.padded_width
    for r in range(image.height):
        y = image.top + r * image.step_down
        if 0 <= y < image.padded_height:
            for c in range(width):
                x = image.left + c * image.step_right
                if 0 <= x < padded_width:
                    at, to = (r * width + c) * channels, (y * padded_width + x) * channels
                    for k in range(channels):
                        target[to + k] = source[at + k]
