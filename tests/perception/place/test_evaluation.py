import numpy as np
import pytest

from spikeloop.perception.place.evaluation import (
    LENGTHS,
    Settings,
    Trial,
    averaged,
    key_figures,
    measure,
    measure_stdp,
    merged,
    table,
)
from spikeloop.perception.place.modular_stdp import train_stdp_network
from spikeloop.perception.place.pictures import intensities
from spikeloop.perception.place.routes import RouteError, load_route
from spikeloop.perception.place.scoring import places_away
from spikeloop.perception.place.stdp_config import StdpConfig

STDP = StdpConfig(neurons=20, module_places=6, epochs=2, dt_ms=1.0, stimulus_ms=60, rest_ms=20)


def trial(places: int, noise: float = 0.4) -> Trial:
    random = np.random.default_rng(places)
    scene = random.uniform(-1, 1, (places, 12, 12))

    def seen() -> np.ndarray:
        return np.clip(scene + noise * random.standard_normal(scene.shape), -1, 1).astype("f4")

    queries = {name: seen() for name in ("night", "rain", "winter")}
    away = dict.fromkeys(queries, places_away(np.arange(places), places))
    return Trial("x", np.stack([seen(), seen()]), queries, away)


def test_every_method_is_scored_and_the_figures_are_differences_of_recalls() -> None:
    settings = Settings(stdp=STDP, networks=2, stdp_networks=2, stdp_places=9)
    steps = []
    results = [
        merged(
            measure(trial(places), settings, steps.append),
            measure_stdp([trial(places)], settings, steps.append),
        )
        for places in (14, 16)
    ]
    assert sum(steps) == 2 * (settings.steps + settings.stdp_networks)
    assert set(results[0]) == {"night", "rain", "winter"}
    for method in ("sad", "seqslam", "hog", "ridge", "temporal_single", "stdp_weighted_ensemble"):
        assert set(results[0]["rain"][method]) == set(LENGTHS)
    mean = averaged(results)
    figures = key_figures(results)
    single = mean["winter"]["temporal_single"][1]["recall"][0]
    ensemble = mean["winter"]["temporal_ensemble"][1]["recall"][0]
    sad = mean["winter"]["sad"][1]["recall"][0]
    assert figures["ensemble_gain_winter"] == pytest.approx(ensemble - single)
    assert figures["winter_vs_sad_l1"] == pytest.approx(ensemble - sad)
    assert figures["worst_vs_sad_l4"] == min(figures["night_vs_sad_l4"], figures["rain_vs_sad_l4"])
    assert figures["stdp_calibration_gain"] > 0.0
    assert "| sad |" in table(results)
    # Of 3 glances at 144 inputs with at most as many features, in 2 networks.
    assert 0 < figures["spikes_per_picture"] < 2 * 3 * 2 * 144


def test_the_spread_is_over_routes() -> None:
    def one(recall: float) -> dict:
        return {"rain": {"sad": {1: {"recall": recall}}}}

    assert averaged([one(40.0), one(60.0)])["rain"]["sad"][1]["recall"] == (50.0, 14.1421)
    assert averaged([one(40.0)])["rain"]["sad"][1]["recall"] == (40.0, 0.0)


def test_silenced_neurons_never_answer() -> None:
    inputs = intensities(trial(12).references)
    quiet = train_stdp_network(inputs, StdpConfig(**{**vars(STDP), "hyperactive": 1e-6}), 0)
    loud = quiet.record.any(0)
    assert quiet.bounds == (0, 6, 12) and quiet.loud.tolist() == loud.tolist() and loud.any()
    assert not quiet.answers(inputs[0]).any(0)[loud].any()
    assert quiet.unit("standard") < 1e-9


def test_networks_are_compared_in_deviations_over_their_records() -> None:
    network = train_stdp_network(intensities(trial(12).references), STDP, 0)
    for read_out in ("standard", "probability", "weighted", "calibrated"):
        over_the_record = network.scores(network.record, read_out) / network.unit(read_out)
        assert over_the_record.std() == pytest.approx(1.0)
    # Its scores are in deviations already.
    assert network.unit("calibrated") == pytest.approx(1.0, abs=0.05)


def test_a_neuron_is_assigned_to_places_of_its_region_only() -> None:
    network = train_stdp_network(intensities(trial(12).references), STDP, 0)
    answers = np.zeros((1, 2 * STDP.neurons), np.int32)
    answers[:, : STDP.neurons] = 1
    for read_out in ("standard", "weighted", "probability"):
        scores = network.scores(answers, read_out)[0]
        assert scores.shape == (12,) and scores[:6].any() and not scores[6:].any()


def test_a_condition_that_no_world_has_is_told(tmp_path) -> None:
    with pytest.raises(RouteError, match="fog"):
        load_route(500_001, 140, ["fog"], tmp_path)
