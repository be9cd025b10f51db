"""Augmentation: examples are changed as asked, anew in every epoch; compiled, the same values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import affine_transform, gaussian_filter, map_coordinates, rotate
from scipy.stats import kstest

import chainrule as cr
from chainrule.augment import Augmentation, Augmented
from chainrule.augment.numbers import random_bits, two_uniforms
from chainrule.data.training import TrainingData
from chainrule.engine.running.augmenting import CompiledWarp
from chainrule.errors import ArgumentError, ChainruleError
from chainrule.types import Array

ALL = "affine(2, rotation=20, scale=0.2, shear=15) + elastic(9, sigma=1.5) + cut_out(3) + noise"


def dots(count: int, size: int = 7) -> Array:
    """Images with one light pixel in the middle."""
    x = np.zeros((count, size, size, 1), np.float32)
    x[:, size // 2, size // 2] = 1
    return x


def shapes(count: int, *shape: int) -> Array:
    return np.random.default_rng(0).random((count, *(shape or (9, 9, 2))), dtype=np.float32)


def changed(augment: object, x: Array, seed: int = 0, epoch: int = 1) -> Augmented:
    return Augmentation.of(augment).of_epoch(x, seed, epoch)


# --- what each change does ----------------------------------------------------------------


def test_images_are_moved_whole_and_anew_in_every_epoch() -> None:
    x, move = dots(50), cr.Affine(shift=1, rotation=0, scale=0)
    first, again, second = (changed(move, x, epoch=epoch)[:] for epoch in (1, 1, 2))
    assert first.shape == x.shape
    assert first.dtype == x.dtype
    assert (first.sum(axis=(1, 2, 3)) == 1).all()
    places = {divmod(int(image.argmax()), 7) for image in first}
    assert places == {(y, x) for y in (2, 3, 4) for x in (2, 3, 4)}
    np.testing.assert_array_equal(first, again)
    assert (first != second).any()


def test_a_rotation_is_that_of_scipy() -> None:
    x = shapes(5)
    seen = changed(cr.Affine(shift=0, rotation=30, scale=0), x, seed=3, epoch=2)
    for image, matrix, after in zip(x, seen.warp.matrices, seen[:], strict=True):
        angle = np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0]))
        assert -30 <= angle <= 30
        expected = rotate(image, -angle, axes=(1, 0), reshape=False, order=1, mode="nearest")
        np.testing.assert_allclose(after, expected, atol=1e-5)


def test_affine_maps_are_those_of_scipy() -> None:
    x = shapes(5, 9, 12, 2)
    seen = changed(cr.Affine(2, rotation=30, scale=0.3, shear=20), x)
    for image, matrix, after in zip(x, seen.warp.matrices, seen[:], strict=True):
        for channel in range(2):
            expected = affine_transform(
                image[..., channel], matrix[:, :2], matrix[:, 2], order=1, mode="nearest"
            )
            np.testing.assert_allclose(after[..., channel], expected, atol=1e-5)


def test_a_shear_leans_upright_lines_and_leaves_rows_in_their_place() -> None:
    x = np.zeros((30, 21, 21, 1), np.float32)
    x[:, :, 10] = 1
    seen = changed(cr.Affine(0, rotation=0, scale=0, shear=20), x)[:][..., 0]
    middles = seen @ np.arange(21) / seen.sum(axis=2)
    slopes = (middles[:, 16] - middles[:, 4]) / 12
    np.testing.assert_allclose(middles[:, 10], 10, atol=1e-5)
    angles = np.degrees(np.arctan(slopes))
    assert np.abs(angles).max() <= 20
    assert angles.min() < -10 < 10 < angles.max()


def test_a_scale_makes_a_square_larger_or_smaller() -> None:
    x = np.zeros((40, 21, 21, 1), np.float32)
    x[:, 5:16, 5:16] = 1  # 121 pixels
    seen = changed(cr.Affine(shift=0, rotation=0, scale=0.3), x)
    areas, matrices = seen[:].sum(axis=(1, 2, 3)), seen.warp.matrices
    np.testing.assert_allclose(areas, 121 / np.linalg.det(matrices[:, :, :2]), rtol=0.05)
    assert areas.min() < 100 < 150 < areas.max()


def test_beyond_the_edges_the_image_goes_on() -> None:
    x = np.full((10, 6, 6, 3), 0.7, np.float32)  # a light ground gets no dark border
    for change in ("affine(3, rotation=40, scale=0.5)", "elastic(50, sigma=2)"):
        np.testing.assert_allclose(changed(change, x)[:], 0.7, atol=1e-6)


def test_elastic_distortions_are_those_of_scipy() -> None:
    """Uniform noise, smoothed by a Gaussian, moves the pixels (Simard et al.)."""
    x, alpha, sigma = shapes(4, 10, 13, 1), 8.0, 1.5
    seen = changed(cr.Elastic(alpha, sigma), x, seed=5, epoch=3)
    bits = random_bits(seen.warp.elasticity.key, np.arange(4), 10 * 13)
    fields = [(2 * part - 1).reshape(4, 10, 13) for part in two_uniforms(bits)]
    pixels = np.indices((10, 13)).astype(float)
    for number, (image, after) in enumerate(zip(x, seen[:], strict=True)):
        moved = [
            alpha * gaussian_filter(field[number], sigma, mode="constant", radius=5)
            for field in fields
        ]
        expected = map_coordinates(image[..., 0], pixels + moved, order=1, mode="nearest")
        np.testing.assert_allclose(after[..., 0], expected, atol=1e-5)
        assert 0.5 < np.std(moved) < 2.0


def test_affine_and_elastic_are_one_interpolation() -> None:
    x = shapes(3, 11, 11, 1)
    seen = changed(f"elastic(9, sigma=1.5) + {cr.Affine(1, 20, 0.2)!r}", x)
    both = changed([cr.Affine(1, 20, 0.2), cr.Elastic(9, 1.5)], x)
    np.testing.assert_array_equal(seen[:], both[:])
    twice = changed(cr.Elastic(9, 1.5), changed(cr.Affine(1, 20, 0.2), x)[:])[:]
    assert twice.std() < both[:].std()  # each interpolation makes an image smoother


def test_a_square_is_cut_out_around_any_pixel() -> None:
    seen = changed(cr.CutOut(3), np.ones((300, 6, 8, 2), np.float32))[:]
    gone = seen[..., 0] == 0
    np.testing.assert_array_equal(gone, seen[..., 1] == 0)
    heights, widths = (gone.any(axis=axis).sum(axis=1) for axis in (2, 1))
    np.testing.assert_array_equal(gone.sum(axis=(1, 2)), heights * widths)
    assert set(heights) == set(widths) == {2, 3}  # what is beyond an edge is lost
    assert gone.any(axis=0).all()


def test_noise_is_normal_and_of_any_examples() -> None:
    seen = changed(cr.Noise(0.5), np.zeros((500, 7)))[:]
    assert kstest(seen.ravel() / 0.5, "norm").pvalue > 0.01
    correlation = np.corrcoef(seen.T) - np.eye(7)
    assert np.abs(correlation).max() < 0.2


def test_mixed_examples_and_targets_have_the_same_shares() -> None:
    x, y = np.eye(200, dtype=np.float32), np.arange(200) % 5
    data = TrainingData(x, y).with_augmentation(Augmentation.of("mix_up(1)"), 0, (5,)).of_epoch(1)
    shares, partners = data.x.mixing.shares, data.x.mixing.partners
    for row, seen in enumerate(data.x[:]):
        expected = shares[row] * x[row] + (1 - shares[row]) * x[partners[row]]
        np.testing.assert_allclose(seen, expected, atol=1e-6)
        target = shares[row] * np.eye(5)[y[row]] + (1 - shares[row]) * np.eye(5)[y[partners[row]]]
        np.testing.assert_allclose(data.y[row], target, atol=1e-6)
    assert kstest(shares, "uniform").pvalue > 0.01  # Beta(1, 1)


def test_a_box_of_another_image_counts_by_its_area() -> None:
    x = np.repeat(np.arange(100, dtype=np.float32), 48).reshape(100, 6, 8, 1)
    y = np.arange(100.0)[:, None]
    data = TrainingData(x, y).with_augmentation(Augmentation.of("cut_mix"), 0, (1,)).of_epoch(1)
    partners, seen = data.x.mixing.partners, data.x[:]
    for row in range(100):
        assert set(np.unique(seen[row])) <= {row, partners[row]}
        assert seen[row].mean() == pytest.approx(float(data.y[row, 0]), rel=1e-5)
    assert data.x.mixing.shares.min() < 0.3 < 0.7 < data.x.mixing.shares.max()


def test_weights_go_with_their_targets() -> None:
    """The loss of a mixed example is the weighted losses of both, by their shares."""
    x, y, weights = np.eye(6, dtype=np.float32), np.arange(6) % 3, np.array([1, 2, 0, 4, 0, 6.0])
    augment = Augmentation.of("mix_up(1)")
    data = TrainingData(x, y, weights).with_augmentation(augment, 0, (3,)).of_epoch(1)
    outputs = np.random.default_rng(0).normal(size=(6, 3))
    loss = cr.SoftmaxCrossEntropy(reduction="sum")
    mixing = data.x.mixing
    each = np.array([[loss.forward(o[None], np.array([c]))[0] for c in range(3)] for o in outputs])
    rows = np.arange(6)
    expected = mixing.shares * weights * each[rows, y]
    expected += (1 - mixing.shares) * weights[mixing.partners] * each[rows, y[mixing.partners]]
    found = loss.forward(outputs, data.y.astype(np.float64), data.weights)[0]
    assert found == pytest.approx(expected.sum(), rel=1e-5)


# --- the same values, however they are made -----------------------------------------------


def test_a_batch_reads_what_the_whole_epoch_would_be() -> None:
    seen = changed(f"{ALL} + mix_up", shapes(30))
    np.testing.assert_array_equal(seen[np.array([7, 3])], seen[:][[7, 3]])
    np.testing.assert_array_equal(seen[4:6], np.asarray(seen)[4:6])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("augment", "shape"),
    [
        ("affine(2, rotation=30, scale=0.3, shear=10)", (9, 12, 3)),
        ("elastic(20, sigma=3)", (13, 10, 1)),
        (f"{ALL} + cut_mix", (28, 28, 1)),
        ("noise(0.3) + mix_up", (7,)),
    ],
)
def test_compiled_and_numpy_have_the_same_values(
    augment: str, shape: tuple[int, ...], dtype: str
) -> None:
    x, rows = shapes(150, *shape), np.random.default_rng(1).permutation(150)[:101]
    seen = changed(augment, x, epoch=2)
    expected = seen.take(rows, dtype)
    alone, together = (seen.take(rows, dtype, CompiledWarp(threads)) for threads in (1, 3))
    np.testing.assert_array_equal(alone, together)
    np.testing.assert_allclose(alone, expected, atol=1e-5 if dtype == "float32" else 1e-12)


def test_uniform_numbers_are_uniform_and_of_each_example() -> None:
    upper, lower = two_uniforms(random_bits(1, np.arange(2000), 3))
    for part in (upper, lower, upper[:, 0], np.diff(upper, axis=0)[:, 0] % 1):
        assert kstest(part.ravel(), "uniform").pvalue > 0.01
    np.testing.assert_array_equal(two_uniforms(random_bits(1, np.array([17]), 3))[0][0], upper[17])


@pytest.mark.parametrize("augment", ["affine(1, rotation=0, scale=0)", f"{ALL} + mix_up"])
def test_engine_and_numpy_train_on_the_same_images(augment: str) -> None:
    digits = cr.datasets.load("digits")
    losses = []
    for engine in ("numpy", "auto"):
        net = cr.Network([cr.Flatten(), cr.Dense(10)], (8, 8, 1), engine=engine)
        history = net.fit(
            digits.x_train[:400],
            digits.y_train[:400],
            epochs=2,
            augment=augment,
            validation=0.1,
            metrics=["accuracy"],
            quiet=True,
        )
        losses.append(history["loss"])
    np.testing.assert_allclose(*losses, rtol=1e-5)
    plain = cr.Network([cr.Flatten(), cr.Dense(10)], (8, 8, 1))
    history = plain.fit(digits.x_train[:400], digits.y_train[:400], epochs=2, quiet=True)
    assert abs(history["loss"][0] - losses[0][0]) > 1e-4


def test_epochs_of_a_single_step_are_augmented_too() -> None:
    """The engine runs such epochs ahead, many at a time, where all see the same images."""
    net = cr.Network([cr.Flatten(), cr.Dense(2)], (9, 9, 2))
    options = {"optimizer": cr.SGD(learning_rate=1e-12), "batch_size": "full", "quiet": True}
    history = net.fit(shapes(30), np.arange(30) % 2, epochs=5, augment="affine", **options)
    assert len(set(history["loss"])) == 5


def test_a_training_that_was_cut_off_goes_on_with_the_same_images(tmp_path: Path) -> None:
    x, y = shapes(60, 5, 5, 1), np.arange(60) % 3

    class Stop(cr.Callback):
        def epoch_ends(self, training: cr.callbacks.Training) -> None:
            if len(training.history) == 2:
                raise KeyboardInterrupt

    def trained(callbacks: list[cr.Callback], **options: object) -> Array:
        net = cr.Network([cr.Flatten(), cr.Dense(3)], (5, 5, 1), threads=options.pop("threads", 2))
        augment = f"{ALL} + mix_up"
        net.fit(x, y, epochs=4, augment=augment, quiet=True, callbacks=callbacks, **options)
        return net.parameters.flat

    checkpoint = cr.Checkpoints(tmp_path / "saved", epochs=1)
    trained([Stop()], checkpoint=checkpoint)
    resumed = trained([], checkpoint=checkpoint, resume=True)
    np.testing.assert_array_equal(resumed, trained([]))


# --- what cannot be -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"augment": "afine"}, "no augmentation is called 'afine'; did you mean 'affine'"),
        ({"augment": "affine + afine"}, "did you mean 'affine'"),
        ({"augment": "affine(shift=-1)"}, "shift is a whole number, 0 or more; received -1"),
        ({"augment": "affine(rotation=270)"}, "rotation is a number in"),
        ({"augment": "affine(scale=1)"}, "scale is a number in"),
        ({"augment": "affine(shear=90)"}, "shear is a number in"),
        ({"augment": "elastic(sigma=0)"}, "sigma is a number in"),
        ({"augment": "cut_out(0)"}, "size is a whole number"),
        ({"augment": "mix_up(0)"}, "alpha is a number in"),
        ({"augment": "affine + affine(2)"}, "leave out one of them"),
        ({"augment": "mix_up + cut_mix"}, "leave out one of them"),
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
    with pytest.raises(ArgumentError, match="CutMix changes images"):
        changed("cut_mix", np.zeros((3, 4)))
