"""Which correction of the source makes wrong gradients right, and which cause it stands for."""
