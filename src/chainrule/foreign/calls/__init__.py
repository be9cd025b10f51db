"""How to call functions and methods, and what they return."""
