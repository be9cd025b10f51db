"""Understanding other people's code: what it defines, how it is called, where its gradients are.

Nothing here knows a layer of chainrule: the doctor, `HandWritten` and `explain` stand on it. Each
room uses those before it:

    errors     why code cannot be understood, or run to its end
    naming     roles of arguments and methods; what people call gradients and parameters
    objects    the arrays of an object or a file; which gradient belongs to which parameter
    reading    what files and functions say, and which ways through them there are
    stand_ins  for modules and data that are not there
    running    a file is loaded and its functions run: randomness frozen, effort counted
    calls      how to call a function or method, and what it returns
    observed   a file that trains is watched; loops are cut out of it, to be run again
    adopted    code of the labs' styles as forward(x) and backward(dy, memory)
"""
