"""The methods and the backends. A new method is one entry here, and one file that makes it.

A method outside of this package needs no entry: ``module:Class``, or an entry point ``mfbench.methods`` of
an installed package, which names a factory or a ``MethodSpec``.
"""

from __future__ import annotations

from mfbench.protocol.named_entries import Registry
from mfbench.protocol.specs import BackendSpec, Cost, MethodSpec

__all__ = ["BACKENDS", "METHODS", "reference_lines", "start_of", "trained_methods"]

BACKENDS: Registry[BackendSpec] = Registry(
    "backend",
    [
        BackendSpec(
            "jax",
            "JAX, compiled; the fastest on CPUs",
            frozenset({"jax", "optax", "safetensors"}),
            "mfbench_jax.train:train_by_name",
            "mfbench_jax.engine:ENGINE",
        ),
        BackendSpec(
            "torch",
            "PyTorch; also fine-tunes mace-torch models",
            frozenset({"torch", "e3nn", "mace", "safetensors"}),
            "mfbench_torch.train:train_by_name",
            "mfbench_torch.engine:ENGINE",
        ),
    ],
)

_BOTH = ("jax", "torch")
METHODS: Registry[MethodSpec] = Registry(
    "method",
    [
        MethodSpec(
            "constant",
            "energy baseline and offsets, zero forces: the line to beat",
            "mfbench.methods.constant:constant",
            cost=Cost.CLOSED_FORM,
            reference=True,
        ),
        MethodSpec(
            "random",
            "constant plus noise as wide as the labels",
            "mfbench.methods.constant:random",
            cost=Cost.CLOSED_FORM,
            reference=True,
        ),
        *(
            MethodSpec(
                name,
                f"{level}-xTB used as a method{more} (--track open)",
                f"mfbench_tasks.levels.rivals:{name.replace('-', '_')}",
                cost=Cost.CLOSED_FORM,
                open_only=True,
            )
            for name, level, more in (
                ("gfn1", "GFN1", ""),
                ("gfn2", "GFN2", ""),
                ("gfn1-bond-terms", "GFN1", ", forces corrected by bond and 1-3 terms"),
                ("gfn2-bond-terms", "GFN2", ", forces corrected by bond and 1-3 terms"),
            )
        ),
        MethodSpec(
            "offset",
            "pre-trained model, offsets in closed form, no gradient step",
            "mfbench_{backend}.methods:offset",
            _BOTH,
            starts_from="pretrain",
            cost=Cost.CLOSED_FORM,
        ),
        MethodSpec(
            "ridge",
            "the same network, frozen, and a head on its features in closed form",
            "mfbench_{backend}.methods:ridge",
            _BOTH,
            starts_from="pretrain",
            cost=Cost.CLOSED_FORM,
        ),
        MethodSpec(
            "ridge-prior",
            "the same head, shrunk towards those of the train tasks",
            "mfbench_{backend}.methods:ridge_prior",
            _BOTH,
            starts_from="pretrain",
            cost=Cost.CLOSED_FORM,
        ),
        MethodSpec(
            "laplace",
            "the same head as a Gaussian, its strength by the evidence, with uncertainties",
            "mfbench_{backend}.methods:laplace",
            _BOTH,
            starts_from="pretrain",
            cost=Cost.CLOSED_FORM,
        ),
        MethodSpec(
            "scratch",
            "trained on the K labels alone, up to 2,000 steps",
            "mfbench_{backend}.methods:scratch",
            _BOTH,
            cost=Cost.OWN,
            recipes=True,
        ),
        MethodSpec(
            "pretrain",
            "joint training on all meta-train families, then fine-tuning",
            "mfbench_{backend}.methods:pretrain",
            _BOTH,
            trained=True,
            recipes=True,
        ),
        MethodSpec(
            "multihead",
            "joint training with a readout per level; a new task starts from the best of them",
            "mfbench_{backend}.methods:multihead",
            _BOTH,
            trained=True,
            recipes=True,
        ),
        MethodSpec(
            "cavia",
            "joint training with a context vector per level, which alone is fitted to the K labels",
            "mfbench_{backend}.methods:cavia",
            _BOTH,
            trained=True,
            recipes=True,
        ),
        MethodSpec(
            "delta",
            "pretrain on what GFN2 leaves, with GFN2 at prediction (--track open)",
            "mfbench_{backend}.methods:delta",
            _BOTH,
            trained=True,
            recipes=True,
            open_only=True,
        ),
        MethodSpec(
            "finetune",
            "any mace-torch .model, fine-tuned on the K labels (--backend torch --model PATH)",
            "mfbench_{backend}.foreign.methods:finetune",
            ("torch",),
            recipes=True,
        ),
        MethodSpec(
            "so3lr",
            "SO3LR as it is, or fine-tuned (--option strategy=full, head, frozen, lora, replay, delta)",
            "mfbench_torch.foreign.methods:so3lr",
            recipes=True,
        ),
        MethodSpec(
            "ani",
            "ANI with weights from a file, as it is or fine-tuned (--model PATH --option model=ani2x)",
            "mfbench_torch.foreign.methods:ani",
            recipes=True,
        ),
        MethodSpec(
            "torch-module",
            "any PyTorch module with energies, as it is or fine-tuned (--model module:make)",
            "mfbench_torch.foreign.methods:torch_module",
            recipes=True,
        ),
        MethodSpec(
            "ase",
            "any ASE calculator as it is (--option calculator=module:Class)",
            "mfbench.methods.ase:ase",
            cost=Cost.CLOSED_FORM,
        ),
        MethodSpec(
            "mmff94",
            "a classical force field as it is (MMFF94, through RDKit)",
            "mfbench.methods.mmff94:mmff94",
            cost=Cost.CLOSED_FORM,
        ),
        MethodSpec(
            "maml",
            "model-agnostic meta-learning, second order",
            "mfbench_{backend}.methods:maml",
            _BOTH,
            trained=True,
            recipes=True,
        ),
        MethodSpec(
            "maml++",
            "with learned step sizes, multi-step loss and annealed order",
            "mfbench_{backend}.methods:maml_pp",
            _BOTH,
            trained=True,
            recipes=True,
        ),
        MethodSpec(
            "anil",
            "moving the head alone in the inner loop",
            "mfbench_{backend}.methods:anil",
            _BOTH,
            trained=True,
            recipes=True,
        ),
        MethodSpec(
            "fomaml",
            "first-order approximation of maml",
            "mfbench_{backend}.methods:fomaml",
            _BOTH,
            trained=True,
            recipes=True,
        ),
        MethodSpec(
            "reptile",
            "first-order meta-learning by moving towards adapted weights",
            "mfbench_{backend}.methods:reptile",
            _BOTH,
            trained=True,
            recipes=True,
        ),
    ],
    group="mfbench.methods",
)


def trained_methods() -> tuple[str, ...]:
    """Methods whose initialisation ``mfbench train`` makes."""
    return tuple(spec.name for spec in METHODS if spec.trained)


def reference_lines() -> tuple[str, ...]:
    """Methods that are shown beside the others and never ranked."""
    return tuple(spec.name for spec in METHODS if spec.reference)


def start_of(name: str) -> str:
    """The method whose trained initialisation a method uses: mostly its own."""
    spec = METHODS.find(name)
    return spec.starts_from or name if spec else name
