"""The true gradients, and what the numbers say of wrong ones."""
