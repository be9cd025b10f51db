"""A network from an ONNX file: ``net = cr.from_onnx("model.onnx")``.

node            a node of the file, of which nothing is passed over unread
graph           the file: its nodes, its arrays, and which way leads from x to y
growing         layers in the making, and how what they give lies in ONNX
operators       the one table: which function reads which operator
values          activations, value by value, and the softmaxes
images          convolutions and pools
features        dense layers, normalization, and what only rearranges
joins           where two ways meet
preparing       what is done to the examples before the network sees them
reading         the whole network
"""

from chainrule.onnx_import.reading import from_onnx

__all__ = ["from_onnx"]
