"""right: scale and shift begin as numbers"""


class ScaleShift:
    def __init__(self):
        self.gamma, self.beta = 1.0, 0.0

    def forward(self, x):
        self.x = x
        return self.gamma * x + self.beta

    def backward(self, dy):
        self.grad_gamma, self.grad_beta = (dy * self.x).sum(axis=0), dy.sum(axis=0)
        return dy * self.gamma
