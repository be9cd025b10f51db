"""Warps and noise, compiled: what `augment.warps` says of an example, one after the other."""

from __future__ import annotations

import math
from typing import Any

from chainrule.engine.codegen.kernel import kernel
from chainrule.engine.codegen.native import constant, copy, pointer, share, size_of
from chainrule.engine.codegen.operands import record_at
from chainrule.engine.codegen.products import Result, Right, multiply, plain
from chainrule.engine.codegen.random import uniform_at
from chainrule.engine.program.records import Warping

warping_at = record_at(Warping)
FIELDS = 4  # down and right: as drawn, and as smoothed
MATRIX = 6  # numbers of an affine map


def warp(address: int, thread: int, like: Any) -> None:
    """Warp a thread's share of examples as the record at this address says."""
    w = warping_at(address)
    size = w.height * w.width * w.channels
    scratch = w.scratch + thread * w.scratch_bytes
    begin, end = share(w.count, thread, w.threads)
    for n in range(begin, end):
        image = pointer(w.images + n * size * size_of(like), like)
        warped = pointer(w.warped + n * size * size_of(like), like)
        example = pointer(w.examples, 0)[n]
        if w.down:
            displace(w, example, scratch, like)
        if w.matrices:
            interpolate(w, image, warped, n, pointer(scratch, like), like)
        else:
            copy(image, warped, size)
        if w.std:
            add_noise(w, warped, example, size, like)


@kernel
def displace(w: Warping, example: int, scratch: int, like: Any) -> None:
    """α d of an example, at the beginning of the scratch memory: noise smoothed along columns, then
    along rows. Each row has the numbers for down, then those for right."""
    height, width, item = w.height, w.width, size_of(like)
    pixels, row = height * width, width * item
    between = scratch + 2 * pixels * item
    room = scratch + FIELDS * pixels * item
    noise = pointer(scratch, like)
    for i in range(height):
        for j in range(width):
            place = example * pixels + i * width + j
            down, right = uniform_at(w.elastic_key, place, 0), uniform_at(w.elastic_key, place, 1)
            noise[2 * i * width + j] = constant(2.0 * down - 1.0, like)
            noise[(2 * i + 1) * width + j] = constant(2.0 * right - 1.0, like)
    multiply(
        plain(w.down, height * item, height, item),
        Right(scratch, 2 * row, 0),
        Result(between, 2 * row, 0, 0, height, 2 * width),
        room,
        like,
    )
    multiply(
        plain(between, row, width, item),
        Right(w.right, row, 0),
        Result(scratch, row, 0, 0, 2 * height, width),
        room,
        like,
    )


@kernel
def interpolate(w: Warping, image: Any, warped: Any, n: int, field: Any, like: Any) -> None:
    """An image whose pixels come from elsewhere, each as the mean of four."""
    height, width, channels, one = w.height, w.width, w.channels, constant(1.0, like)
    a = pointer(w.matrices + 8 * MATRIX * n, 0.0)
    for i in range(height):
        for j in range(width):
            down = a[0] * i + a[1] * j + a[2]
            right = a[3] * i + a[4] * j + a[5]
            if w.down:
                down += field[2 * i * width + j]
                right += field[(2 * i + 1) * width + j]
            down, right = held(down, height - 1.0), held(right, width - 1.0)
            top, left = int(down), int(right)
            bottom, beside = min(top + 1, height - 1), min(left + 1, width - 1)
            lower, later = constant(down - top, like), constant(right - left, like)
            for c in range(channels):
                above = (
                    image[(top * width + left) * channels + c] * (one - later)
                    + image[(top * width + beside) * channels + c] * later
                )
                below = (
                    image[(bottom * width + left) * channels + c] * (one - later)
                    + image[(bottom * width + beside) * channels + c] * later
                )
                warped[(i * width + j) * channels + c] = above * (one - lower) + below * lower


@kernel
def held(place: float, last: float) -> float:
    """A place within an image."""
    return min(max(place, 0.0), last)


@kernel
def add_noise(w: Warping, x: Any, example: int, size: int, like: Any) -> None:
    """x += ε, two normal numbers of two uniform ones."""
    std, pairs = pointer(w.std, 0.0)[0], (size + 1) // 2
    for k in range(pairs):
        place = example * pairs + k
        radius = std * math.sqrt(-2.0 * math.log(uniform_at(w.noise_key, place, 0)))
        angle = 2.0 * math.pi * uniform_at(w.noise_key, place, 1)
        x[2 * k] += constant(radius * math.cos(angle), like)
        if 2 * k + 1 < size:
            x[2 * k + 1] += constant(radius * math.sin(angle), like)
