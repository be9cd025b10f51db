"""wrong wrong-variable: the scale of a normalization is taught by what has not been normalized."""

import numpy as np


class BatchNorm1d:
    def __init__(self, num_features):
        self.eps = 1e-8
        self.BW, self.Bb = np.ones((1, num_features)), np.zeros((1, num_features))

    def forward(self, Z):
        self.Z, self.N = Z, len(Z)
        self.M, self.V = np.mean(Z, axis=0), np.var(Z, axis=0)
        self.NZ = (Z - self.M) / np.sqrt(self.V + self.eps)
        return self.BW * self.NZ + self.Bb

    def backward(self, dLdBZ):
        self.dLdBW = np.sum(dLdBZ * self.Z, axis=0)
        self.dLdBb = np.sum(dLdBZ, axis=0)
        dLdNZ = dLdBZ * self.BW
        power = (self.V + self.eps) ** -0.5
        dLdV = np.sum(-0.5 * dLdNZ * (self.Z - self.M) * power**3, axis=0)
        dLdM = -np.sum(dLdNZ * power, axis=0)
        return dLdNZ * power + dLdV * 2 * (self.Z - self.M) / self.N + dLdM / self.N
