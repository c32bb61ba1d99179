"""The list of public models: what is installed, what is missing, how to get it."""

import pytest

from mfbench.cli import main
from mfbench.methods.public_models import PUBLIC_MODELS, ModelCard, PublicModel
from mfbench.protocol.catalogue import METHODS


def shown(capsys):
    assert main(["methods", "--models"]) == 0
    return " ".join(capsys.readouterr().out.split())


def test_every_family_is_a_method():
    assert {model.name for model in PUBLIC_MODELS} <= set(METHODS.names())


def test_the_list_says_what_a_model_is(capsys):
    said = shown(capsys)
    assert "H C N O F P S Cl" in said
    assert "PBE0+MBD" in said
    assert "529,852" in said


def test_a_missing_package_is_named_with_the_command_that_brings_it(capsys):
    model = PublicModel(
        "nowhere",
        "a model",
        ModelCard("Nowhere"),
        modules=("no_such_module",),
        install="pip install nowhere",
    )
    PUBLIC_MODELS.add(model)
    try:
        said = shown(capsys)
    finally:
        PUBLIC_MODELS.remove("nowhere")
    assert "missing: no_such_module" in said
    assert "pip install nowhere" in said


@pytest.mark.parametrize("model", list(PUBLIC_MODELS), ids=lambda m: m.name)
def test_what_needs_a_package_says_how_to_get_it(model):
    assert bool(model.modules) == bool(model.install)
    assert model.weights
