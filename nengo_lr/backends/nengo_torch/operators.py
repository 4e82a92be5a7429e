"""All builders of our operators; to import this module is to register them."""

from nengo_lr.backends.nengo_torch import filters, guard, rates, rules

__all__ = ["filters", "guard", "rates", "rules"]
