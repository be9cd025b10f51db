"""A network beside the same one in another framework, layer by layer.

`torch_model` and `keras_model` run the other side, with our arrays in its order of axes, and
`compare` holds the two together.
"""
