"""The machine below: the processor's libraries, the environment, signals, other processes."""
