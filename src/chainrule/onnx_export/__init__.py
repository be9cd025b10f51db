"""A network as an ONNX file, for programs that run ONNX: ``net.to_onnx("digits.onnx")``.

    graph           an ONNX graph that grows node by node
    forms           the one table: which function writes which layer
    values          activations, value by value, and the softmaxes
    images          convolutions and pools, with images turned to channels first and back
    features        dense layers, normalization, and what only rearranges
    containers      layers made of layers
    preparing       what becomes of the data before the network sees it
    model           the whole file: input, output, what they mean; checked, then written

Each layer's function is a few lines and is registered with `form_of`. So is the form of a layer of
your own:

    from chainrule.onnx_export import form_of

    @form_of(Scale)
    def scale(graph, layer, x):
        return graph.node("Mul", x.name, graph.parameter(layer, "s"))
"""

from chainrule.onnx_export import containers, features, images, values
from chainrule.onnx_export.forms import form_of
from chainrule.onnx_export.model import as_model, export

__all__ = ["as_model", "containers", "export", "features", "form_of", "images", "values"]
