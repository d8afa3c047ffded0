"""The errors a user can cause: one sentence that names the place, the value and the way out."""

import contextlib
from collections.abc import Iterator


class UnstuckError(Exception):
    """Base of every error that is reported to the user as one sentence, without a traceback."""


class ConfigError(UnstuckError):
    """A value in a study's configuration is wrong."""


class DataError(UnstuckError):
    """A dataset cannot be had, or is not what its checksum says."""


class NoRowsError(DataError):
    """A table has no row of what is asked for."""


class StorageError(UnstuckError):
    """A result cannot be written; what stood in its place is as it was."""


class CurvatureError(UnstuckError):
    """A quantity of curvature cannot be computed for this problem."""


class KernelError(UnstuckError):
    """The compiled kernel is missing, stale, cannot be built, or is not for this processor."""


class RegistryError(UnstuckError):
    """An entry of the registry of claims is wrong."""


@contextlib.contextmanager
def found_in(place: str) -> Iterator[None]:
    """Begin the sentence of a user's error with the place that it is about."""
    try:
        yield
    except UnstuckError as error:
        raise type(error)(f"{place}: {error}") from error
