"""The arrays that an object or a file holds, and which of them is the gradient of which."""
