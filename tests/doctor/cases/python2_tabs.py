"""not checked Python 2: print without parentheses"""
import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


print "loss"
