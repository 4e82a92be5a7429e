"""A pytest plugin that runs Nengo's own tests with ScheduledPES in PES's place."""

import nengo


def pytest_configure(config):
    import nengo_lr

    nengo.PES = nengo.learning_rules.PES = nengo_lr.ScheduledPES


def load_nengo_dl(request):
    """The simulator under test, for the option ``nengo_simloader``."""
    import nengo_dl

    def simulator(network, *args, **kwargs):
        return nengo_dl.Simulator(network, *args, progress_bar=False, **kwargs)

    return simulator


def load_nengo_torch(request):
    """The same for nengo-torch, at Nengo's own precision."""
    import nengo_torch
    import torch

    def simulator(network, *args, **kwargs):
        kwargs = {"progress_bar": False, "dtype": torch.float64, **kwargs}
        return nengo_torch.Simulator(network, *args, **kwargs)

    return simulator
