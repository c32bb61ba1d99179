"""Adapting a model to a support set: the recipe, and which weights move."""
