"""Makes a lab of a solution: the code to complete, and tests that notice every mutant.

assignment      the whole lab, graded before it is written
skeleton        the solution without its solution
tests           the tests, for pytest; notebooks: for otter-grader and nbgrader
"""
