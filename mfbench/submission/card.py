"""``submission.yaml``: what a submission says about itself. Unknown keys are refused.

Text is shown to others, so it is bounded and holds no control characters; links are http or https.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from mfbench.data.printable_text import UNPRINTABLE
from mfbench.data.strict_yaml import dump_yaml, parse_yaml
from mfbench.errors import DataError, SubmissionError
from mfbench.protocol.protocol import Budget, Selector, Track

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

_CONTROL = re.compile(f"[{UNPRINTABLE}]")


def _printable(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("control characters are not allowed")
    return text


def _limits(longest: int, pattern: str | None = None, shortest: int = 0) -> StringConstraints:
    return StringConstraints(
        strip_whitespace=True, min_length=shortest, max_length=longest, pattern=pattern
    )


_PRINTABLE = AfterValidator(_printable)
_Name = Annotated[str, _limits(80, shortest=1), _PRINTABLE]
_SplitName = Annotated[str, _limits(60, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$"), _PRINTABLE]
_Link = Annotated[str, _limits(300, pattern=r"^https?://[A-Za-z0-9][^\s<>\"'`\\]*$"), _PRINTABLE]
_Sha256 = Annotated[str, _limits(64, pattern=r"^[0-9a-f]{64}$"), _PRINTABLE]
_Id = Annotated[str, _limits(120, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$"), _PRINTABLE]
_Person = Annotated[str, _limits(120, shortest=1), _PRINTABLE]
_Reason = Annotated[str, _limits(400, shortest=3), _PRINTABLE]
_Text40 = Annotated[str, _limits(40), _PRINTABLE]
_Text60 = Annotated[str, _limits(60), _PRINTABLE]
_Text80 = Annotated[str, _limits(80), _PRINTABLE]
_Text120 = Annotated[str, _limits(120), _PRINTABLE]
_Text200 = Annotated[str, _limits(200), _PRINTABLE]
_Text500 = Annotated[str, _limits(500), _PRINTABLE]
_Text2000 = Annotated[str, _limits(2000), _PRINTABLE]
_Episode = Annotated[str, _limits(20, pattern=r"^(0|[1-9]\d*)/(0|[1-9]\d*)$"), _PRINTABLE]
_Rows = Annotated[str, _limits(40_000, pattern=r"^\d+( \d+)*$"), _PRINTABLE]
_Count = Annotated[int, Field(ge=0, le=10**15)]
_Seconds = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]


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

    name: _Name
    data_hash: _Sha256 | None = None
    configurations: _Count | None = None
    note: _Text500 = ""


class Tuning(_Part):
    """How settings were chosen: trials, and the families they were made on (``validation``)."""

    trials: _Count
    families: _Text80 = "validation"
    note: _Text500 = ""


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

    name: _Name
    elements: Annotated[list[Annotated[int, Field(ge=1, le=118)]], Field(max_length=118)] = Field(
        default_factory=list
    )
    charges: bool = False
    spins: bool | None = None
    level: _Text80 = ""
    licence: _Text80 = ""
    citation: _Text200 = ""


class Hardware(_Part):
    """Where it ran."""

    processor: _Text120 = ""
    cores: _Count | None = None
    memory_bytes: _Count | None = None
    accelerator: _Text120 = ""


class Cost(_Part):
    """Declared of the episodes at K labels: median costs (seconds, bytes), and the share of trajectories of
    ``dynamics_ps`` (300 K) that stayed whole."""

    k: _Count
    adapt_seconds: _Seconds | None = None
    predict_seconds: _Seconds | None = None
    compile_seconds: _Seconds | None = None
    gradient_evaluations: _Count | None = None
    peak_memory_bytes: _Count | None = None
    stable_share: Annotated[float, Field(ge=0, le=1)] | None = None
    dynamics_ps: Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)] | None = None


class Failure(_Part):
    """Episodes without predictions, and why. ``k`` or ``draw`` None: all of them."""

    family: _Name
    k: _Count | None = None
    draw: _Count | None = None
    reason: _Reason


class DeclaredRun(_Part):
    """What was run, as the card says it: which data, which episodes, which budget.

    Attributes:
        split, split_version, data_hash, level_of_theory: the data.
        ks, draws: support sizes, and how many of the published support sets per size, from the first.
        seed: of the method's randomness.
        steps, batch: budget of adaptation.
        protocol: version of the rules.
        options: of the method.
        selector: who chose the support; None: the published draws.
        selected: family → ``K/draw`` → rows of its support pool, where a selector chose them.
    """

    split: _SplitName
    split_version: _Text40 = ""
    data_hash: _Sha256
    level_of_theory: _Text80 = ""
    protocol: Annotated[int, Field(ge=1, le=1000)] = 1
    ks: Annotated[list[Annotated[int, Field(ge=0, le=10**6)]], Field(min_length=1, max_length=100)]
    draws: Annotated[int, Field(ge=1, le=1000)]
    seed: Annotated[int, Field(ge=-(2**63), le=2**63)] = 0
    steps: Annotated[int, Field(ge=0, le=10**9)] = Budget().steps
    batch: Annotated[int, Field(ge=1, le=10**9)] = Budget().batch
    options: Annotated[dict[_Text60, bool | int | float | _Text200 | None], Field(max_length=50)] = Field(
        default_factory=dict
    )
    selector: Selector | None = None
    selected: (
        Annotated[
            dict[_Name, Annotated[dict[_Episode, _Rows], Field(max_length=1000)]], Field(max_length=1000)
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
    method: _Name
    implementation: _Text200 | None = None
    description: _Text2000 = ""
    authors: Annotated[list[_Person], Field(max_length=60)] = Field(default_factory=list)
    contact: _Text200 = ""
    paper: _Link | None = None
    code: _Link | None = None
    track: Track = Track.STANDARD
    arch: _Text60 | None = None
    backend: _Text60 | None = None
    parameters: _Count | None = None
    weights_sha256: _Sha256 | None = None
    meta_gradients: _Count | None = None
    derived_from: _Id | None = None
    weights_from: _Id | None = None
    made_from: _Id | None = None
    public_model: PublicModelOrigin | None = None
    training: Annotated[list[Training], Field(max_length=50)] = Field(default_factory=list)
    tuning: Tuning | None = None
    hardware: Hardware = Hardware()
    code_version: _Text120 = ""
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
        SubmissionError: kind ``card``: not YAML, a key that does not exist, a value out of bounds.
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
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part)[:60] for part in first["loc"])
        raise SubmissionError("card", f"submission.yaml: {place}: {first['msg']}"[:300]) from None


def write_card(card: Card) -> str:
    """The text of ``submission.yaml``."""
    return dump_yaml(card.model_dump(mode="json", by_alias=True, exclude_none=True))
