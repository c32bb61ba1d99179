"""Records of fresh tests: what a verifier measured with the deposited weights, and what follows."""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

__all__ = [
    "RATIO_TOLERANCE",
    "Comparison",
    "FreshTestRecord",
    "Outside",
    "OutsideComparison",
    "Verdict",
    "record_bytes",
    "record_name",
]

RATIO_TOLERANCE = 1.15
"""Fresh over claimed error up to which a claim holds. Fresh configurations are other ones, not harder."""


class Verdict(StrEnum):
    """Whether the claimed error holds on data that nobody has seen."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    UNDECIDED = "undecided"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Comparison(_Part):
    """One metric at one K.

    Attributes:
        metric, k, unit: what is compared.
        claimed: mean over the tested families of the error that the submission's predictions make.
        claimed_ci95: its interval over families.
        fresh: the same mean with fresh query configurations.
        ratio, ratio_ci95: fresh ÷ claimed, and its 95 % interval over fragments.
        typical, typical_ci95: geometric mean over fragments of each one's ratio, and its interval.
        verdict: of this comparison.
    """

    metric: str
    k: int
    unit: str
    claimed: float
    claimed_ci95: tuple[float | None, float | None]
    fresh: float
    ratio: float
    ratio_ci95: tuple[float, float]
    typical: float
    typical_ci95: tuple[float, float]
    verdict: Verdict


class OutsideComparison(_Part):
    """One metric at one K on fragments from outside entries.

    Attributes:
        metric, k, unit: what is compared.
        claimed_heldout: mean over families of the claimed error on held-out fragments.
        fresh: mean over the same families of the error on fragments from outside entries.
        ratio, ratio_ci95: fresh ÷ claimed, geometric mean over families, and its 95 % interval.
    """

    metric: str
    k: int
    unit: str
    claimed_heldout: float
    fresh: float
    ratio: float
    ratio_ci95: tuple[float | None, float | None]


class Outside(_Part):
    """Fragments of the same families that were cut from entries which the split does not hold.

    Attributes:
        families, entries: names.
        fragments, configurations: numbers.
        comparisons: with what was claimed for held-out fragments; none of them enters the verdict.
    """

    families: list[str]
    entries: list[str]
    fragments: int
    configurations: int
    comparisons: list[OutsideComparison]


class FreshTestRecord(_Part):
    """One fresh test.

    Attributes:
        submission: its id, which is a hash over the weights' hash: the weights were fixed before.
        weights_sha256: of what was run; empty for a public model, which its card names.
        seed_commitment: SHA-256 of the verifier's secret seed; who knows the seed can repeat the test.
        verified_at, code, hardware: when, by which code, where.
        families, fragments, configurations: how much fresh data of the split's own fragments: names, and
            numbers.
        ks, draws: published support sets that were used.
        comparisons: claimed against fresh.
        verdict: of all.
        outside: fragments from outside entries, where there were any.
        tested_as: id of the submission with predictions that was tested, where this one is the compact form
            of it: same weights, same errors.
    """

    schema_: int = 1
    submission: str
    weights_sha256: str
    seed_commitment: str
    verified_at: str
    code: str
    hardware: dict[str, str | int | None]
    families: list[str]
    fragments: int
    configurations: int
    ks: list[int]
    draws: int
    comparisons: list[Comparison]
    verdict: Verdict
    outside: Outside | None = None
    tested_as: str | None = None


def record_bytes(record: FreshTestRecord) -> bytes:
    """The text of a record's file."""
    return (json.dumps(record.model_dump(mode="json"), indent=1) + "\n").encode()


def record_name(data: bytes) -> str:
    """A record's file is named by its content."""
    return hashlib.sha256(data).hexdigest()[:16] + ".json"
