"""What error to expect with K labels, from the molecules of the benchmark that are most alike."""

from mfbench.own.estimate.neighbours import Estimate, estimate, measured_coverage
from mfbench.own.estimate.table import ErrorTable, load_table

__all__ = ["ErrorTable", "Estimate", "estimate", "load_table", "measured_coverage"]
