"""Copy a model, so that its objects have the seeds of the originals."""

import warnings
from copy import deepcopy

from nengo.builder.network import seed_network


def copy_with_seeds(network, copies, seeds=None):
    """Copy a model.

    Parameters
    ----------
    network : nengo.Network
    copies : dict
        The copies of objects by the ids of the originals, as deepcopy takes them: those
        that stand for others already. The rest is added.
    seeds : dict, optional
        The seed of each object; by default those that the model gives them.

    Returns
    -------
    copied : nengo.Network
    """
    with warnings.catch_warnings():
        # Nengo says of each copied pass-through Node that it has one size, not two
        warnings.filterwarnings("ignore", "'Node.size_out' is being overwritten")
        copied = deepcopy(network, copies)
    if seeds is None:
        seeds = {}
        seed_network(network, seeds, seeded={})
    for obj, seed in seeds.items():
        if id(obj) in copies and hasattr(type(obj), "seed"):
            copies[id(obj)].seed = seed
    return copied
