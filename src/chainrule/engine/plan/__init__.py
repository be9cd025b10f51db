"""From a network to what the machine runs.

In the order in which it happens:

    assembly  a network with its loss and its optimizer becomes code
    blocks    which instructions go over the examples together
    plan      the code's place in memory, and its tables
"""
