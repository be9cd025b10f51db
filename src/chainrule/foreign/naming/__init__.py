"""What people call things: roles of arguments and methods, gradients, parameters, choices."""
