"""right: max-pooling in loops, in float32"""

import numpy as np


class MaxPooling:
    def __init__(self, window=2):
        self.w = window

    def forward(self, x):
        self.x = x.astype(np.float32)
        n, h, w, c = x.shape
        out = np.zeros((n, h // self.w, w // self.w, c), dtype=np.float32)
        for i in range(out.shape[1]):
            for j in range(out.shape[2]):
                out[:, i, j] = self.x[
                    :, i * self.w : (i + 1) * self.w, j * self.w : (j + 1) * self.w
                ].max(axis=(1, 2))
        return out

    def backward(self, dy):
        dx = np.zeros_like(self.x)
        n, h, w, c = dy.shape
        for b in range(n):
            for i in range(h):
                for j in range(w):
                    for k in range(c):
                        patch = self.x[
                            b, i * self.w : (i + 1) * self.w, j * self.w : (j + 1) * self.w, k
                        ]
                        a, d = np.unravel_index(patch.argmax(), patch.shape)
                        dx[b, i * self.w + a, j * self.w + d, k] += dy[b, i, j, k]
        return dx
