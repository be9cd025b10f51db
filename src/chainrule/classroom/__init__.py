"""Checks what a class hands in.

submissions     from a folder or a zip file to one folder for each student
record          what is known of a submission when it has been checked, and its credit
checking        one submission, every file of it
marking         all of them, several at a time; what is there already is kept
pages           a page for each student and one for the class
languages       in which students read them
sentences       what the doctor says of a mistake, in these
formats         results as grading platforms read them
autograder      the zip file that Gradescope runs
"""
