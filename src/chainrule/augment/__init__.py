"""Augmentation: training examples changed at random, so that a network learns what does not matter.

A stage between data and network. Each example is changed anew in every epoch, as the seed, the
epoch and its place in the data say: any epoch can be repeated without those before it, whatever
the batches and the threads.

    changes   what can be changed, and what is drawn for it
    warps     images seen through displaced pixels, and noise, in NumPy
    numbers   random numbers of an example
    stage     changes that belong together, and the examples seen through them

The engine has warps and noise in compiled form, with the same values.
"""

from chainrule.augment.changes import Affine, CutMix, CutOut, Elastic, MixUp, Noise
from chainrule.augment.stage import Augmentation as Augmentation
from chainrule.augment.stage import Augmented as Augmented

__all__ = ["Affine", "CutMix", "CutOut", "Elastic", "MixUp", "Noise"]
