"""Digests of all that a Python function can remember, as far as it can be followed.

What a function remembers from one call to the next lies in its variables: those that it
closes over, globals, default values, attributes, and whatever these refer to. Equal
digests of a variable in two simulators are evidence that its state is the same.
"""

import copyreg
import dis
import functools
import pickle
import random
import sys
import sysconfig
import threading
import types
import warnings
import weakref
from hashlib import blake2b
from pathlib import Path

import nengo
import numpy as np
from nengo.params import Parameter

LIBRARIES = ("nengo", "nengo_lr", "numpy", "scipy")
"""Packages whose globals hold no state of a model, wherever they are installed."""

STANDARD_LIBRARY = Path(sysconfig.get_path("stdlib"))

MOST = 200_000
"""How many objects are followed from one function."""

EXACT = (bool, bytes, int, str, type(None))
PLAIN = (*EXACT, complex, float, np.generic)
"""What only an assignment to its variable changes."""

NAMED = (
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
    types.MethodDescriptorType,
    types.ModuleType,
    types.WrapperDescriptorType,
)
"""What is the same wherever it has the same name."""

IDLE = (nengo.Config, Parameter, type(threading.Lock()), type(threading.RLock()))
"""What may differ without making a difference to a function."""

WRAPPERS = {
    classmethod: "__func__",
    functools.cached_property: "func",
    np.vectorize: "pyfunc",
    property: "fget",
    staticmethod: "__func__",
    type(functools.lru_cache(maxsize=None)(len)): "__wrapped__",
}
"""What calls a function, and keeps nothing but results that the same call gives."""


class UnseenError(Exception):
    """Something has a state that cannot be followed."""


def code_of(function):
    """A digest of the code of a Python function, or None."""
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    if code is None:
        return None
    parts = []
    for part in codes(code):
        # the order of a set's items varies
        nested = (types.CodeType, frozenset)
        constants = (repr(x) for x in part.co_consts if not isinstance(x, nested))
        parts += [part.co_code, *part.co_names, *constants]
    return hashed(*parts)


def hashed(*parts):
    """A short hash of texts and bytes."""
    state = blake2b(digest_size=8)
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode()
        state.update(b"%d:" % len(data) + data)
    return state.hexdigest()


def global_random_state():
    """A digest of the random numbers that all of Python and numpy share."""
    numpys = np.random.mtrand._rand.get_state(legacy=False)
    return hashed(random.getstate(), Digests().digest(numpys))


class Digests:
    """Digests of variables, the same in every process that builds the same model.

    Parameters
    ----------
    memory : set of int, optional
        The `memory_of` the simulator's signals. They are saved as such, so that their
        values make no difference here.
    """

    def __init__(self, memory=()):
        self.memory = memory
        self.known = {}

    def of(self, function):
        """The digest of each variable of a function or another object.

        Returns
        -------
        digests : dict of str to str
            By the variable's name. Those of numbers and texts begin with "=". What
            cannot be followed has a text that begins with a question mark.
        """
        digests = {}
        for label, thing in self.variables(function):
            mark = "=" if isinstance(thing, PLAIN) else ""
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of what will not be pickled soon
                    digests[label] = mark + self.digest(thing)
            except (UnseenError, RecursionError) as reason:
                digests[label] = f"? {reason}"
        return digests

    def variables(self, function):
        """The variables of a function, and the attributes of a method's object."""
        if isinstance(function, UnseenError):
            return [("state", function)]
        try:
            children = self.children(function)[1]
        except UnseenError as reason:
            return [("state", reason)]
        found = []
        for label, thing in children:
            if label == "self" and not isinstance(thing, NAMED):
                found += [(f"self.{name}", x) for name, x in self.variables(thing)]
            else:
                found.append((label, thing))
        return found

    def digest(self, thing):
        """A hash of an object and of all to which it refers."""
        if isinstance(thing, UnseenError):
            raise thing
        if type(thing) in EXACT:
            return hashed(type(thing).__name__, repr(thing))
        if isinstance(thing, PLAIN) and not isinstance(thing, EXACT):
            return hashed(type(thing).__name__, *values_of(np.asarray(thing)))
        if id(thing) not in self.known:
            if len(self.known) > MOST:
                raise UnseenError("more than can be looked through")
            # it is kept, so that nothing else gets its id
            self.known[id(thing)] = thing, "around"
            head, children = self.children(thing)
            parts = [part for x in children for part in (x[0], self.digest(x[1]))]
            self.known[id(thing)] = thing, hashed(head, *parts)
        return self.known[id(thing)][1]

    def children(self, thing):
        """What an object is, and the labels and objects to which it refers."""
        name = getattr(thing, "__qualname__", type(thing).__qualname__)
        if isinstance(thing, IDLE):
            return name, []
        if isinstance(thing, NAMED):
            return thing.__name__, []
        if isinstance(thing, type):
            return name, class_parts(thing)
        if isinstance(thing, np.ndarray):
            return self.array_parts(thing)
        if type(thing) in (list, tuple):
            return name, [("", part) for part in thing]
        if type(thing) in (set, frozenset):
            return " ".join([name, *sorted(map(self.digest, thing))]), []
        if type(thing) in (dict, types.MappingProxyType):
            # not in its own order, which may be that of a set
            parts = {self.digest(key): key for key in thing}
            keys = [(digest, parts[digest]) for digest in sorted(parts)]
            labels = [key if isinstance(key, str) else digest for digest, key in keys]
            return name, [(x, thing[key]) for x, (_, key) in zip(labels, keys)]
        if isinstance(thing, types.FunctionType):
            return name, function_parts(thing)
        if isinstance(thing, types.MethodType):
            parts = function_parts(thing.__func__)
            return name, [*parts, ("self", thing.__self__)]
        if isinstance(thing, (types.BuiltinFunctionType, types.MethodWrapperType)):
            own = thing.__self__
            bound = own is not None and not isinstance(own, types.ModuleType)
            return name, [("self", own)] if bound else []
        if isinstance(thing, types.CellType):
            return name, cell_parts("", thing)
        if isinstance(thing, weakref.ref):
            return name, [("", thing())]
        if isinstance(thing, np.ufunc):
            if pickle.whichmodule(thing, thing.__name__) == "__main__":
                raise UnseenError(f"the ufunc {thing.__name__}")
            return thing.__name__, []
        for kind, attribute in WRAPPERS.items():
            if type(thing) is kind:
                return name, [("", getattr(thing, attribute))]
        return name, object_parts(thing)

    def array_parts(self, array):
        if memory_of(array) in self.memory:
            return "signal", []
        head = f"{array.dtype.kind} {array.shape}"
        if array.dtype.hasobject:
            return head, [("", array.tolist())]
        return hashed(head, *values_of(array)), []


def memory_of(array):
    """What tells apart arrays that do not share their memory."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return id(array)


def values_of(array):
    """The bytes of an array; floats rounded to what is the same on all machines."""
    flat = np.asarray(array).ravel()
    for start in range(0, flat.size, 1 << 20):
        part = flat[start : start + (1 << 20)]
        if part.dtype.kind in "fc":
            with np.errstate(all="ignore"):
                part = part.astype(np.float32 if part.dtype.kind == "f" else "c8")
        yield part.tobytes()


def function_parts(function):
    """The variables of a Python function that may outlive a call."""
    code, scope = function.__code__, function.__globals__
    parts = {}
    if not is_library(scope.get("__name__", "")):
        for name in sorted(global_names(code)):
            if name in scope:
                parts[name] = scope[name]
            elif name in sys.modules:  # it may be imported in the function
                parts[name] = sys.modules[name]
    for name, cell in zip(code.co_freevars, function.__closure__ or ()):
        parts.update(cell_parts(name, cell))
    used = {name for part in codes(code) for name in part.co_names}
    for module in list(parts.values()):
        if isinstance(module, types.ModuleType) and not is_library(module.__name__):
            for name in sorted(vars(module).keys() & used):
                parts[f"{module.__name__}.{name}"] = vars(module)[name]
    defaults = function.__defaults__ or ()
    arguments = code.co_varnames[: code.co_argcount]
    parts.update(zip(arguments[len(arguments) - len(defaults) :], defaults))
    parts.update(function.__kwdefaults__ or {})
    parts.update(vars(function))
    return list(parts.items())


def codes(code):
    """A code object and all within it, such as those of comprehensions."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes(constant)


def global_names(code):
    """The names of the global variables and modules that a function refers to."""
    # co_names holds those of attributes, too
    return {
        step.argval
        for part in codes(code)
        for step in dis.get_instructions(part)
        if step.opname.endswith(("_GLOBAL", "_NAME"))
    }


def cell_parts(name, cell):
    """The variable in a closure's cell, if it has got a value by now."""
    try:
        return [(name, cell.cell_contents)]
    except ValueError:
        return []


def class_parts(cls):
    """The attributes of a class that a user has written, and of its bases."""
    return [
        (name, value)
        for base in cls.__mro__
        if not is_library(base.__module__)
        for name, value in vars(base).items()
        # what Python itself puts there is no state
        if callable(value) or not name.startswith(("__", "_abc_"))
    ]


def object_parts(thing):
    """The state of any other object."""
    reduce = copyreg.dispatch_table.get(type(thing))
    try:
        reduced = reduce(thing) if reduce else thing.__reduce_ex__(4)
    except Exception as error:  # each class has reasons of its own
        raise UnseenError(f"a {type(thing).__qualname__}") from error
    parts = {"class": type(thing)}
    if isinstance(reduced, str):  # the name of something global
        return [*parts.items(), ("name", reduced)]
    arguments, state, items, pairs = (*reduced, None, None, None)[1:5]
    # attributes, those with slots beside them, or something else
    states = state if isinstance(state, tuple) and len(state) == 2 else [state]
    if all(isinstance(part, (dict, type(None))) for part in states):
        for part in states:
            parts.update(part or {})
    else:
        parts["state"] = state
    if not is_library(type(thing).__module__):
        # a user's __getstate__ may leave something out
        parts.update(getattr(thing, "__dict__", {}))
        for name in slots_of(type(thing)):
            if hasattr(thing, name):
                parts[name] = getattr(thing, name)
    parts["arguments"] = arguments
    parts["items"] = [list(items or ()), dict(pairs or ())]
    parts.pop("_FrozenObject__argreprs", None)  # a cache of what repr shows
    # distributions of scipy hold what all functions share, and is looked at by itself
    shared = np.random.mtrand._rand if is_library(type(thing).__module__) else parts
    return [(str(name), part) for name, part in parts.items() if part is not shared]


def slots_of(cls):
    """The names of the slots that a user's class and its bases have."""
    return [
        name
        for base in cls.__mro__
        if not is_library(base.__module__)
        for name, value in vars(base).items()
        if isinstance(value, types.MemberDescriptorType)
    ]


@functools.cache
def is_library(module_name):
    """Whether a module is installed, and not a user's own."""
    root = module_name.partition(".")[0]
    if root in LIBRARIES or root in sys.builtin_module_names:
        return True
    file = getattr(sys.modules.get(module_name), "__file__", None)
    if root == "__main__" or file is None:
        return False
    installed = {"dist-packages", "site-packages"}.intersection(Path(file).parts)
    return bool(installed) or STANDARD_LIBRARY in Path(file).parents
