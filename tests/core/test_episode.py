"""Episodes: published draws, subsets, blind queries."""

import numpy as np
import pytest

from mfbench.data.configuration import Configuration
from mfbench.errors import ProtocolError
from mfbench.protocol.episode import check_request, draw_episode


def ids(episode):
    return [c.config_id for c in episode.support]


def test_draws_are_nested_and_differ(split):
    task = split.test[0]
    large, small = draw_episode(split, task, 10, 1), draw_episode(split, task, 5, 1)
    assert ids(large)[:5] == ids(small)
    assert len(set(ids(large))) == 10
    assert set(ids(draw_episode(split, task, 5, 0))) != set(ids(small))


def test_support_and_query_share_no_trajectory(split):
    for task in split.tasks:
        episode = draw_episode(split, task, 10, 0)
        support = {c.trajectory_id for c in task.support}
        assert not support & {c.trajectory_id for c in episode.query}


def test_strata(split):
    task = split.test[0]
    episode = draw_episode(split, task, 10, 0)
    in_support = {c.fragment_id for c in episode.support}
    assert in_support == {f"{task.family_id}-a", f"{task.family_id}-b"}
    by_name = {name: set(episode.fragments[mask]) for name, mask in episode.subsets.items()}
    assert by_name["seen"] == in_support
    assert by_name["unseen"] == {f"{task.family_id}-c"}
    # "CCC" is the first fragment of every family, train included; the other two are new words.
    assert by_name["novel"] == {f"{task.family_id}-b", f"{task.family_id}-c"}
    assert by_name["all"] == by_name["seen"] | by_name["unseen"]


def test_nothing_is_seen_at_zero_labels(split):
    episode = draw_episode(split, split.test[0], 0, 0)
    assert episode.support == ()
    assert not episode.subsets["seen"].any()
    assert episode.subsets["unseen"].all()


def test_a_graph_counts_as_seen_whichever_fragment_showed_it(split):
    own, other = split.test[:2]
    episode = draw_episode(split, own, 10, 0, support_of=other)
    assert {c.fragment_id for c in episode.support} == {f"{other.family_id}-a", f"{other.family_id}-b"}
    assert {c.fragment_id for c in episode.query} == set(own.graphs)
    assert set(episode.fragments[episode.subsets["seen"]]) == {f"{own.family_id}-a"}


@pytest.mark.parametrize("k", [-1, 11])
def test_k_outside_the_published_draws(split, k):
    with pytest.raises(ProtocolError, match=f"K = {k} is not possible.*between 0 and 10"):
        check_request(split.test, [k], 1)


def test_draws_that_are_not_published(split):
    with pytest.raises(ProtocolError, match="4 draws are not published: choose 1 to 3"):
        check_request(split.test, [5], 4)


@pytest.mark.parametrize(
    "name", ["energy", "forces", "config_id", "fragment_id", "trajectory_id", "temperature_K", "sampler"]
)
def test_a_blind_configuration_hides_labels_and_names(split, name):
    labelled = split.test[0].query[0]
    blind = labelled.blind()
    with pytest.raises(ProtocolError, match=f"no '{name}'"):
        getattr(blind, name)
    assert getattr(labelled, name) is not None
    assert vars(blind)[name] != getattr(labelled, name) if name != "forces" else vars(blind)[name] is None


def test_a_blind_configuration_shows_the_molecule(split):
    labelled = split.test[0].query[0]
    blind = labelled.blind()
    assert isinstance(blind, Configuration)
    assert np.array_equal(blind.positions, labelled.positions)
    assert np.array_equal(blind.atomic_numbers, labelled.atomic_numbers)
    assert (blind.total_charge, blind.n_unpaired, len(blind)) == (0, 0, len(labelled))
