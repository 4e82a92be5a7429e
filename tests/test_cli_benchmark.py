import pytest

pytest.importorskip("click")
pd = pytest.importorskip("pandas")

from rich.console import Console  # noqa: E402

from nengo_lr.cli import main  # noqa: E402
from nengo_lr.cli.benchmark import print_costs  # noqa: E402


def test_writes_and_prints_every_cell(tmp_path, capsys):
    arguments = ["--sizes", "20x1,30x2", "--paths", "ScheduledPES", "--rounds", "3"]
    with pytest.raises(SystemExit) as exit_:
        main(["benchmark", *arguments, "--output", str(tmp_path)])
    assert not exit_.value.code
    table = pd.read_csv(tmp_path / "cost.csv")
    paths = ["nengo.PES", "no learning", "ScheduledPES", "memory limit"]
    assert list(table["path"]) == paths * 2
    assert (tmp_path / "cost.png").stat().st_size > 10_000
    printed = capsys.readouterr().out
    for words in (*paths, "20 x 1", "30 x 2"):
        assert words in printed


def test_many_sizes_are_printed_whole(capsys):
    rows = [
        {
            "simulator": "nengo",
            "path": "ScheduledPES",
            "neurons": neurons,
            "dimensions": 256,
            "ratio": 1 + neurons / 1e4,
            "low": 1.0,
            "high": 1.5,
            "microseconds_pes": 10.0,
        }
        for neurons in range(1000, 8000, 1000)
    ]
    print_costs(Console(width=80), pd.DataFrame(rows))
    printed = capsys.readouterr().out
    for row in rows:
        assert f"{row['neurons']} x 256" in printed
        assert f"{row['ratio']:.2f} ±0.25" in printed


@pytest.mark.parametrize("sizes", ["20", "20x0", "axb", "20x1x2", ""])
def test_sizes_that_are_none(sizes, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["benchmark", "--sizes", sizes])
    assert exit_.value.code == 2
    message = capsys.readouterr().err
    assert "is not like 50x1,200x8" in message
    assert message.count("\n") == 1
