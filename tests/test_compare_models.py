import nengo
import pytest
from helpers import learning_network
from nengo.exceptions import ValidationError

pd = pytest.importorskip("pandas")
pytest.importorskip("click")

from nengo_lr import ExponentialDecay, ScheduledPES  # noqa: E402
from nengo_lr.cli import main  # noqa: E402
from nengo_lr.compare import compare_model, find_model  # noqa: E402

MODULE = """
import sys; sys.path.insert(0, {tests!r})
from test_compare_models import own_model as model
number = 3
"""


def own_model():
    return learning_network(ScheduledPES(ExponentialDecay(1e-3, tau=0.1)))


def test_node_scaling_equals_the_native_rule():
    rows = compare_model(own_model, 0.3, forms=["ScheduledPES", "Node scaling"])
    assert [row["path"] for row in rows] == ["ScheduledPES", "Node scaling"]
    native, scaled = rows
    assert native["difference"] == native["final_difference"] == 0
    assert scaled["difference"] < 1e-13


def test_scaling_in_neurons_differs_a_little():
    rows = compare_model(own_model, 0.3, error_radius=2.0)
    differences = {row["path"]: row["final_difference"] for row in rows}
    assert 0 < differences["ErrorScaler tied"] < 0.2
    assert 0 < differences["ErrorScaler tied+gate"] < 0.2


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: 3, "must return a nengo.Network"),
        (nengo.Network, "without a Probe"),
    ],
)
def test_models_that_cannot_be_compared(make, words):
    with pytest.raises(ValidationError, match=words):
        compare_model(make, 0.1)


@pytest.fixture
def module(tmp_path, monkeypatch):
    from pathlib import Path

    (tmp_path / "users_model.py").write_text(
        MODULE.format(tests=str(Path(__file__).parent))
    )
    monkeypatch.syspath_prepend(tmp_path)
    return "users_model"


def test_find_model(module):
    assert isinstance(find_model(f"{module}:model")(), nengo.Network)
    for text in (f"{module}:nothing", "no_module:model", module, "", ":model"):
        with pytest.raises(ValidationError, match="module:function"):
            find_model(text)
    with pytest.raises(ValidationError, match="is not a function"):
        find_model(f"{module}:number")


def test_command(module, tmp_path, capsys):
    arguments = ["compare", "--model", f"{module}:model", "--simulators", "nengo"]
    arguments += ["--duration", "0.2", "--output", str(tmp_path)]
    with pytest.raises(SystemExit) as exit_:
        main([*arguments, "--error-radius", "2"])
    assert not exit_.value.code
    assert "Node scaling" in capsys.readouterr().out
    table = pd.read_csv(tmp_path / "model.csv")
    assert list(table["path"]) == ["ScheduledPES", "Node scaling", "ErrorScaler tied"]


def test_command_with_a_wrong_name(module, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["compare", "--model", f"{module}:nothing"])
    assert exit_.value.code == 2
    message = capsys.readouterr().err
    assert "'nothing'" in message
    assert message.count("\n") == 1
