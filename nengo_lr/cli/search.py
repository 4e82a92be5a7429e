"""The command that tunes a schedule or an optimizer."""

import os

import click
from rich import box
from rich.console import Console
from rich.table import Table

from nengo_lr import lab, optimizers
from nengo_lr.cli.compare import progress
from nengo_lr.cli.options import OutputFolder, Seeds, learning_model, model_function

OPTIMIZERS = {
    name: getattr(optimizers, name)
    for name in optimizers.__all__
    if getattr(optimizers, name) is not optimizers.Optimizer
}


@click.command()
@learning_model
@click.option(
    "--schedule",
    default="Constant({rate:1e-5..1e-2})",
    help="A schedule with ranges {name:low..high} in place of numbers.",
)
@click.option(
    "--optimizer",
    help='An optimizer, such as "RMSProp({tau:0.1..10})", with or without ranges; a '
    "model of your own gets it as its argument 'optimizer'.",
)
@click.option("--trials", type=click.IntRange(min=1), default=30, help="How many.")
@click.option("--seeds", type=Seeds(), default="0", help="Each trial uses all.")
@click.option("--duration", type=float, default=10.0, help="Seconds of learning.")
@click.option(
    "--test", type=float, default=5.0, help="Seconds of test after it, at rate 0."
)
@click.option(
    "--storage",
    type=click.Path(dir_okay=False),
    help="An SQLite file that keeps the study; several processes may share it.",
)
@click.option("--name", default="nengo-lr", help="Of the study in the file.")
@click.option("--sampler-seed", type=int, help="Makes what is tried repeatable.")
@click.option(
    "--output",
    type=OutputFolder(),
    default="nengo-lr-search",
    help="Folder for the table (CSV) and the figure (PNG).",
)
def search(
    task,
    model,
    schedule,
    optimizer,
    trials,
    seeds,
    duration,
    test,
    storage,
    name,
    sampler_seed,
    output,
):
    """Tune a schedule's or an optimizer's parameters with Optuna.

    Trials that do worse than most are stopped early.
    """
    os.environ.setdefault("MPLBACKEND", "agg")
    from nengo_lr.lab import plot

    console = Console(highlight=False)
    templates = {"learning_rate": lab.Template(schedule)}
    if optimizer is not None:
        templates["optimizer"] = lab.Template(optimizer, OPTIMIZERS)
    if not any(template.ranges for template in templates.values()):
        raise click.BadParameter(
            "there is no range such as {rate:1e-5..1e-2} to search.",
            param_hint="'--schedule'",
        )

    def suggest(trial):
        return {key: template(trial) for key, template in templates.items()}

    with progress("trials") as report:
        study = lab.tune(
            model_function(task, model),
            suggest,
            duration,
            test,
            n_trials=trials,
            seeds=seeds,
            store=storage,
            name=name,
            sampler_seed=sampler_seed,
            progress=report,
        ).study
    found = study.trials_dataframe(attrs=("number", "value", "params", "state"))
    found.to_csv(output / "trials.csv", index=False)
    states = found["state"].value_counts()
    if "COMPLETE" not in states:
        failures = [trial.user_attrs.get("failure", "") for trial in study.trials]
        raise click.ClickException(f"every trial failed: {failures[-1]}")
    ax = plot.study(found)
    ax.set_title(model or task, loc="left", fontsize="medium")
    plot.save(ax.figure, output / "search.png")

    table = Table(title=f"[bold]{model or task}", title_justify="left", box=box.SIMPLE)
    table.add_column("best")
    table.add_column("value", justify="right")
    for key, value in study.best_params.items():
        table.add_row(key, f"{value:.3g}")
    table.add_row("RMS error", f"{study.best_value:.4g}")
    console.print(table)
    for key, template in templates.items():
        best = template.fill({n: study.best_params[n] for n in template.ranges})
        console.print(f"{key}: {best}")
    counted = ", ".join(f"{n} {state.lower()}" for state, n in states.items())
    console.print(f"{len(found)} trials: {counted}")
    console.print(f"wrote trials.csv and search.png to {output}/")
