"""Max pooling by reshaping, for windows that do not overlap. Images are (N, H, W, C)."""

import numpy as np


class MaxPooling:
    def __init__(self, pool_size=2):
        self.pool_size = pool_size

    def forward(self, inputs):
        p = self.pool_size
        n, h, w, c = inputs.shape
        self.input_shape = inputs.shape
        blocks = inputs.reshape(n, h // p, p, w // p, p, c).transpose(0, 1, 3, 5, 2, 4)
        self.blocks = blocks.reshape(n, h // p, w // p, c, p * p)
        return self.blocks.max(axis=-1)

    def backward(self, grad):
        p = self.pool_size
        n, h, w, c = self.input_shape
        mask = np.zeros_like(self.blocks)
        np.put_along_axis(mask, self.blocks.argmax(axis=-1)[..., None], 1.0, axis=-1)
        spread = mask * grad[..., None]
        spread = spread.reshape(n, h // p, w // p, c, p, p).transpose(0, 1, 4, 2, 5, 3)
        return spread.reshape(self.input_shape)


def example(rng):
    return {"layer": MaxPooling(2), "x": rng.normal(size=(2, 4, 6, 3))}
