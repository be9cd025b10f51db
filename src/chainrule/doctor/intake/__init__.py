"""From a file, or an example, to subjects.

request             what was asked for, and what the file has for it
cases               what is examined, with its example and what is to be said of it
examples            a dictionary as `example(rng)` returns it
objects             layers and networks; loss_objects: losses; activations with their derivatives
programs            with the loss that they have; usual_losses: where none is given
guessed_classes     how to make what nobody said how to make; guessed_objects, guessed_functions: on
                    what to run it; usual_inputs, usual_sizes, …: what is tried
meanings            what a backward pass may take its only argument for
choices             the words that code lets somebody choose, each tried; what has not run
observed_runs       what a run of the file shows: objects; observed_functions, observed_loops: other
                    code; observed_arrays: what it was given
"""
