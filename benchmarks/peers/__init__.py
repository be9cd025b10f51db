"""The same training in chainrule and its peers, from the same weights on the same batches."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from peers.base import Peer

# Where each is, so that a process imports no library but that of its own peer.
PEERS = {
    "chainrule": "chainrule_itself.Chainrule",
    "PyTorch": "pytorch.Torch",
    "torch.compile": "pytorch.TorchCompiled",
    "JAX": "jax_steps.Jax",
    "JAX scan": "jax_steps.JaxScan",
    "scikit-learn": "scikit_learn.ScikitLearn",
    "NumPy by hand": "numpy_by_hand.NumpyByHand",
    "chainrule in NumPy": "chainrule_itself.ChainruleNumpy",
    "products alone": "products_alone.ProductsAlone",
}


def make_peer(name: str, workload: Any, threads: int) -> Peer:
    """A peer ready to train."""
    module, peer = PEERS[name].split(".")
    made: Peer = getattr(import_module(f"peers.{module}"), peer)(workload, threads)
    return made
