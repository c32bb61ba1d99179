"""The registry of constructions says what the committed recipes make."""

from pathlib import Path

import typer
import yaml

from mfbench.cli import data
from mfbench_tasks.constructions.arrangements.registry import ARRANGEMENTS
from mfbench_tasks.constructions.entry import MadeBy
from mfbench_tasks.constructions.registry import CONSTRUCTIONS
from mfbench_tasks.pool.recipe import load_pool_recipe

RECIPES = Path(__file__).parents[2] / "tasks" / "recipes"


def test_every_construction_of_a_committed_recipe_has_an_entry_and_no_entry_lacks_a_recipe():
    made = {}
    for path in RECIPES.glob("*.yaml"):
        recipe = yaml.safe_load(path.read_text())
        names = (
            [c["name"] for c in recipe["constructions"]] if "constructions" in recipe else [recipe["name"]]
        )
        made |= dict.fromkeys(names, path.name)
    assert {entry.name: entry.recipe for entry in CONSTRUCTIONS.values()} == made


def test_an_entry_names_the_commands_that_make_it():
    assert CONSTRUCTIONS["reaction"].commands == ["mfbench data reaction tasks/recipes/reaction.yaml"]
    for entry in CONSTRUCTIONS.values():
        pooled = "constructions" in yaml.safe_load((RECIPES / entry.recipe).read_text())
        assert (entry.made_by == MadeBy.POOL) == pooled


def test_the_commands_that_entries_name_are_there():
    app = typer.Typer()
    data.register(app)
    there = set(typer.main.get_command(app).commands["data"].commands)
    wanted = {name for entry in CONSTRUCTIONS.values() for name in entry.made_by.split(", ")}
    assert wanted - there <= {"levels"}  # whose command is still to come


def test_every_construction_of_a_pool_has_an_arrangement():
    for path in ("pool.yaml", "million.yaml"):
        for construction in load_pool_recipe(RECIPES / path).constructions:
            assert construction.kind in ARRANGEMENTS
            assert construction.source
