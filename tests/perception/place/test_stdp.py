import numpy as np
import pytest

from spikeloop.perception.place import stdp, stdp_clock
from spikeloop.perception.place.read_out import READ_OUTS, Record, hyperactive
from spikeloop.perception.place.stdp_config import StdpConfig

CONFIG = StdpConfig(neurons=40, epochs=8)
PLACES = 5


def blobs(noise: float, seed: int) -> np.ndarray:
    """Places whose pixels are light in a band of their own, (2, places, 784)."""
    random = np.random.default_rng(seed)
    light = np.full((2, PLACES, 784), 0.05, np.float32)
    for place in range(PLACES):
        light[:, place, 150 * place : 150 * place + 170] = 0.9
    return np.clip(light + noise * random.standard_normal(light.shape), 0, 1).astype(np.float32)


@pytest.fixture(scope="module")
def trained() -> stdp.StdpModule:
    return stdp.train_stdp(blobs(0.05, 0), CONFIG, 7)


@pytest.mark.parametrize("name", READ_OUTS)
def test_every_read_out_names_the_learned_places(trained: stdp.StdpModule, name: str) -> None:
    references = blobs(0.05, 0).reshape(-1, 784)
    record = Record.of(stdp.responses(trained, references, CONFIG, 1), PLACES)
    query = stdp.responses(trained, blobs(0.1, 3)[0], CONFIG, 2).astype(float)
    assert READ_OUTS[name](query, record).argmax(1).tolist() == list(range(PLACES))


def test_learning_keeps_sums_and_raises_thresholds(trained: stdp.StdpModule) -> None:
    assert trained.weights.min() >= 0.0 and trained.weights.max() <= 1.0
    assert trained.thresholds.min() >= stdp_clock.THETA_START - 0.01
    assert trained.thresholds.max() > stdp_clock.THETA_START + 1.0


def test_an_answer_learns_nothing_and_depends_on_its_picture_alone(
    trained: stdp.StdpModule,
) -> None:
    weights, thresholds = trained.weights.copy(), trained.thresholds.copy()
    first = stdp.responses(trained, blobs(0.0, 0)[0, :1], CONFIG, 5)
    np.testing.assert_array_equal(trained.weights, weights)
    np.testing.assert_array_equal(trained.thresholds, thresholds)
    np.testing.assert_array_equal(stdp.responses(trained, blobs(0.0, 0)[0, :1], CONFIG, 5), first)


@pytest.mark.parametrize("light", [0.0, 1e-38, 1e-20, 1e-10])
def test_a_dark_picture_makes_no_spike(trained: stdp.StdpModule, light: float) -> None:
    assert stdp.responses(trained, np.full((1, 784), light, np.float32), CONFIG, 0).sum() == 0


def test_a_neuron_cannot_fire_more_often_than_its_timer_lets_it() -> None:
    module = stdp.StdpModule.untrained(784, CONFIG, 0)
    counts = stdp.responses(module, np.ones((1, 784), np.float32), CONFIG, 0)
    assert 0 < counts.max() <= CONFIG.stimulus_ms // stdp_clock.TIMER_E + 1


def test_input_spikes_have_the_rate_of_their_pixels() -> None:
    rates = np.array([0.0, 0.5, 1.0], np.float32)
    spikes, ends = np.zeros(200_000, np.int32), np.zeros(1_000_001, np.int32)
    stdp_clock._input_spikes(rates, 1_000_000, 63.75 * 0.5e-3, spikes, ends)
    counts = np.bincount(spikes[: ends[-1]], minlength=3)
    assert counts[0] == 0
    np.testing.assert_allclose(counts[1:], [15937.5, 31875.0], rtol=0.02)
    assert (np.diff(ends) >= 0).all()


def test_the_read_outs_by_hand() -> None:
    counts = np.array([[4.0, 0.0, 2.0], [0.0, 3.0, 2.0]])
    record = Record.of(counts, 2)
    query = np.array([[2.0, 1.0, 0.0]])
    # Neurons 0 and 2 belong to the first place (a tie goes to the first), neuron 1 to the other.
    np.testing.assert_allclose(READ_OUTS["standard"](query, record), [[1.0, 1.0]])
    # Neuron 2 learned both places: half its count, half its share.
    np.testing.assert_allclose(
        READ_OUTS["weighted"](query, record), [[2.0 * 4.0 / 6.0, 1.0 * 3.0 / 5.0]]
    )
    np.testing.assert_allclose(READ_OUTS["probability"](query, record), [[0.5, 0.5]])


def test_hyperactive_neurons_answer_to_too_many_pictures() -> None:
    answers = np.array([[1, 0, 2], [3, 0, 0], [1, 0, 0]])
    assert hyperactive(answers, 3).tolist() == [True, False, False]
    assert hyperactive(answers, 1).tolist() == [True, False, True]


def test_a_step_that_delays_cannot_be_counted_in_is_refused() -> None:
    with pytest.raises(ValueError, match="dt_ms must divide"):
        StdpConfig(dt_ms=0.3)
