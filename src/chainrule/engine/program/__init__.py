"""What a compiled network is made of: tensors, instructions, and the tables they become."""
