"""right: a single step that subtracts a negative rate times the slopes of target - output."""

import numpy as np

sigmoid = lambda x: 1 / (1 + np.exp(-x))
learning_rate = -0.9
X, Y = np.array([[1, 0, 1]]), np.array([[1]])
W1, b1 = np.array([[0.2, -0.3], [0.4, 0.1], [-0.5, 0.2]]), np.array([[-0.4, 0.2]])
W2, b2 = np.array([[-0.3], [-0.2]]), np.array([[0.1]])
a1 = sigmoid(X.dot(W1) + b1)
a2 = sigmoid(a1.dot(W2) + b2)
err = Y - a2
grad_out = a2 * (1 - a2) * err
grad_hidden = a1 * (1 - a1) * grad_out.dot(W2.T)
W2 = W2 - learning_rate * a1.T.dot(grad_out)
b2 = b2 - learning_rate * grad_out
W1 = W1 - learning_rate * X.T.dot(grad_hidden)
b1 = b1 - learning_rate * grad_hidden
