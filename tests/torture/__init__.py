"""Files from strangers: every reader is given thousands of damaged and forged files.

A reader passes when each file is either read or refused with one of `chainrule.errors`, in at
most 2 s of processor time and 500 MB of memory. Every case can be repeated by its number.

    readers     the readers, each with valid files to start from: add a new one here
    seeds       valid files to start from; tokens: what means something in a format
    mutations   the damage done to a file
    cases       one case: the file that belongs to a number, and what comes of reading it
    worker      a process that runs cases one after the other, within limits
    campaign    many cases over several workers, and what came of them
    faulty      readers with a known fault each, to see that it is found

``make torture`` runs all readers at length; the test suite runs the first few hundred cases of
each. ``python -m tests.torture --repeat csv:1234`` repeats one.
"""
