"""Subjects whose calls are guessed: classes, functions, objects."""
