"""Packages that only some searches need."""

import importlib

__all__ = ["need"]


def need(name, extra):
    """Import a package, or say how to install it.

    Parameters
    ----------
    name : str
        Of the package.
    extra : str
        The extra of this project that brings it.

    Returns
    -------
    package : module

    Examples
    --------
    >>> need("bogus", extra="search")
    Traceback (most recent call last):
    ModuleNotFoundError: bogus is not installed; pip install 'nengo-lr[search]'
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise ModuleNotFoundError(
            f"{name} is not installed; pip install 'nengo-lr[{extra}]'", name=name
        ) from None
