import os
import signal
import warnings

import nengo
import pytest

from nengo_lr.builder.hosts import hosts, known_hosts

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # as in the background of a shell; processes that tests interrupt would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)
# with hundreds of small models, keeping the cache in order costs more than it spares
nengo.rc.set("decoder_cache", "enabled", "False")


def make_nengo(network, **kwargs):
    return nengo.Simulator(network, progress_bar=False, **kwargs)


def make_nengo_unoptimized(network, **kwargs):
    return nengo.Simulator(network, progress_bar=False, optimize=False, **kwargs)


def make_nengo_dl(network, dtype="float64", **kwargs):
    nengo_dl = pytest.importorskip("nengo_dl")
    with network, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nengo_dl.configure_settings(dtype=dtype)
    return nengo_dl.Simulator(network, progress_bar=False, **kwargs)


def make_nengo_torch(network, dtype="float64", **kwargs):
    nengo_torch = pytest.importorskip("nengo_torch")
    import torch

    return nengo_torch.Simulator(
        network, progress_bar=False, dtype=getattr(torch, dtype), **kwargs
    )


def make_nengo_ocl(network, **kwargs):
    pytest.importorskip("nengo_ocl")
    return hosts()["nengo_ocl"].make(network, **kwargs)


SIMULATORS = {
    "nengo": make_nengo,
    "nengo unoptimized": make_nengo_unoptimized,
    "nengo_dl": make_nengo_dl,
    "nengo_torch": make_nengo_torch,
    "nengo_ocl": make_nengo_ocl,
}


@pytest.fixture(params=list(SIMULATORS), ids=lambda name: name.replace(" ", "-"))
def Simulator(request):
    """Each simulator in turn: one test runs on all that can do what it needs."""
    host = known_hosts()[request.param.partition(" ")[0]]
    for marker in request.node.iter_markers("needs"):
        for need in marker.args:
            if not getattr(host, need):
                pytest.skip(f"{host.title}: {need} is False")
    return SIMULATORS[request.param]


@pytest.fixture(scope="session")
def NengoDL():
    """NengoDL's Simulator; skips where NengoDL is not installed."""
    pytest.importorskip("nengo_dl")
    return make_nengo_dl
