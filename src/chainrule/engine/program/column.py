"""Where the parts of an instruction stand in its row of a program's table, of a tensor in its row,
and of a task. Plain numbers, since compiled code reads tables by them."""

# an instruction
HANDLER = 0  # the address of the compiled function
BLOCK = 1  # examples at a time; 0 for all
STOP = 2  # the first instruction after those that go over the examples together
OP = 3
TENSORS = 4  # up to four
TOGETHER = 8  # examples that lie side by side
ARRAYS = 9
PRIVATE = 15
SIZES = 20
WIDTH = 40
NUMBERS = 4  # real numbers of an instruction, in a table of their own

# a tensor
ADDRESS = 0
ROW_BYTES = 1
THREAD_BYTES = 2  # from one thread's rows to the next one's
LOCAL = 3  # whether there is memory for a block of rows alone
SIZE = 4
TENSOR_WIDTH = 5

# a task: what one thread is to do with an instruction
CONTEXT = 0
THREAD = 1
INSTRUCTION = 2
X = 3  # the address of the chunk's inputs
START = 4  # the chunk's place in the run
WHOLE = 5  # the step's place in the epoch
COUNT = 6  # examples of the step
BEGIN = 7  # rows of the chunk: those of a block, or all
END = 8
STEP = 9
NEW = 10  # whether gradients begin anew
TASK_WIDTH = 16

LINE = 8  # numbers of eight bytes in a cache line, which keeps the threads' sums apart
SCRATCH = 16  # whole numbers that a thread's products need
STATE_BYTES = 32  # of a random number generator
