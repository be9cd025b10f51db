"""Trouble in a training, seen early and explained.

`measures` are what is looked at: saturated values, dead units, the length of gradients, the first
place that is not finite. `rules` say when a training is in trouble, and what helps; `watch` is the
callback that applies them to a few examples at a few epochs. `ending` judges a regression when it
has ended. `divergence` explains a loss that is
no longer a number, and `inputs` notices inputs unlike those of training.
"""
