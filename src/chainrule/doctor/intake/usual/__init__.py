"""What inputs, layers, losses, parameters, sizes and targets are called and look like by custom."""
