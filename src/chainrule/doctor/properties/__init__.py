"""What is held against code besides its gradients at one point."""
