"""wrong sign: handed its arrays, and the bias has the wrong sign"""


class Affine:
    def __init__(self, weight, bias):
        self.weight, self.bias = weight, bias

    def forward(self, x):
        self.inputs = x
        return self.inputs.dot(self.weight) + self.bias

    def backward(self, grad):
        self.dweight = self.inputs.T.dot(grad)
        self.dbias = -grad.sum(0)
        return grad.dot(self.weight.T)
