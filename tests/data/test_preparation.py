from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.data.preparation import Preparation, PreparedArray
from chainrule.errors import DataError


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (np.zeros((3, 28, 28), np.uint8), Preparation(255.0, (28, 28, 1))),
        (np.zeros((3, 32, 30, 3), np.uint8), Preparation(255.0, (32, 30, 3))),
        (np.full((3, 784), 2, np.uint8), Preparation(255.0, (28, 28, 1))),
        (np.full((3, 64), 16, np.int64), Preparation(16.0, (8, 8, 1))),
        (np.full((3, 8, 8), 15, np.uint8), Preparation(15.0, (8, 8, 1))),
        (np.full((3, 8, 8), 14, np.uint8), Preparation(255.0, (8, 8, 1))),
        (np.full((3, 64), 1, np.uint8), Preparation(1.0, (64,))),
        (np.full((3, 65), 9, np.uint8), Preparation(1.0, (65,))),
        (np.full((3, 16), 9, np.uint8), Preparation(1.0, (16,))),
        (np.full((3, 64), 256, np.int64), Preparation(1.0, (64,))),
        (np.full((3, 64), -1, np.int64), Preparation(1.0, (64,))),
        (np.full((3, 28, 28), 7.0), Preparation(1.0, (28, 28))),
    ],
)
def test_infer(x: np.ndarray, expected: Preparation) -> None:
    assert Preparation.infer(x) == expected


@pytest.mark.parametrize(("shape", "message"), [((3,), "reshape"), ((0, 2), "at least one")])
def test_infer_refuses(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Preparation.infer(np.zeros(shape))


@given(st.integers(0, 255))
def test_pixels_survive_scaling(pixel: int) -> None:
    x = Preparation(255.0).apply(np.full((1, 4), pixel, np.uint8))
    assert x.dtype == np.float32
    assert np.rint(x * np.float32(255)).astype(int).tolist() == [[pixel] * 4]


@pytest.mark.parametrize("shape", [(2, 64), (2, 8, 8), (2, 8, 8, 1)])
def test_examples_may_come_flat_or_shaped(shape: tuple[int, ...]) -> None:
    x = Preparation(255.0, (8, 8, 1)).apply(np.zeros(shape, np.uint8))
    assert x.shape == (2, 8, 8, 1)


@pytest.mark.parametrize("shape", [(2, 10), (2, 1, 8, 8), (2, 4, 16), (2,)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"each example has shape .* but .* \(8, 8, 1\)"):
        Preparation(255.0, (8, 8, 1)).apply(np.zeros(shape, np.uint8))


def test_transposed_images_come_out_contiguous() -> None:
    stored = np.arange(2 * 8 * 8, dtype=np.uint8).reshape(2, 8, 8).transpose(0, 2, 1)
    for preparation in (Preparation(255.0, (8, 8, 1)), Preparation(1.0, (8, 8, 1))):
        assert preparation.apply(stored).flags.c_contiguous


def memory_map(path: Path, x: np.ndarray) -> np.ndarray:
    np.save(path, x)
    return np.load(path, mmap_mode="r")


def test_a_memory_map_is_prepared_batch_by_batch(tmp_path: Path) -> None:
    stored = np.random.default_rng(0).integers(0, 256, (10, 28, 28), np.uint8)
    preparation = Preparation.infer(stored)
    whole = preparation.apply(stored)
    lazy = preparation.apply(memory_map(tmp_path / "x.npy", stored))
    assert isinstance(lazy, PreparedArray)
    assert (lazy.shape, lazy.ndim, len(lazy)) == ((10, 28, 28, 1), 4, 10)
    assert lazy.dtype == np.float32
    chosen = np.array([1, 4, 7])
    for index in (slice(2, 5), chosen, whole.mean(axis=(1, 2, 3)) > 0.5, 3, -1):
        assert np.array_equal(lazy[index], whole[index])
    assert lazy[chosen].dtype == np.float32
    assert np.array_equal(np.asarray(lazy), whole)


def test_a_memory_map_that_needs_nothing_is_used_as_it_is(tmp_path: Path) -> None:
    stored = memory_map(tmp_path / "x.npy", np.zeros((4, 2), np.float32))
    assert Preparation.infer(stored).apply(stored) is stored
