"""What the training loop in `trainer` is made of.

epoch        the batches of one epoch, and what was measured in it
runner       a step of training in NumPy; `engine` has the compiled one
sharing      such a step, shared by several processes
draws        random numbers of layers, where a process has a share of the batch
local_steps  steps of several processes, each on its own, and the mean of their parameters
last_good    the weights that a training goes back to when it fails
state        where a training stands: all that going on exactly needs
resuming     that state in checkpoints, and how a killed training goes on
progress     what is shown meanwhile
trouble      what goes wrong, noticed early and explained
"""
