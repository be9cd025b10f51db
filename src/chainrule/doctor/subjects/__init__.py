"""Code under examination, of every style: a loss of named arrays, and its gradients.

subject             what every one of them can do
program             a layer, a network, or forward and backward as functions
pairs               an activation or a loss beside its derivative
chainrule_network   chainrule's own layers and networks
lines               the line of its source that a finding points at
"""
