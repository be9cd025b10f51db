"""not checked is Python 2: a statement that Python 3 does not have."""

import numpy as np


def relu(x):
    return np.maximum(0, x)


def relu_backward(dout, x):
    if dout is None:
        raise ValueError, "nothing to hand back"
    return dout * (x > 0)
