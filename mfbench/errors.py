"""Expected failures, as types: the command line prints each as one line and exits with code 2."""

__all__ = [
    "CheckpointError",
    "DataError",
    "MfbenchError",
    "PredictionError",
    "ProtocolError",
    "StructureError",
    "TrainingError",
    "TransferError",
    "UnknownNameError",
]


class MfbenchError(Exception):
    """A failure that the caller can mend. Its message is one line: what is wrong, what to do."""


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
