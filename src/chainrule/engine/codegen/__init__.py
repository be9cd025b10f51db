"""From Python to vector instructions: what operations are written with."""
