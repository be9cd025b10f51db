"""The process in which code is examined, and the limits of that."""
