"""A model in words: its rules, rates, optimizers and laws; how two models differ."""

from nengo.exceptions import ValidationError
from nengo.learning_rules import RLS, LearningRuleType
from nengo.params import FrozenObject, iter_params
from nengo.utils.functions import function_name

from nengo_lr.auto import Auto
from nengo_lr.checkpoint.evidence import Digests
from nengo_lr.checkpoint.outside import functions_of, without_address
from nengo_lr.checkpoint.signals import RATE
from nengo_lr.feedback import FeedbackLaw


def describe(host, names, outside):
    """What a file says of a model, beside its signals."""
    sim = host.sim
    digests = Digests(outside[0].memory) if outside else None
    return {
        "simulator": host.name,
        "dt": sim.dt,
        "seed": None if sim.seed is None else int(sim.seed),
        "rules": {
            names.objects[rule]: describe_rule(rule.learning_rule_type, op, host)
            for rule, op in names.rules.items()
        },
        "objects": {
            name: words(getattr(thing, "neuron_type", ""))
            for thing, name in names.objects.items()
        },
        "outside": {part.name: part.evidence(digests) for part in outside},
    }


def describe_rule(rule_type, op, host):
    """A learning rule in words, and the schedule that it was given while it ran."""
    rate = getattr(rule_type, "learning_rate", None)
    optimizer = getattr(rule_type, "optimizer", None)
    given = None if op is None else host.schedule(op.control)
    is_text = given is not None and not any(functions_of(given))
    without = ["optimizer"]
    if not isinstance(rule_type, RLS):  # its rate is in its matrix from the start on
        without.append("learning_rate")
    return {
        "rule": words(rule_type, without),
        "optimizer": "no optimizer" if optimizer is None else words(optimizer),
        "law": words(rate) if isinstance(rate, (Auto, FeedbackLaw)) else None,
        "rate": words(rate),
        "given": repr(given) if is_text else None,
    }


def words(thing, without=()):
    """An object's type and parameters, in the same words in every process."""
    is_frozen = isinstance(thing, FrozenObject)
    if isinstance(thing, LearningRuleType) or (is_frozen and repr(thing)[0] == "<"):
        parameters = [
            f"{name}={words(getattr(thing, name), without)}"
            for name in iter_params(thing)
            if name not in without
        ]
        return f"{type(thing).__name__}({', '.join(sorted(parameters))})"
    if callable(thing) and not is_frozen:
        return function_name(thing)
    return without_address(thing)


def compare(path, description, own):
    """Refuse a file of another model.

    Parameters
    ----------
    path : str or Path
    description : dict
        What the file says of itself. It may be anything.
    own : dict
        What `describe` says of the model at hand, and its ``signals``.

    Returns
    -------
    names : list of str
        The signals that are to be read.
    """

    def refuse(difference):
        raise ValidationError(
            f"{path} was saved from another model: {difference}", "path"
        )

    def pairs(file, here):
        for name in {**here, **file}:
            if name not in here or name not in file:
                refuse(f"{name!r} is only in {'this one' if name in here else 'it'}")
            yield name, file[name], here[name]

    if description["simulator"] != own["simulator"]:
        refuse(f"it is one of {description['simulator']}, not of {own['simulator']}")
    if description["dt"] != own["dt"]:
        refuse(f"its dt is {description['dt']} s, here it is {own['dt']} s")
    for name, file, here in pairs(description["objects"], own["objects"]):
        if file != here:
            refuse(f"its {name} has {file} neurons, here it has {here} ones")
    for name, file, here in pairs(description["rules"], own["rules"]):
        for what in ("rule", "optimizer"):
            if file[what] != here[what]:
                refuse(f"its {name} uses {file[what]}, this one's {here[what]}")
        if file["law"] and here["law"] and file["law"] != here["law"]:
            refuse(
                f"the rate of its {name} follows {file['law']}, that of this one "
                f"{here['law']}, and the state of one means nothing to the other"
            )
    for evidence in description["outside"].values():
        if {type(digest) for digest in evidence["variables"].values()} - {str}:
            raise TypeError("digests must be texts")
    if not isinstance(description["seed"], (int, type(None))):
        raise TypeError("a seed must be an integer")

    signals, rates = [], []
    for side in description, own:
        outlines = {name: (shape, kind) for name, shape, kind, _ in side["signals"]}
        # another kind of rate remembers something else
        rates.append({n: x for n, x in outlines.items() if n.startswith(RATE)})
        signals.append({n: x for n, x in outlines.items() if n not in rates[-1]})
    for name, file, here in pairs(*signals):
        if file != here:
            refuse(
                f"{name!r} has shape {tuple(file[0])} and type {file[1]} in it, and "
                f"{tuple(here[0])} and {here[1]} here"
            )
    file, here = rates
    return [*signals[1], *(name for name in file if file[name] == here.get(name))]
