"""The whole chain rule of a network, written out."""
