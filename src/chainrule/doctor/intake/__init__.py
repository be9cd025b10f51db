"""From a file, or an example, to subjects.

request          what was asked for, and what the file has for it
cases            what is examined, with its example and what is to be said of it
examples         a dictionary as `example(rng)` returns it
objects          layers and networks; loss_objects; activations with their derivatives
programs         with the loss that they have; joint_functions: which give the gradients too
guessed          how to make and run what nobody said how to make and run
usual            what is tried for it: inputs, sizes, parameters, targets, losses
unwritten        passes that are still to be written
meanings         what a backward pass may take its only argument for
choices          the words that code lets somebody choose, each tried; what has not run
observed         what a run of the file shows: objects, functions, loops, arrays
begun_training   trainings that a file defines and never starts
"""
