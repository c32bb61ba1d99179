"""Expected failures, as types: the command line prints each as one line and exits with code 2."""

import errno

__all__ = [
    "CheckpointError",
    "DataError",
    "Interrupted",
    "MfbenchError",
    "PredictionError",
    "ProtocolError",
    "StoreError",
    "StructureError",
    "SubmissionError",
    "TrainingError",
    "TransferError",
    "UnknownNameError",
    "WorkError",
    "reason_of",
]


class MfbenchError(Exception):
    """A failure that the caller can mend. Its message is one line: what is wrong, what to do."""


class Interrupted(MfbenchError):
    """Ctrl-C in the middle of long work: the message says what is kept and how to go on; exit code 130."""


class UnknownNameError(MfbenchError):
    """A method, split, architecture or stratum that does not exist."""


class DataError(MfbenchError):
    """A data file is missing, truncated, altered, or disagrees with its manifest."""


class StructureError(MfbenchError):
    """A structure file cannot be read or cut: empty, truncated, not a structure, atoms missing."""


class ProtocolError(MfbenchError):
    """Outside the protocol: a K that the support pool cannot give, a label read in ``predict``."""


class PredictionError(MfbenchError):
    """A method returned something that is not a prediction: NaN, wrong shape, wrong number."""


class TrainingError(MfbenchError):
    """Training went wrong in a way that other settings may mend: the loss is not finite."""


class CheckpointError(MfbenchError):
    """A checkpoint is missing, damaged, or was trained for something else."""


class TransferError(MfbenchError):
    """A download or an upload failed: no network, no permission, no such repository or revision."""


class SubmissionError(MfbenchError):
    """A submission that cannot be filed.

    Attributes:
        kind: ``files``, ``card``, ``data``, ``predictions``, ``coverage``, ``claims``, ``weights``, or the
            name of a finding such as ``leaked-labels``.
    """

    def __init__(self, kind: str, message: str):
        super().__init__(f"{kind}: {message}")
        self.kind, self.reason = kind, message


class StoreError(MfbenchError):
    """A store that is not there, cannot be written, or holds no such submission."""


class WorkError(DataError, ProtocolError):
    """Long work that cannot start or go on: its folder is in use, or its journal is of other inputs."""


_ADVICE = {
    errno.ENOSPC: "free some space, then run the command again (with --resume where it has that)",
    errno.EDQUOT: "free some space, then run the command again (with --resume where it has that)",
    errno.EROFS: "choose another folder",
    errno.EACCES: "choose another folder, or change its permissions",
}


def reason_of(error: OSError) -> str:
    """What the system refused, on what, and what to do: a line."""
    if not error.strerror:
        return str(error)
    place = f"{error.filename}: " if error.filename else ""
    advice = _ADVICE.get(error.errno or 0)
    return f"{place}{error.strerror}" + (f": {advice}" if advice else "")
