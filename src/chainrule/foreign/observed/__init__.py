"""A file that trains, watched while it runs as its author would run it."""
