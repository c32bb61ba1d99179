"""What the board says of each reference method."""

from __future__ import annotations

__all__ = ["AUTHORS", "description"]

AUTHORS = ["the mfbench developers"]
_ARCHITECTURES = {"mace": "MACE", "nequip": "NequIP", "allegro": "Allegro"}
_METHODS = {
    "constant": "Energy baseline and closed-form offsets, zero forces: the line to beat.",
    "scratch": "{arch}, random weights trained on the support alone until they stop improving.",
    "offset": "Pre-trained {arch}; only energy offsets are solved from the support, in closed form.",
    "ridge": "Pre-trained {arch}, frozen; energies and forces regressed in closed form on its features.",
    "pretrain": "{arch}, joint training over all meta-train families, then {steps} steps of fine-tuning.",
    "maml": "{arch}, second-order MAML from a joint start, then {steps} steps.",
    "maml++": "{arch}, MAML++ (learned rates, multi-step loss, annealed order) from a joint start.",
    "anil": "{arch}, second-order MAML whose inner loop moves the readouts alone.",
    "fomaml": "{arch}, first-order MAML from a joint start, then {steps} steps.",
    "reptile": "{arch}, Reptile from a joint start, then {steps} steps.",
    "multihead": "{arch}, joint training with a readout per level of theory, then {steps} steps.",
    "gfn2-bond-terms": "GFN2-xTB at prediction; bond and 1-3 terms from the support, closed form.",
    "gfn2": "GFN2-xTB at prediction, with the closed-form energy correction.",
    "so3lr": "SO3LR, a public model, with the closed-form energy correction.",
}


def description(method: str, arch: str, steps: int) -> str:
    """One sentence on a method; empty for one that is not described here."""
    return _METHODS.get(method, "").format(arch=_ARCHITECTURES.get(arch, arch), steps=f"{steps:,}")
