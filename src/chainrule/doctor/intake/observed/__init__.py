"""Subjects taken from a run that was watched: its arrays, functions, loops."""
