"""From a file, or an example, to subjects.

request             what was asked for, and what the file has for it
examples            a dictionary as `example(rng)` returns it
guessed_runs        code that nobody said how to run; usual_sizes: on which inputs
choices             the words that code lets somebody choose, each tried; what has not run
loss_objects        losses that are objects
usual_losses        where no loss is given
observed_runs       what a run of the file shows: objects; observed_functions, observed_loops: other
                    code; observed_arrays: what it was given
"""
