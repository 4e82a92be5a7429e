import pytest

pytest.importorskip("click")
pd = pytest.importorskip("pandas")

from nengo_lr.cli import main  # noqa: E402


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


@pytest.mark.parametrize("sizes", ["20", "20x0", "axb", "20x1x2", ""])
def test_sizes_that_are_none(sizes, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["benchmark", "--sizes", sizes])
    assert exit_.value.code == 2
    message = capsys.readouterr().err
    assert "is not like 50x1,200x8" in message
    assert message.count("\n") == 1
