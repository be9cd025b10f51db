"""Five university labs, each in one file written with the public names of chainrule."""

from __future__ import annotations

from chainrule.labs import emnist, fully_connected, mnist_mlp, parabola, two_layer
from chainrule.labs.lab import Lab

LABS: dict[str, Lab] = {
    lab.name: lab
    for lab in (parabola.LAB, mnist_mlp.LAB, two_layer.LAB, emnist.LAB, fully_connected.LAB)
}
