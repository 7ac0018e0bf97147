"""Every error that a user can cause: one class, one sentence, one hint, one exit code each.

A sentence says what is wrong with which file; a hint says what to type next. Exit codes are
listed in docs/exit-codes.md.
"""

from typing import ClassVar


class NachashError(Exception):
    """An error that a user can cause and mend; `str()` is one sentence without a traceback."""

    exit_code: ClassVar[int] = 1

    def __init__(self, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint


class UsageError(NachashError):
    """A flag, a setting or a combination of them that makes no sense."""

    exit_code: ClassVar[int] = 2


class MissingError(NachashError):
    """A file, folder, model, index or data set that is not where it was looked for."""

    exit_code: ClassVar[int] = 2


class ExistsError(NachashError):
    """An output that exists already and is not overwritten without `--overwrite`."""

    exit_code: ClassVar[int] = 2


class NoImagesError(NachashError):
    """A source without a single image that can be read."""


class ImageError(NachashError):
    """One image that cannot be decoded; the run goes on and the image is listed."""


class StorageError(NachashError):
    """A disk that is full, a file that cannot be written, a lock that another process holds."""


class DeviceError(NachashError):
    """A device that was asked for and is not there."""


class TrainingError(NachashError):
    """Training that cannot go on: too few images, a loss that is not finite."""


class SkippedError(NachashError):
    """The run finished, but images were skipped and `--strict` was given."""

    exit_code: ClassVar[int] = 3


class DamagedError(NachashError):
    """An index or model that is damaged or not one at all."""

    exit_code: ClassVar[int] = 4


class IncompatibleError(NachashError):
    """An index or model of a newer format, or of another encoder than the one in use."""

    exit_code: ClassVar[int] = 4


class NothingFoundError(NachashError):
    """A radius search that found nothing."""

    exit_code: ClassVar[int] = 5


class InterruptedRunError(NachashError):
    """Ctrl-C at a moment when something was already written; the sentence says what stays."""

    exit_code: ClassVar[int] = 130


class NachashWarning(UserWarning):
    """Something that a user should know and that stops nothing; one sentence."""
