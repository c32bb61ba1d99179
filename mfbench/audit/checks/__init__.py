"""What a split promises, check by check: ``mfbench data verify``."""

from mfbench.audit.checks.check import Check, Subject
from mfbench.audit.checks.verify import CHECKS, verify_split

__all__ = ["CHECKS", "Check", "Subject", "verify_split"]
