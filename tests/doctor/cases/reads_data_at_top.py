"""right: data that is not there, plots and a module that is missing"""

import matplotlib_that_is_missing.pyplot as plt
import numpy as np
from tqdm_that_is_missing import tqdm


class Dense:
    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_in, n_out)

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dy):
        self.dW = self.x.T @ dy
        return dy @ self.W.T


data = np.loadtxt("nowhere.csv", delimiter=",")
dense = Dense(data.shape[1], 2)
for epoch in tqdm(range(3)):
    dense.backward(dense.forward(data))
plt.plot(data)
plt.show()
