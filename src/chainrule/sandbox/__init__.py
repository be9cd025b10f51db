"""A process for code that nobody here has written, and what it may do there.

limits        how much it may use
messages      what judge and worker tell each other: text and arrays of numbers, nothing else
confinement   what the worker gives up, before it runs any such code
processes     how a process starts with nothing of the judge's, and how it ends
forking       a process that has imported everything, and becomes a worker in each of its forks
fork_server   the judge's end of it
pipes         what is written to a worker and read from it, side by side
worker        the judge's end: starts a worker, asks it, ends it
serving       the worker's end: answers until it is asked no more

The code shares the worker with whatever runs it there, and can reach all of it. So a worker decides
nothing: what it answers is held against what cannot be otherwise, by a judge in another process.
"""
