"""right: a normalization over columns, with its factors as columns."""

import numpy as np


class BatchNorm:
    def __init__(self, m):
        self.B = np.zeros([m, 1])
        self.G = np.random.normal(0, m**-0.5, [m, 1])

    def forward(self, A):
        self.A, self.K = A, A.shape[1]
        self.mus = np.mean(A, axis=1, keepdims=True)
        self.vars = np.var(A, axis=1, keepdims=True)
        self.norm = (A - self.mus) / np.sqrt(self.vars + 1e-8)
        return self.G * self.norm + self.B

    def backward(self, dLdZ):
        std_inv = 1 / np.sqrt(self.vars + 1e-8)
        A_min_mu = self.A - self.mus
        dLdnorm = dLdZ * self.G
        dLdVar = np.sum(dLdnorm * A_min_mu * -0.5 * std_inv**3, axis=1, keepdims=True)
        dLdMu = np.sum(dLdnorm * -std_inv, axis=1, keepdims=True)
        dLdX = dLdnorm * std_inv + dLdVar * 2 * A_min_mu / self.K + dLdMu / self.K
        self.dLdB = np.sum(dLdZ, axis=1, keepdims=True)
        self.dLdG = np.sum(dLdZ * self.norm, axis=1, keepdims=True)
        return dLdX
