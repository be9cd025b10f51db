"""A search for settings: rounds of trials, each round proposed from all before it."""

ROUND_SIZE = 4  # trials, if nothing else is said
