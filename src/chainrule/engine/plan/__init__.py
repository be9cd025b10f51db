"""A network with its loss and optimizer as a program, and the memory that it runs in."""
