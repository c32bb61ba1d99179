"""NequIP and Allegro learn by MAML and by pre-training in both backends, which read checkpoints alike."""

import pytest

pytestmark = pytest.mark.usefixtures("short_compilations")


@pytest.mark.parametrize("method", ["pretrain", "maml"])
@pytest.mark.parametrize("arch", ["nequip", "allegro"])
def test_a_few_steps_lower_the_validation_error(train, assert_learned, assert_backends_agree, arch, method):
    path = train(arch, method)
    assert_learned(path)
    assert_backends_agree(path, arch, method)
