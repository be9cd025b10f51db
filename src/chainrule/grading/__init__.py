"""Grades tests of gradients: which mutants of a right solution would they let through?

grader          the tests on the solution, then on every mutant of it
decoys          variants that look like mutants and are right
wrapping        mutants made by wrapping functions; those made from the source are in `rewrites`
server, servers each run of the tests in a process of its own; line_limit ends it
equivalence     mutants that change no gradient
"""
