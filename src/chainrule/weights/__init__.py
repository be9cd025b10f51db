"""Weights to and from other frameworks, with their axes turned.

places      the arrays of a network, and where another framework has each of their numbers
pytorch     state_dicts, .safetensors, .pt
keras       models, .weights.h5
"""

from chainrule.weights.keras import from_keras, to_keras
from chainrule.weights.pytorch import from_torch, to_torch

__all__ = ["from_keras", "from_torch", "to_keras", "to_torch"]
