"""Files of arrays that are either complete or not there."""

import json
import math
import os
import secrets
import stat
import zipfile
from hashlib import blake2b
from pathlib import Path

import numpy as np
from nengo.exceptions import ValidationError

VERSION = 2
"""Of the files' format. It counts up when older versions could not read a new file."""

DESCRIPTION = "description"


def write(path, kind, description, arrays):
    """Write arrays to a file, atomically.

    They go to a new file beside it, which then takes its name: whatever happens in the
    meantime, what was there before stays until everything is on the disk. A file that
    is replaced hands on its permissions, and a link stays one.

    Parameters
    ----------
    path : str or Path
        The file. One that exists is replaced.
    kind : str
        What the file is, such as ``"checkpoint"``.
    description : dict
        What can be written as JSON.
    arrays : dict of str to array
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        raise ValidationError(f"{path} is there, and is not a file", "path")
    arrays = {
        name: np.require(array, requirements="C") for name, array in arrays.items()
    }
    signals = [[name, *outline(array), digest(array)] for name, array in arrays.items()]
    text = json.dumps(
        {
            "format": format_of(kind),
            "version": VERSION,
            **description,
            "signals": signals,
        }
    )
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            with zipfile.ZipFile(file, "w") as archive:
                numbered = {str(i): array for i, array in enumerate(arrays.values())}
                members = {DESCRIPTION: np.array(text), **numbered}
                for name, array in members.items():
                    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                        np.lib.format.write_array(member, array, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            os.chmod(part, stat.S_IMODE(path.stat().st_mode))
        os.replace(part, path)
    except BaseException:
        os.unlink(part)
        raise
    if hasattr(os, "O_DIRECTORY"):  # not on Windows, which knows no open folders
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def format_of(kind):
    """The name of a file's format."""
    return f"nengo_lr {kind}"


def outline(array):
    """The shape and the type of an array, as JSON has them."""
    return list(array.shape), array.dtype.str


def digest(array):
    """A hash of an array's bytes."""
    return blake2b(array.reshape(-1).view(np.uint8), digest_size=16).hexdigest()


def read(path, kind, check, size):
    """Read a file of which nothing is trusted.

    Parameters
    ----------
    path : str or Path
    kind : str
        What the file should be.
    check : callable
        ``check(description)`` raises a ValidationError unless the file is one of the
        model at hand, and gives the names of the arrays to read. Their shapes and types
        are the model's, so that its size bounds what is read.
    size : int
        The number of characters that the file's description may have.

    Returns
    -------
    description : dict
    arrays : dict of str to array

    Raises
    ------
    ValidationError
        If the file is damaged, none of ours, or not one of this model. Nothing in it is
        run: pickled objects are refused.
    OSError
        If it cannot be opened.
    """
    with Path(path).open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                # numpy's texts have four bytes for each character
                _, text = read_member(archive, DESCRIPTION, 4 * size)
                description = json.loads(text.tobytes().decode("utf-32"))
                if description["format"] != format_of(kind):
                    raise ValueError("another format")
                if description["version"] != VERSION:
                    raise ValidationError(
                        f"{path} has version {description['version']!r} of the format, "
                        f"and this nengo_lr reads version {VERSION!r}",
                        "path",
                    )
                names = set(check(description))
                arrays = {
                    name: read_array(archive, i, name, *signal)
                    for i, (name, *signal) in enumerate(description["signals"])
                    if name in names
                }
        except ValidationError:
            raise
        except Exception as error:  # whatever a forged file can bring about
            raise ValidationError(
                f"{path} is damaged, or not a {kind} of nengo_lr "
                f"({type(error).__name__}: {error})",
                "path",
            ) from error
    return description, arrays


def read_member(archive, name, most):
    """The header and the bytes of an array in an archive, if it is no larger."""
    member = archive.getinfo(f"{name}.npy")
    if member.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{name} is compressed")
    most += 1024  # numpy's header is a few blocks of 64 bytes
    with archive.open(member) as file:
        data = file.read(most + 1)
    start = 10 + int.from_bytes(data[8:10], "little")
    if len(data) > most:
        raise ValueError(f"{name} is larger than it can be for this model")
    if data[:8] != b"\x93NUMPY\1\0":
        raise ValueError(f"{name} is not an array")
    return data[10:start].decode().strip(), memoryview(data)[start:]


def read_array(archive, number, name, shape, dtype, expected):
    """One array, whose shape and type are known to be right."""
    kind = np.dtype(dtype)
    head, data = read_member(archive, number, math.prod(shape) * kind.itemsize)
    shape = tuple(shape)
    if head != f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape!r}, }}":
        raise ValueError(f"{name} has another header than it should")
    array = np.frombuffer(data, kind).reshape(shape)
    if digest(array) != expected:
        raise ValueError(f"{name} is not what was written")
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise ValueError(f"{name} is not a number")
    return array
