"""The package's version, where neither the command line nor the cost of a run imports anything else."""

__version__ = "0.1.0"
