"""Parameters of frozen objects, and the constructors that follow from them."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from nengo import params
from nengo.config import Config
from nengo.exceptions import ValidationError
from nengo.params import Default, Parameter
from nengo.utils.numpy import is_array, is_number

from nengo_lr import schedules as catalogue  # complete by the time a method uses it
from nengo_lr.checks import is_bool

if TYPE_CHECKING:
    # type checkers know this module even where it is not installed
    from typing_extensions import dataclass_transform

    class FrozenObject:
        """Nengo has no type hints, and a base of unknown type takes any argument."""

else:
    from nengo.params import FrozenObject

    def dataclass_transform(**options):
        """Mark a base class for type checkers; it does nothing at run time."""
        return lambda cls: cls


MAX_DEPTH = 50
"""How many schedules can be nested in each other: Python cannot read a deeper repr."""

MAX_SIZE = 10_000
"""How many schedules can be combined into one."""


class DeclaredParam(Parameter):
    """A read-only parameter that becomes an argument of the constructor.

    Parameters
    ----------
    name : str
        The attribute's name.
    kw_only : bool, optional
        Whether the constructor takes it by keyword only.
    derive : callable, optional
        ``derive(object)`` is the value where None is given; it may use the parameters
        that are declared before.
    **options
        What `nengo.params.Parameter` takes.
    """

    equatable = True

    def __init__(self, name, *, kw_only=False, derive=None, **options):
        super().__init__(name, readonly=True, **options)
        self.kw_only = kw_only
        self.derive = derive


class NumberParam(DeclaredParam, params.NumberParam):
    """A number that is neither infinite nor NaN; True and False are none."""

    def coerce(self, instance, num):
        if is_array(num) and num.shape == ():
            num = num.item()
        if is_bool(num):
            raise ValidationError(f"must be a number (got {num})", self.name, instance)
        if is_number(num) and not np.isfinite(num):
            raise ValidationError(f"must be finite (got {num})", self.name, instance)
        num = super().coerce(instance, num)
        return num if num is None else float(num)  # None only where it is optional


class RateParam(NumberParam):
    """A learning rate: finite and not negative."""

    def __init__(self, name, **options):
        super().__init__(name, low=0, **options)


class SecondsParam(NumberParam):
    """A time in seconds: finite and greater than 0, or not less with ``zero=True``."""

    def __init__(self, name, zero=False, **options):
        super().__init__(name, low=0, low_open=not zero, **options)


class ChoiceParam(DeclaredParam, params.EnumParam):
    """One of a few strings."""


class NumbersParam(DeclaredParam, params.NdarrayParam):
    """One or more numbers, finite and not negative; a copy of what was given."""

    def __init__(self, name, **options):
        super().__init__(name, shape=("*",), dtype=np.float64, **options)

    def coerce(self, instance, ndarray):
        if any(map(is_bool, np.ravel(np.asarray(ndarray, dtype=object)))):
            raise ValidationError(
                f"must be numbers (got {ndarray})", self.name, instance
            )
        numbers = super().coerce(instance, ndarray).astype(np.float64)
        if numbers.size == 0:
            raise ValidationError("must not be empty", self.name, instance)
        if not np.all(np.isfinite(numbers)) or np.any(numbers < 0):
            raise ValidationError(
                f"must be finite and not negative (got {ndarray})", self.name, instance
            )
        numbers.setflags(write=False)
        return numbers


class RatesParam(NumbersParam):
    """One or more learning rates: finite and not negative."""


class TimesParam(NumbersParam):
    """One or more times in seconds: finite, not negative, strictly increasing."""

    def coerce(self, instance, ndarray):
        times = super().coerce(instance, ndarray)
        if np.any(np.diff(times) <= 0):
            raise ValidationError(
                f"times must increase strictly (got {ndarray})", self.name, instance
            )
        return times


class ScheduleParam(DeclaredParam):
    """Another schedule; a number stands for a `Constant` schedule."""

    def coerce(self, instance, schedule):
        schedule = as_schedule(schedule, self.name, instance)
        check_size(instance, [schedule], self.name)
        return super().coerce(instance, schedule)


class SchedulesParam(ScheduleParam):
    """One or more schedules, kept as a tuple."""

    def coerce(self, instance, schedules):
        if isinstance(schedules, catalogue.Schedule) or not np.iterable(schedules):
            raise ValidationError(
                f"must be a list of schedules (got {schedules!r})", self.name, instance
            )
        schedules = tuple(as_schedule(s, self.name, instance) for s in schedules)
        if not schedules:
            raise ValidationError("must not be empty", self.name, instance)
        check_size(instance, schedules, self.name)
        return DeclaredParam.coerce(self, instance, schedules)


def as_schedule(schedule, name, instance):
    """The Schedule that a parameter's value means, or a ValidationError."""
    if is_number(schedule):
        return catalogue.Constant(schedule)
    if not isinstance(schedule, catalogue.Schedule):
        hint = "; wrap a function of time in FunctionSchedule"
        raise ValidationError(
            f"must be a Schedule or a number (got {schedule!r})"
            f"{hint if callable(schedule) else ''}",
            name,
            instance,
        )
    return schedule


def check_size(instance, parts, name):
    """Keep the size of a schedule that is made of others, or refuse it."""
    instance._depth = 1 + max(part._depth for part in parts)
    instance._size = 1 + sum(part._size for part in parts)
    if instance._depth > MAX_DEPTH or instance._size > MAX_SIZE:
        raise ValidationError(
            f"at most {MAX_DEPTH} schedules can be nested in each other, and at most "
            f"{MAX_SIZE} combined (got {instance._depth} and {instance._size}); give "
            "Product, Sum or Sequence many schedules in one list, or write a "
            "FunctionSchedule",
            name,
            instance,
        )


class FunctionParam(DeclaredParam):
    """A Python function that accepts one positional argument, the time in seconds."""

    def coerce(self, instance, function):
        if not callable(function):
            raise ValidationError(f"{function!r} is not callable", self.name, instance)
        try:
            inspect.signature(function).bind(0.0)
        except TypeError as error:
            raise ValidationError(
                f"{function!r} must accept one argument, the time in seconds ({error})",
                self.name,
                instance,
            ) from None
        except ValueError:
            pass  # a builtin without a signature: the build calls it at t = 0
        return super().coerce(instance, function)


class ConstructorSignature:
    """What `inspect` finds on a class, and not on its objects, which may be called."""

    def __get__(self, instance, owner):
        if instance is not None:
            raise AttributeError("__signature__")
        if owner.__init__ is Declared.__init__:
            return owner._arguments
        _, *own = inspect.signature(owner.__init__).parameters.values()
        return inspect.Signature(own)


@dataclass_transform(
    eq_default=False,
    frozen_default=True,
    field_specifiers=(
        DeclaredParam,
        NumberParam,
        RateParam,
        SecondsParam,
        ChoiceParam,
        RatesParam,
        TimesParam,
        ScheduleParam,
        SchedulesParam,
        FunctionParam,
    ),
)
class Declared(FrozenObject):
    """A frozen object whose constructor takes the parameters that its class declares.

    The arguments are the parameters in the order of their declaration, those of base
    classes first; a parameter that is declared again keeps its place. An annotation
    tells type checkers what an argument may be.

    Examples
    --------
    >>> class Power(Declared):
    ...     base: float = RateParam("base")
    ...     exponent: float = NumberParam("exponent", default=1.0, kw_only=True)
    >>> Power(0.5, exponent=2)
    Power(base=0.5, exponent=2.0)
    """

    _arguments: ClassVar[inspect.Signature] = inspect.Signature()
    __signature__ = ConstructorSignature()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        declared = {
            name: param
            for base in reversed(cls.__mro__)
            if issubclass(base, Declared)
            for name, param in vars(base).items()
            if isinstance(param, Parameter)
        }
        arguments = [as_argument(name, param) for name, param in declared.items()]
        arguments.sort(key=lambda argument: argument.kind)
        cls._arguments = inspect.Signature(arguments)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        FrozenObject.__init__(self)
        try:
            given = self._arguments.bind(*args, **kwargs).arguments
        except TypeError as error:
            name = type(self).__name__
            raise TypeError(f"{name}{self._arguments}: {error}") from None
        for name in self._arguments.parameters:
            value = given.get(name, Default)
            if value is Default:
                # a Network's config may set it, as for Nengo's own objects
                value = Config.default(type(self), name)
            derive = getattr(getattr(type(self), name), "derive", None)
            if value is None and derive is not None:
                value = derive(self)
            setattr(self, name, value)
        self.validate()

    def validate(self) -> None:
        """Raise a ValidationError if parameters do not fit each other."""

    def __repr__(self):
        arguments = self._arguments.parameters.values()
        values = [(argument, getattr(self, argument.name)) for argument in arguments]
        given = [
            f"{argument.name}={value!r}"
            for argument, value in values
            if not params.equal(value, argument.default)
        ]
        return f"{type(self).__name__}({', '.join(given)})"


def as_argument(name, param):
    """The argument of a constructor that sets a parameter."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    if getattr(param, "kw_only", False):
        kind = inspect.Parameter.KEYWORD_ONLY
    default = param.default if param.configurable else inspect.Parameter.empty
    return inspect.Parameter(name, kind, default=default)
