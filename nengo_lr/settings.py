"""Settings of a whole model."""

from __future__ import annotations

import numpy as np
from nengo import Network
from nengo.exceptions import NetworkContextError
from nengo.params import BoolParam

from nengo_lr.checks import check_type

__all__ = ["configure_settings"]


def configure_settings(guard: bool) -> None:
    """Change the settings of a whole model.

    Parameters
    ----------
    guard : bool
        Whether simulations stop with a SimulationError before learned weights
        overflow. Without a guard, weights that diverge become infinite and then NaN.

    Raises
    ------
    NetworkContextError
        Where it is not called in the context of a Network.
    ValidationError
        Where ``guard`` is not a bool.

    Notes
    -----
    The settings are kept in the configuration of the outermost network.

    Examples
    --------
    >>> with nengo.Network() as model:
    ...     nlr.configure_settings(guard=False)
    """
    check_type(guard, (bool, np.bool_), "guard", "True or False")
    if not Network.context:
        raise NetworkContextError(
            "configure_settings must be called in a network: `with model:` and then "
            f"`configure_settings(guard={guard})`"
        )
    config = Network.context[0].config
    if Network not in config.params:  # NengoDL keeps its settings there too
        config.configures(Network)
    if "guard" not in config[Network].extra_params:
        config[Network].set_param("guard", BoolParam("guard", default=True))
    config[Network].guard = guard


def is_guarded(network):
    """Whether learned weights of a model are guarded against overflow.

    Parameters
    ----------
    network : nengo.Network or None
        The outermost network.
    """
    if network is None or Network not in network.config.params:
        return True
    return getattr(network.config[Network], "guard", True)
