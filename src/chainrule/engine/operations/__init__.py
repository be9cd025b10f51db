"""The operations. Each file has everything about one, or about a few that belong together: the
operands by name, how layers are lowered to them, and the kernels; two decorators register it.

    dense             dense layers: products of matrices
    dense_transposed  the same for networks of a few units
    convolution       convolutions and their gradients, over `windows`
    windows           where the windows of a convolution lie, as tables
    phases            convolution back onto an image whose windows lie a stride apart
    winograd          convolutions of many channels, with fewer multiplications
    padding           images within a border of zeros
    weight_order      a convolution's weights in the order in which a product reads them
    pooling           max-pooling and averages, over `pool_windows`
    pool_windows      the windows of a pool, in code that is being emitted
    activations       what acts value by value
    prelu             PReLU, whose slopes are learnt
    softmax           softmax and its logarithm
    layer_norm        layer norm
    batch_norm        batch norm, in stages
    dropout           dropout, with the layer's own random numbers
    scaling           numbers times those of a mask or of a gate
    branches          residual, gated, concatenated branches, and layers that only change the shape
    sequential        layers one after the other, and where examples are interleaved
    interleave        examples side by side
    losses            the loss between forward and backward pass
    gradients         sums over threads, penalties, clipping
    processes         sums over processes
    updates           the optimizers
"""

# Each registers what it has.
from chainrule.engine.operations import (  # noqa: F401
    activations,
    batch_norm,
    branches,
    convolution,
    dense,
    dropout,
    layer_norm,
    losses,
    pooling,
    prelu,
    processes,
    sequential,
    softmax,
    updates,
)
from chainrule.engine.program.registry import handlers

HANDLERS = handlers()  # the functions that carry out operations, by name
