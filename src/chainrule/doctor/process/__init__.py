"""The processes in which code is examined, and the one in which it is decided what is said of it.

worker      what runs beside the code: its diagnosis is a claim, its numbers are the code's
report      a diagnosis as a message, read with distrust
remote      code in workers as the judge sees it: numbers in, numbers out
reaching    source that reaches into the process that runs it
judge       holds the claim against the numbers, and decides
endings     what is said where a worker ended without an answer
"""
