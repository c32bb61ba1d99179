"""``submission.yaml``: what a submission says about itself. Unknown keys are refused.

Text is shown to others, so it is bounded and holds no control characters; links are http or https.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mfbench.data.strict_yaml import dump_yaml, parse_yaml
from mfbench.errors import DataError, SubmissionError
from mfbench.protocol.protocol import Budget, Selector, Track
from mfbench.submission.card_errors import lines_of
from mfbench.submission.card_text import (
    Count,
    Episode,
    Id,
    Link,
    Name,
    Person,
    Reason,
    Rows,
    Seconds,
    Sha256,
    SplitName,
    Text40,
    Text60,
    Text80,
    Text120,
    Text200,
    Text500,
    Text2000,
)  # fmt: skip

__all__ = [
    "Card",
    "Cost",
    "DeclaredRun",
    "Failure",
    "Hardware",
    "PublicModelOrigin",
    "Training",
    "Tuning",
    "read_card",
    "write_card",
]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Training(_Part):
    """Data that the weights have seen before adaptation.

    Attributes:
        name: a split of mfbench (its train families), or the name of any other data set.
        data_hash: of the split.
        configurations: how many.
        note: what else is to be said.
    """

    name: Name
    data_hash: Sha256 | None = None
    configurations: Count | None = None
    note: Text500 = ""


class Tuning(_Part):
    """How settings were chosen: trials, and the families they were made on (``validation``)."""

    trials: Count
    families: Text80 = "validation"
    note: Text500 = ""


class PublicModelOrigin(_Part):
    """A model of other people, before anything was adapted, as it says of itself.

    Attributes:
        name: of the model.
        elements: atomic numbers that it was trained on.
        charges, spins: whether it is told the total charge, was trained on open shells; None: unknown.
        level: of theory of its training labels.
        licence: of the weights.
        citation: paper or address.
    """

    name: Name
    elements: Annotated[list[Annotated[int, Field(ge=1, le=118)]], Field(max_length=118)] = Field(
        default_factory=list
    )
    charges: bool = False
    spins: bool | None = None
    level: Text80 = ""
    licence: Text80 = ""
    citation: Text200 = ""


class Hardware(_Part):
    """Where it ran."""

    processor: Text120 = ""
    cores: Count | None = None
    memory_bytes: Count | None = None
    accelerator: Text120 = ""


class Cost(_Part):
    """Declared of the episodes at K labels: median costs (seconds, bytes), the share of trajectories of
    ``dynamics_ps`` (300 K) that stayed whole, and of truths inside the stated 90 % interval."""

    k: Count
    adapt_seconds: Seconds | None = None
    predict_seconds: Seconds | None = None
    compile_seconds: Seconds | None = None
    gradient_evaluations: Count | None = None
    peak_memory_bytes: Count | None = None
    stable_share: Annotated[float, Field(ge=0, le=1)] | None = None
    dynamics_ps: Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)] | None = None
    energy_coverage: Annotated[float, Field(ge=0, le=1)] | None = None
    force_coverage: Annotated[float, Field(ge=0, le=1)] | None = None


class Failure(_Part):
    """Episodes without predictions, and why. ``k`` or ``draw`` None: all of them."""

    family: Name
    k: Count | None = None
    draw: Count | None = None
    reason: Reason


class DeclaredRun(_Part):
    """What was run, as the card says it: which data, which episodes, which budget.

    Attributes:
        split, split_version, data_hash, level_of_theory: the data.
        ks, draws: support sizes, and how many of the published support sets per size, from the first.
        level: only tasks at this level of theory; None: all test tasks.
        seed: of the method's randomness.
        steps, batch: budget of adaptation.
        protocol: version of the rules.
        options: of the method.
        selector: who chose the support; None: the published draws.
        selected: family → ``K/draw`` → rows of its support pool, where a selector chose them.
    """

    split: SplitName
    split_version: Text40 = ""
    data_hash: Sha256
    level_of_theory: Text80 = ""
    protocol: Annotated[int, Field(ge=1, le=1000)] = 1
    ks: Annotated[list[Annotated[int, Field(ge=0, le=10**6)]], Field(min_length=1, max_length=100)]
    draws: Annotated[int, Field(ge=1, le=1000)]
    level: Text40 | None = None
    seed: Annotated[int, Field(ge=-(2**63), le=2**63)] = 0
    steps: Annotated[int, Field(ge=0, le=10**9)] = Budget().steps
    batch: Annotated[int, Field(ge=1, le=10**9)] = Budget().batch
    options: Annotated[dict[Text60, bool | int | float | Text200 | None], Field(max_length=50)] = Field(
        default_factory=dict
    )
    selector: Selector | None = None
    selected: (
        Annotated[
            dict[Name, Annotated[dict[Episode, Rows], Field(max_length=1000)]], Field(max_length=1000)
        ]
        | None
    ) = None

    @property
    def selected_rows(self) -> dict[tuple[str, int, int], list[int]]:
        """Episode (family, K, draw) → rows of the support pool."""
        found = {}
        for family, rows in (self.selected or {}).items():
            for name, text in rows.items():
                k, _, draw = name.partition("/")
                found[family, int(k), int(draw)] = [int(i) for i in text.split()]
        return found

    @property
    def budget(self) -> Budget:
        """What adaptation could spend."""
        return Budget(self.steps, self.batch)


class Card(_Part):
    """A submission's own account. Everything in it is declared; scores come from the predictions.

    Attributes:
        method: name shown on the board, e.g. ``maml``.
        implementation: the name that ``mfbench evaluate`` ran, where the two differ.
        track: budget of adaptation.
        arch, backend, parameters: of the model; None where there is none.
        weights_sha256: of the deposited ``weights.safetensors``, which ``mfbench verify --fresh`` runs.
        meta_gradients: configuration-gradients of all training before adaptation.
        derived_from: id of a submission whose weights or predictions this one shares.
        weights_from: id of the submission whose deposited weights this one ran.
        made_from: id of the submission, with predictions, that this compact one was made from.
        public_model: what it started from, if that is a model of other people.
        training: data the weights have seen.
        failures: every episode without predictions.
    """

    schema_: Annotated[int, Field(alias="schema", ge=1, le=1)] = 1
    method: Name
    implementation: Text200 | None = None
    description: Text2000 = ""
    authors: Annotated[list[Person], Field(max_length=60)] = Field(default_factory=list)
    contact: Text200 = ""
    paper: Link | None = None
    code: Link | None = None
    track: Track = Track.STANDARD
    arch: Text60 | None = None
    backend: Text60 | None = None
    parameters: Count | None = None
    weights_sha256: Sha256 | None = None
    meta_gradients: Count | None = None
    derived_from: Id | None = None
    weights_from: Id | None = None
    made_from: Id | None = None
    public_model: PublicModelOrigin | None = None
    training: Annotated[list[Training], Field(max_length=50)] = Field(default_factory=list)
    tuning: Tuning | None = None
    hardware: Hardware = Hardware()
    code_version: Text120 = ""
    timing_version: Annotated[int, Field(ge=1, le=1000)] = 1
    run: DeclaredRun
    costs: Annotated[list[Cost], Field(max_length=100)] = Field(default_factory=list)
    failures: Annotated[list[Failure], Field(max_length=5000)] = Field(default_factory=list)

    def reason(self, family: str, k: int, draw: int) -> str | None:
        """Why an episode has no predictions; None where the card does not say."""
        for row in self.failures:
            if row.family == family and row.k in (None, k) and row.draw in (None, draw):
                return row.reason
        return None


def read_card(data: bytes) -> Card:
    """Read ``submission.yaml``.

    Raises:
        SubmissionError: kind ``card``: not YAML, a key that does not exist, a value out of bounds; a line
            per field.
    """
    try:
        content = parse_yaml(data, "submission.yaml")
    except DataError as error:
        raise SubmissionError("card", str(error)) from None
    if not isinstance(content, dict):
        raise SubmissionError("card", "submission.yaml holds no mapping of keys to values")
    try:
        # As JSON: lax in what numbers look like, strict in what they are.
        return Card.model_validate(content, by_alias=True)
    except ValidationError as error:
        raise SubmissionError("card", f"submission.yaml: {lines_of(error, Card)}") from None


def write_card(card: Card) -> str:
    """The text of ``submission.yaml``."""
    return dump_yaml(card.model_dump(mode="json", by_alias=True, exclude_none=True))
