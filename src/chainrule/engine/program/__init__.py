"""The description of a program, which knows neither formulas nor machine code.

From the ground up:

    instructions  tensors, instructions, and the parts of a program's code
    obstacles     what keeps the engine from running a network
    operands      the named operands of an operation, and their slots in an instruction's row
    records       what the machine reads: its context, its tasks, rows of instructions and tensors
    registry      which function carries out an operation, which one lowers a layer
    exchange      what several processes tell each other in the middle of a step
    lowering      collects the instructions of a network
"""
