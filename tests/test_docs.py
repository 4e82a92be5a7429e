"""The Python code of those pages that can be followed from top to bottom."""

import re
import warnings
from pathlib import Path

import nengo
import pytest
from numpy.testing import assert_allclose

ROOT = Path(__file__).parents[1]

BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def follow(page):
    """Run all the code of a page, one block after the other; returns its names."""
    names = {"__name__": "page"}
    text = (ROOT / page).read_text()
    for block in BLOCK.finditer(text):
        line = text[: block.start(1)].count("\n")
        code = compile("\n" * line + block[1], str(ROOT / page), "exec")
        exec(code, names)
    return names


@pytest.mark.parametrize(
    "page", ["README.md", "docs/quick_start.md", "docs/learned_weights.md"]
)
def test_page(page, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib").use("agg")
    monkeypatch.chdir(tmp_path)
    assert follow(page)


def test_extensions_learn_alike_on_every_simulator(NengoDL):
    names = follow("docs/extending.md")
    assert len(names["rules"]) == 3
    for rule in names["rules"]:
        learned = []
        for make in (nengo.Simulator, NengoDL):
            network = names["model"](rule)
            with make(network) as sim, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                sim.run(1.0, progress_bar=False)
                learned.append([sim.data[network.weights], sim.data[network.rate]])
        (expected, rates), (weights, nengo_dl_rates) = learned
        assert expected[-1].any()
        assert len(set(rates[:, 0])) > 1 or rule.optimizer is not None
        assert_allclose(weights, expected, rtol=0, atol=1e-9 * abs(expected).max())
        assert_allclose(nengo_dl_rates, rates, rtol=0, atol=1e-9 * rates.max())
