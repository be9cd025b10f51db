"""Layers that are wrong, each in one way that people get them wrong.

They prove that the conformance checks can fail: `KNOWN_WRONG` says of each which check must
reject it. The docstring of a class is its mistake.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import conformance
import numpy as np
from layer_cases import LayerCase

from chainrule.functions import sigmoid
from chainrule.layers import (
    GELU,
    AveragePool2D,
    BatchNorm,
    Concatenate,
    Conv1D,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Dropout,
    Flatten,
    Gated,
    GlobalMaxPool2D,
    Layer,
    LayerNorm,
    LeakyReLU,
    LogSoftmax,
    MaxPool2D,
    Mish,
    PReLU,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    Softmax,
    SpatialDropout2D,
    StochasticDepth,
    Tanh,
)
from chainrule.parameters import Shape


class NoBiasGradient(Dense):
    """db is forgotten."""

    def backward(self, dy, x):
        self.dW += x.T @ dy
        return dy @ self.W.T


class BiasGradientOfTheMean(Dense):
    """db is the mean over the batch, not the sum."""

    def backward(self, dy, x):
        self.dW += x.T @ dy
        self.db += dy.mean(axis=0)
        return dy @ self.W.T


class WeightGradientOfTheMean(Dense):
    """dW is divided by the batch size, which the loss has done already."""

    def backward(self, dy, x):
        self.dW += x.T @ dy / len(x)
        self.db += dy.sum(axis=0)
        return dy @ self.W.T


class WeightGradientTransposed(Dense):
    """dW is dyᵀ x. On a square layer the shape does not tell."""

    def backward(self, dy, x):
        self.dW += dy.T @ x
        self.db += dy.sum(axis=0)
        return dy @ self.W.T


class WeightGradientOfTheFirstExample(Dense):
    """dW sees one example of the batch."""

    def backward(self, dy, x):
        self.dW += np.outer(x[0], dy[0])
        self.db += dy.sum(axis=0)
        return dy @ self.W.T


class InputGradientTransposed(Dense):
    """dx is dy W, not dy Wᵀ."""

    def backward(self, dy, x):
        super().backward(dy, x)
        return dy @ self.W


class InputGradientForgotten(Dense):
    """dy goes through as if W were 1."""

    def backward(self, dy, x):
        super().backward(dy, x)
        return dy.copy()


class InputGradientUphill(Dense):
    """The sign of dx is wrong."""

    def backward(self, dy, x):
        return -super().backward(dy, x)


class InputGradientALittleOff(Dense):
    """dx is off by one part in a hundred thousand."""

    def backward(self, dy, x):
        return super().backward(dy, x) * (1 + 1e-5)


class OverwritesGradients(Dense):
    """The second backward pass wipes out what the first one found."""

    def backward(self, dy, x):
        self.dW[...] = x.T @ dy
        self.db[...] = dy.sum(axis=0)
        return dy @ self.W.T


class CentresItsInput(Dense):
    """forward changes x in place."""

    def forward(self, x, training=False):
        x -= x.mean()
        return super().forward(x, training)


class ScalesItsUpstreamGradient(Dense):
    """backward changes dy in place."""

    def backward(self, dy, x):
        dx = super().backward(dy, x)
        dy *= 0.5
        return dx


class UpdatesInBackward(Dense):
    """backward moves the weights itself."""

    def backward(self, dy, x):
        dx = super().backward(dy, x)
        self.W -= 0.1 * self.dW
        return dx


class CacheOnSelf(Dense):
    """x is kept on the layer, where the next forward pass replaces it."""

    def forward(self, x, training=False):
        self.x = x
        return super().forward(x, training)

    def backward(self, dy, cache):
        return super().backward(dy, self.x)


class CacheReused(Tanh):
    """backward computes in the memory of its cache."""

    def backward(self, dy, y):
        y *= -y
        y += 1
        return dy * y


class KeepsAnArrayOfItsOwn(Dense):
    """W is remembered under another name, which a copy does not point at its own vector."""

    def forward(self, x, training=False):
        if "kept" not in vars(self):
            self.kept = self.W
        return x @ self.kept + self.b, x


class Promotes(Tanh):
    """A NumPy scalar turns float32 into float64."""

    def forward(self, x, training=False):
        y = np.tanh(x) * np.sqrt(2.0) / np.sqrt(2.0)
        return y, y


class RowsOfColumns(Flatten):
    """dy is put back column by column."""

    def backward(self, dy, input_shape):
        count, *sizes = input_shape
        return np.stack([row.reshape(sizes, order="F") for row in dy]).reshape(count, *sizes)


class NoDerivative(Sigmoid):
    """The activation's derivative is missing."""

    def backward(self, dy, y):
        return dy.copy()


class DerivativeTwice(Sigmoid):
    """The derivative is taken of the output as if it were the input."""

    def backward(self, dy, y):
        s = sigmoid(y)
        return dy * s * (1 - s)


class DerivativeOfTheInput(Tanh):
    """1 - x² in the place of 1 - tanh(x)²."""

    def forward(self, x, training=False):
        return np.tanh(x), x


class NoMask(ReLU):
    """dy passes where x is negative, too."""

    def backward(self, dy, positive):
        return dy.copy()


class MaskOfTheGradient(ReLU):
    """The mask is taken of dy, not of x."""

    def backward(self, dy, positive):
        return dy * (dy > 0)


class NoSlope(LeakyReLU):
    """Negative values are backpropagated as in ReLU."""

    def backward(self, dy, positive):
        return dy * positive


class DiagonalJacobian(Softmax):
    """dx_i = dy_i y_i (1 - y_i): the other outputs' share is missing."""

    def backward(self, dy, y):
        return dy * y * (1 - y)


class AssumesOneClass(LogSoftmax):
    """dx = dy - softmax: right only where dy sums to one."""

    def backward(self, dy, y):
        return dy - np.exp(y)


class NoDensity(GELU):
    """dx = Φ(x) dy: the term x φ(x) is missing."""

    def backward(self, dy, cache):
        return dy * cache[0]


class NoSlopeOfSoftplus(Mish):
    """dx = (t + x (1 - t²)) dy: tanh is differentiated, softplus within it is not."""

    def backward(self, dy, cache):
        x, t = cache
        return dy * (t + x * (1 - t * t))


class NoPathThroughTheMean(BatchNorm):
    """The mean is treated as a constant."""

    def backward(self, dy, cache):
        _, sigma, from_batch = cache
        axes = tuple(range(dy.ndim - 1))
        right = super().backward(dy, cache)
        return right + (self.gamma * dy).mean(axis=axes) / sigma if from_batch else right


class NoPathThroughTheVariance(BatchNorm):
    """The variance is treated as a constant."""

    def backward(self, dy, cache):
        x_hat, sigma, from_batch = cache
        axes = tuple(range(dy.ndim - 1))
        right = super().backward(dy, cache)
        missing = x_hat * (self.gamma * dy * x_hat).mean(axis=axes) / sigma
        return right + missing if from_batch else right


class BatchPathsInEvaluation(BatchNorm):
    """The running statistics are differentiated as if they came from the batch."""

    def backward(self, dy, cache):
        x_hat, sigma, _ = cache
        return super().backward(dy, (x_hat, sigma, True))


class NoScaleGradient(BatchNorm):
    """dγ is Σ dy, as if x̂ were 1."""

    def backward(self, dy, cache):
        before = self.dgamma.copy()
        dx = super().backward(dy, cache)
        self.dgamma[...] = before + dy.sum(axis=tuple(range(dy.ndim - 1)))
        return dx


class MeansOverTheBatch(LayerNorm):
    """The paths through mean and variance run over the examples, not over the features."""

    def backward(self, dy, cache):
        x_hat, sigma = cache
        super().backward(dy, cache)
        g = self.gamma * dy
        return (g - g.mean(axis=0) - x_hat * (g * x_hat).mean(axis=0)) / sigma


class DropsNothingBackward(Dropout):
    """The mask is missing in backward."""

    def backward(self, dy, mask):
        return dy.copy()


class DropsWithoutScale(Dropout):
    """backward leaves out the 1 / (1 - rate)."""

    def backward(self, dy, mask):
        return dy * (mask > 0)


class DropsAnew(Dropout):
    """backward draws another mask."""

    def backward(self, dy, mask):
        return dy * self.rng.permutation(np.ravel(mask)).reshape(mask.shape)


class DropsValueByValue(SpatialDropout2D):
    """backward draws a mask for each value, as many as Dropout would have."""

    def backward(self, dy, mask):
        stays = self.rng.random(dy.shape) >= self.rate
        return dy * stays / (1 - self.rate) if mask.ndim else dy.copy()


class DepthTakenBackward(StochasticDepth):
    """backward takes the branch of every example."""

    def backward(self, dy, mask):
        return dy.copy()


class SlopesOfAll(PReLU):
    """dα counts the positive values too."""

    def backward(self, dy, x):
        self.dalpha += (dy * x).sum(axis=0)
        return np.where(x > 0, dy, self.alpha * dy)


class SlopeOfTheFirst(PReLU):
    """dx has one channel's slope for all."""

    def backward(self, dy, x):
        super().backward(dy, x)
        return np.where(x > 0, dy, self.alpha[0] * dy)


class NoPathThroughTheGate(Gated):
    """x is taken to be read once, by the product alone."""

    def backward(self, dy, cache):
        _, factors, _ = cache
        super().backward(dy, cache)
        return dy * factors


class GateOfTheMean(Gated):
    """The factor of a channel receives the mean over its pixels, not the sum."""

    def backward(self, dy, cache):
        x, factors, gate_cache = cache
        dfactors = (dy * x).mean(axis=self.pixels)
        return dy * factors + self.gate.backward(dfactors, gate_cache)


class StepsOfTheFirst(Conv1D):
    """dW sums over the examples, and over the first step alone."""

    def backward(self, dy, patches):
        before = self.dW.copy()
        dx = super().backward(dy, patches)
        self.dW[...] = before + np.tensordot(patches[:, 0], dy[:, 0], axes=(0, 0))
        return dx


class EveryMaximum(MaxPool2D):
    """Pixels that tie for the maximum each receive the whole gradient."""

    def forward(self, x, training=False):
        y, _ = super().forward(x, training)
        return y, (x, y)

    def backward(self, dy, cache):
        x, y = cache
        is_largest = self.windows.patches(x, fill=-np.inf) == y[:, :, :, None, None]
        return self.windows.fold(is_largest * dy[:, :, :, None, None])


class SharedByThePixels(GlobalMaxPool2D):
    """The gradient is shared out over the image, as that of a mean."""

    def backward(self, dy, cache):
        _, input_shape = cache
        share = dy[:, None, None] / (input_shape[1] * input_shape[2])
        return np.broadcast_to(share, input_shape).copy()


class EveryPixel(MaxPool2D):
    """The whole window receives the gradient of its maximum."""

    def backward(self, dy, winner):
        share = np.broadcast_to(
            dy[:, :, :, None, None], (*dy.shape[:3], *self.windows.kernel_size, dy.shape[-1])
        )
        return self.windows.fold(share)


class NoShare(AveragePool2D):
    """Every pixel receives dy, not its share of it."""

    def backward(self, dy, cache):
        return super().backward(dy * np.prod(self.windows.kernel_size), cache)


class SharesWithPadding(AveragePool2D):
    """At the border dy is divided by the whole window, padding included."""

    def backward(self, dy, cache):
        return super().backward(dy * self.pixels / np.prod(self.windows.kernel_size), cache)


class OverwritesWhereWindowsOverlap(Conv2D):
    """A pixel that several windows see keeps the gradient from the last one alone."""

    def backward(self, dy, patches):
        super().backward(dy, patches)
        dpatches = np.tensordot(dy, self.W, axes=(-1, -1))
        padded = np.zeros((len(dy), *self.windows.padded, patches.shape[-1]))
        for i in range(self.windows.kernel_size[0]):
            for j in range(self.windows.kernel_size[1]):
                padded[self.windows._seen_by(i, j)] = dpatches[:, :, :, i, j]
        return self.windows._inside(padded)


class KernelTurnedRound(Conv2D):
    """dx folds back with the kernel rotated by 180 degrees."""

    def backward(self, dy, patches):
        super().backward(dy, patches)
        turned = self.W[::-1, ::-1]
        return self.windows.fold(np.tensordot(dy, turned, axes=(-1, -1)))


class StrideForgotten(Conv2D):
    """dx is folded back as if the windows stood side by side."""

    def backward(self, dy, patches):
        super().backward(dy, patches)
        dpatches = np.tensordot(dy, self.W, axes=(-1, -1))
        padded = np.zeros((len(dy), *self.windows.padded, patches.shape[-1]))
        rows, columns = self.windows.positions
        for i in range(self.windows.kernel_size[0]):
            for j in range(self.windows.kernel_size[1]):
                padded[:, i : i + rows, j : j + columns] += dpatches[:, :, :, i, j]
        return self.windows._inside(padded)


class PaddingCroppedOnTheWrongSide(Conv2D):
    """The odd row and column of "same" padding are cut off above and to the left."""

    def backward(self, dy, patches):
        super().backward(dy, patches)
        swapped = replace(self.windows, before=self.windows.after, after=self.windows.before)
        return swapped.fold(np.tensordot(dy, self.W, axes=(-1, -1)))


class GroupsMixedUp(Conv2D):
    """A group's dW is computed from its neighbour's inputs."""

    def backward(self, dy, patches):
        before = self.dW.copy()
        dx = super().backward(dy, patches)
        self.dW[...] = before
        for k, o in zip(self.inputs_of[::-1], self.outputs_of, strict=True):
            self.dW[..., o] += np.tensordot(patches[..., k], dy[..., o], axes=([0, 1, 2],) * 2)
        return dx


class ChannelsNotSwapped(ConvTranspose2D):
    """dW comes out as (…, out, in): with as many channels in as out nobody notices."""

    def backward(self, dy, x):
        before = self.dW.copy()
        dx = super().backward(dy, x)
        self.dW[...] = before + (self.dW - before).swapaxes(-1, -2)
        return dx


class NoShortcutGradient(Residual):
    """x is used twice, but only the branch's share comes back."""

    def backward(self, dy, cache):
        return self.branch.backward(dy, cache[0])


class FirstBranchOnly(Concatenate):
    """x is used by each branch, but only the first one's share comes back."""

    def backward(self, dy, caches):
        parts = np.split(dy, self.ends[:-1], axis=-1)
        triples = zip(self.branches, parts, caches, strict=True)
        return next(branch.backward(part, cache) for branch, part, cache in triples)


class FirstToLast(Sequential):
    """The chain rule is walked from the wrong end."""

    def backward(self, dy, caches):
        for layer, cache in zip(self.layers, caches, strict=True):
            dy = layer.backward(dy, cache)
        return dy


class Twice(Layer):
    """Not wrong: puts an image below itself, so that a pool over both sees nothing but ties."""

    def setup(self, input_shape: Shape) -> Shape:
        height, width, channels = input_shape
        return (2 * height, width, channels)

    def forward(self, x, training=False):
        return np.repeat(x, 2, axis=1), None

    def backward(self, dy, cache):
        return dy[:, ::2] + dy[:, 1::2]


FLAT, IMAGE = (3,), (4, 5, 2)
DIFFERENCES = conformance.matches_central_differences
DIRECTIONS = conformance.matches_random_directions
Check = Callable[[LayerCase], None]


def known_wrong(
    make: Callable[[], Layer], input_shape: Shape, check: Check
) -> tuple[LayerCase, Check]:
    layer = make()
    wrong = layer.layers[-1] if type(layer) is Sequential else layer
    return LayerCase(type(wrong).__name__, make, input_shape), check


KNOWN_WRONG = [
    known_wrong(lambda: NoBiasGradient(2), FLAT, DIFFERENCES),
    known_wrong(lambda: NoBiasGradient(2), FLAT, DIRECTIONS),
    known_wrong(lambda: BiasGradientOfTheMean(2), FLAT, DIFFERENCES),
    known_wrong(lambda: WeightGradientOfTheMean(2), FLAT, DIFFERENCES),
    known_wrong(lambda: WeightGradientTransposed(3), FLAT, DIFFERENCES),
    known_wrong(lambda: WeightGradientTransposed(3), FLAT, DIRECTIONS),
    known_wrong(lambda: WeightGradientOfTheFirstExample(2), FLAT, DIFFERENCES),
    known_wrong(lambda: InputGradientTransposed(3), FLAT, DIFFERENCES),
    known_wrong(lambda: InputGradientForgotten(3), FLAT, DIFFERENCES),
    known_wrong(lambda: InputGradientUphill(2), FLAT, DIFFERENCES),
    known_wrong(lambda: InputGradientALittleOff(2), FLAT, DIFFERENCES),
    known_wrong(lambda: InputGradientALittleOff(2), FLAT, DIRECTIONS),
    known_wrong(lambda: OverwritesGradients(2), FLAT, conformance.accumulates_gradients),
    known_wrong(lambda: CentresItsInput(2), FLAT, conformance.changes_nothing_it_was_given),
    known_wrong(
        lambda: ScalesItsUpstreamGradient(2), FLAT, conformance.changes_nothing_it_was_given
    ),
    known_wrong(lambda: UpdatesInBackward(2), FLAT, conformance.changes_nothing_it_was_given),
    known_wrong(lambda: CacheOnSelf(2), FLAT, conformance.is_reentrant),
    known_wrong(lambda: CacheReused(), FLAT, conformance.changes_nothing_it_was_given),
    known_wrong(lambda: KeepsAnArrayOfItsOwn(2), FLAT, conformance.copies_stand_alone),
    known_wrong(lambda: Promotes(), FLAT, conformance.has_the_declared_shape_and_type),
    known_wrong(lambda: RowsOfColumns(), IMAGE, DIFFERENCES),
    known_wrong(lambda: NoDerivative(), FLAT, DIFFERENCES),
    known_wrong(lambda: DerivativeTwice(), FLAT, DIFFERENCES),
    known_wrong(lambda: DerivativeOfTheInput(), FLAT, DIFFERENCES),
    known_wrong(lambda: NoMask(), FLAT, DIFFERENCES),
    known_wrong(lambda: MaskOfTheGradient(), FLAT, DIFFERENCES),
    known_wrong(lambda: NoSlope(), FLAT, DIFFERENCES),
    known_wrong(lambda: DiagonalJacobian(), FLAT, DIFFERENCES),
    known_wrong(lambda: AssumesOneClass(), FLAT, DIFFERENCES),
    known_wrong(lambda: NoDensity(), FLAT, DIFFERENCES),
    known_wrong(lambda: NoSlopeOfSoftplus(), FLAT, DIFFERENCES),
    known_wrong(lambda: NoPathThroughTheMean(), FLAT, DIFFERENCES),
    known_wrong(lambda: NoPathThroughTheVariance(), FLAT, DIFFERENCES),
    known_wrong(lambda: NoPathThroughTheVariance(), IMAGE, DIRECTIONS),
    known_wrong(lambda: BatchPathsInEvaluation(), FLAT, DIFFERENCES),
    known_wrong(lambda: NoScaleGradient(), FLAT, DIFFERENCES),
    known_wrong(lambda: MeansOverTheBatch(), FLAT, DIFFERENCES),
    known_wrong(lambda: DropsNothingBackward(), FLAT, DIFFERENCES),
    known_wrong(lambda: DropsWithoutScale(), FLAT, DIFFERENCES),
    known_wrong(lambda: DropsAnew(), (8,), DIFFERENCES),
    known_wrong(lambda: DropsValueByValue(), IMAGE, DIFFERENCES),
    known_wrong(lambda: DepthTakenBackward(0.5), FLAT, DIFFERENCES),
    known_wrong(lambda: SlopesOfAll(), FLAT, DIFFERENCES),
    known_wrong(lambda: SlopeOfTheFirst(), FLAT, DIFFERENCES),
    known_wrong(lambda: NoPathThroughTheGate([Dense(3), Tanh()]), FLAT, DIFFERENCES),
    known_wrong(lambda: GateOfTheMean([GlobalMaxPool2D(), Sigmoid()]), IMAGE, DIFFERENCES),
    known_wrong(lambda: StepsOfTheFirst(2, 2), (4, 3), DIFFERENCES),
    known_wrong(lambda: Sequential([Twice(), EveryMaximum(2)]), IMAGE, DIFFERENCES),
    known_wrong(lambda: SharedByThePixels(), IMAGE, DIFFERENCES),
    known_wrong(lambda: EveryPixel(2), IMAGE, DIFFERENCES),
    known_wrong(lambda: NoShare(2), IMAGE, DIFFERENCES),
    known_wrong(lambda: SharesWithPadding(3, 1, "same"), IMAGE, DIFFERENCES),
    known_wrong(lambda: OverwritesWhereWindowsOverlap(2, 3), IMAGE, DIFFERENCES),
    known_wrong(lambda: KernelTurnedRound(2, 3), IMAGE, DIFFERENCES),
    known_wrong(lambda: StrideForgotten(2, 2, stride=2), IMAGE, DIFFERENCES),
    known_wrong(lambda: PaddingCroppedOnTheWrongSide(2, 2, padding="same"), IMAGE, DIFFERENCES),
    known_wrong(lambda: GroupsMixedUp(2, 2, groups=2), IMAGE, DIFFERENCES),
    known_wrong(lambda: ChannelsNotSwapped(2, 2), IMAGE, DIFFERENCES),
    known_wrong(lambda: NoShortcutGradient(Dense(3)), FLAT, DIFFERENCES),
    known_wrong(lambda: FirstBranchOnly([Dense(2), Tanh()]), FLAT, DIFFERENCES),
    known_wrong(lambda: FirstToLast([Dense(3), Dense(3)]), FLAT, DIFFERENCES),
]
