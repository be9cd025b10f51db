"""The machine that runs plans, and all that it takes to have one.

From the ground up:

    shares      how threads divide a step
    machine     the compiled loop that runs any plan
    warping     the compiled loop that warps examples
    threads     how many there are, how they begin, and Ctrl-C while they work
    code_cache  machine code on disk, and what is checked before any of it runs
    compiling   from a kernel to machine code, once, by several Pythons
    built       machine code that came with the wheel
    building    how it is built
    compiled    machine code in memory, by its addresses
    targets     targets and weights in the form that the machine reads
    augmenting  examples handed to that loop
    session     training and prediction
"""
