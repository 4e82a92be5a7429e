"""Files of arrays that are either complete or not there."""

import json
import os
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from nengo.exceptions import ValidationError

FORMAT = "nengo_lr checkpoint"
VERSION = 1
"""Of the files' format. It counts up when older versions could not read a new file."""

DESCRIPTION = "description"


def write(path, description, arrays):
    """Write arrays to a file, atomically.

    They go to a new file beside it, which then takes its name: whatever happens in the
    meantime, what was there before stays until everything is on the disk.

    Parameters
    ----------
    path : str or Path
        The file. One that exists is replaced.
    description : dict
        What can be written as JSON.
    arrays : dict of str to array
    """
    path = Path(path)
    text = json.dumps({"format": FORMAT, "version": VERSION, **description})
    numbered = {str(i): array for i, array in enumerate(arrays.values())}
    handle, name = tempfile.mkstemp(".part", f".{path.name}.", path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **{DESCRIPTION: np.array(text)}, **numbered)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    if hasattr(os, "O_DIRECTORY"):  # not on Windows, which knows no open folders
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def read(path):
    """Read and check a file.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    description : dict
    arrays : list of array

    Raises
    ------
    ValidationError
        If the file is damaged, or none of ours. Nothing in it is run: pickled objects
        are refused.
    OSError
        If it cannot be opened.
    """
    with Path(path).open("rb") as file:
        try:
            with np.load(file, allow_pickle=False) as archive:
                names = set(archive.files) - {DESCRIPTION}
                description = json.loads(archive[DESCRIPTION].item())
                arrays = [archive[str(i)] for i in range(len(names))]
            if description["format"] != FORMAT:
                raise KeyError("format")
        except (AttributeError, KeyError, TypeError):
            raise ValidationError(
                f"{path} is not a checkpoint of nengo_lr", "path"
            ) from None
        except (EOFError, OSError, ValueError, zipfile.BadZipFile) as error:
            raise ValidationError(
                f"{path} is damaged, or not a checkpoint of nengo_lr ({error})", "path"
            ) from None
    if description["version"] != VERSION:
        raise ValidationError(
            f"{path} has version {description['version']} of the format, and this "
            f"nengo_lr reads version {VERSION}",
            "path",
        )
    return description, arrays
