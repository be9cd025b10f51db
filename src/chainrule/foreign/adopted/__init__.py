"""Other people's code as forward(x) and backward(dy, memory): layers, whole networks."""
