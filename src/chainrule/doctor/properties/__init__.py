"""What is held against code besides its gradients at one point; behaviours runs all of it.

repeated_calls      gradients that are stale, add up, or are wiped out
mutation            arrays that were handed in and are changed
shapes_and_ties     parameters that change their shape; several entries that are the maximum
overflow            large inputs in float32
prediction          a prediction pass that differs from the training pass
promises            what chainrule's own layers promise besides
"""
