"""Augmentation: images are moved, turned and scaled as asked, anew in every epoch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import rotate

import chainrule as cr
from chainrule.errors import ArgumentError, ChainruleError
from chainrule.types import Array


def dots(count: int, size: int = 7) -> Array:
    """Images with one light pixel in the middle."""
    x = np.zeros((count, size, size, 1), np.float32)
    x[:, size // 2, size // 2] = 1
    return x


def shapes(count: int) -> Array:
    return np.random.default_rng(0).random((count, 9, 9, 2), dtype=np.float32)


def test_images_are_moved_whole_and_anew_in_every_epoch() -> None:
    x, move = dots(50), cr.Affine(shift=1, rotation=0, scale=0)
    first, again, second = (move.of_epoch(x, 0, epoch)[:] for epoch in (1, 1, 2))
    assert first.shape == x.shape
    assert first.dtype == x.dtype
    assert (first.sum(axis=(1, 2, 3)) == 1).all()
    places = {divmod(int(image.argmax()), 7) for image in first}
    assert places == {(y, x) for y in (2, 3, 4) for x in (2, 3, 4)}
    np.testing.assert_array_equal(first, again)
    assert (first != second).any()


def test_moves_are_the_same_with_and_without_interpolation() -> None:
    x = shapes(20)
    whole = cr.Affine(shift=2, rotation=0, scale=0).of_epoch(x, 0, 1)[:]
    interpolated = cr.Affine(shift=2, rotation=1e-9, scale=0).of_epoch(x, 0, 1)[:]
    np.testing.assert_allclose(whole, interpolated, atol=1e-6)


def test_a_rotation_is_that_of_scipy() -> None:
    x = shapes(5)
    changed = cr.Affine(shift=0, rotation=30, scale=0).of_epoch(x, 3, 2)
    for image, seen, angle in zip(x, changed[:], np.degrees(changed._angles), strict=True):
        assert -30 <= angle <= 30
        expected = rotate(image, -angle, axes=(1, 0), reshape=False, order=1, mode="nearest")
        np.testing.assert_allclose(seen, expected, atol=1e-5)


def test_a_scale_makes_a_square_larger_or_smaller() -> None:
    x = np.zeros((40, 21, 21, 1), np.float32)
    x[:, 5:16, 5:16] = 1  # 121 pixels
    changed = cr.Affine(shift=0, rotation=0, scale=0.3).of_epoch(x, 0, 1)
    areas = changed[:].sum(axis=(1, 2, 3))
    np.testing.assert_allclose(areas, 121 * changed._scales**2, rtol=0.05)
    assert areas.min() < 100 < 150 < areas.max()


def test_beyond_the_edges_the_image_goes_on() -> None:
    x = np.full((10, 6, 6, 3), 0.7, np.float32)  # a light ground gets no dark border
    for change in (cr.Affine(3, 0, 0), cr.Affine(3, 40, 0.5)):
        np.testing.assert_allclose(change.of_epoch(x, 0, 1)[:], 0.7, atol=1e-6)


def test_a_batch_reads_what_the_whole_epoch_would_be() -> None:
    changed = cr.Affine(2, 20, 0.2).of_epoch(shapes(30), 0, 1)
    np.testing.assert_array_equal(changed[np.array([7, 3])], changed[:][[7, 3]])
    np.testing.assert_array_equal(changed[4:6], np.asarray(changed)[4:6])


@pytest.mark.parametrize("augment", ["affine(1, rotation=0, scale=0)", cr.Affine(2, 10, 0.1)])
def test_engine_and_numpy_train_on_the_same_images(augment: object) -> None:
    digits = cr.datasets.load("digits")
    losses = []
    for engine in ("numpy", "auto"):
        net = cr.Network([cr.Flatten(), cr.Dense(10)], (8, 8, 1), engine=engine)
        history = net.fit(
            digits.x_train, digits.y_train, epochs=2, augment=augment, validation=0.1, quiet=True
        )
        losses.append(history["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-5)
    plain = cr.Network([cr.Flatten(), cr.Dense(10)], (8, 8, 1))
    history = plain.fit(digits.x_train, digits.y_train, epochs=2, validation=0.1, quiet=True)
    assert abs(history["loss"][0] - losses[0][0]) > 1e-4


def test_epochs_of_a_single_step_are_augmented_too() -> None:
    """The engine runs such epochs ahead, many at a time, where all see the same images."""
    net = cr.Network([cr.Flatten(), cr.Dense(2)], (9, 9, 2))
    options = {"optimizer": cr.SGD(learning_rate=1e-12), "batch_size": "full", "quiet": True}
    history = net.fit(shapes(30), np.arange(30) % 2, epochs=5, augment="affine", **options)
    assert len(set(history["loss"])) == 5


def test_a_training_that_was_cut_off_goes_on_with_the_same_images(tmp_path: Path) -> None:
    x, y = np.random.default_rng(0).random((60, 5, 5, 1), dtype=np.float32), np.arange(60) % 3

    class Stop(cr.Callback):
        def epoch_ends(self, training: cr.callbacks.Training) -> None:
            if len(training.history) == 2:
                raise KeyboardInterrupt

    def trained(callbacks: list[cr.Callback], **options: object) -> Array:
        net = cr.Network([cr.Flatten(), cr.Dense(3)], (5, 5, 1))
        net.fit(x, y, epochs=4, augment="affine", quiet=True, callbacks=callbacks, **options)
        return net.parameters.flat

    checkpoint = cr.Checkpoints(tmp_path / "saved", epochs=1)
    trained([Stop()], checkpoint=checkpoint)
    resumed = trained([], checkpoint=checkpoint, resume=True)
    np.testing.assert_array_equal(resumed, trained([]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"augment": "afine"}, "no augmentation is called 'afine'; did you mean 'affine'"),
        ({"augment": "affine(shift=-1)"}, "shift is a whole number, 0 or more; received -1"),
        ({"augment": "affine(rotation=270)"}, "rotation is a number in"),
        ({"augment": "affine(scale=1)"}, "scale is a number in"),
        ({"augment": "affine", "x": np.zeros((4, 3))}, "an example has shape"),
        ({"augment": "affine", "x": lambda epoch: (dots(4), np.zeros(4, int)), "y": None}, "drawn"),
    ],
)
def test_what_cannot_be(options: dict[str, object], message: str) -> None:
    given = {"x": dots(4), "y": np.zeros(4, int), **options}
    shape = given["x"].shape[1:] if hasattr(given["x"], "shape") else (7, 7, 1)
    net = cr.Network([cr.Flatten(), cr.Dense(2)] if len(shape) > 1 else [cr.Dense(2)], shape)
    with pytest.raises(ChainruleError, match=message):
        net.fit(quiet=True, **given)


def test_examples_of_another_kind_are_refused() -> None:
    with pytest.raises(ArgumentError, match="augment changes images"):
        cr.Affine().of_epoch(np.zeros((3, 4)), 0, 1)
