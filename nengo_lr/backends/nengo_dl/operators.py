"""All builders of our operators; to import this module is to register them."""

from nengo_lr.backends.nengo_dl import auto, guard, pes, rates, scaled

__all__ = ["auto", "guard", "pes", "rates", "scaled"]
