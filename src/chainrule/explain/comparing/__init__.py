"""A network beside the same one in another framework, layer by layer.

`layouts` turns arrays from one framework's order of axes into the other's, `torch_model` and
`keras_model` run the other side, and `compare` holds the two together.
"""
