"""Nengo's own defaults, for objects that are made within a user's network."""

import nengo
from nengo.params import is_param

__all__ = ["NENGO_DEFAULTS"]


def own_defaults(*classes):
    """A config that sets every default of some classes to Nengo's own."""
    config = nengo.Config(*classes)
    for cls in classes:
        for name in config[cls].default_params:
            param = getattr(cls, name)
            if is_param(param) and param.configurable:
                setattr(config[cls], name, param.default)
    return config


NENGO_DEFAULTS = own_defaults(nengo.Ensemble, nengo.Node, nengo.Connection, nengo.Probe)
"""Within ``with network, NENGO_DEFAULTS`` objects ignore the config of all networks.

A scaler or a converted rule relies on Nengo's defaults wherever it says nothing else,
while the networks around it may have defaults of their own, such as a transform of 3.
"""
