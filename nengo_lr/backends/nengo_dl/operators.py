"""All builders of our operators; to import this module is to register them."""

from nengo_lr.backends.nengo_dl import auto, filter_builder, guard, pes, rates, scaled

__all__ = ["auto", "filter_builder", "guard", "pes", "rates", "scaled"]
