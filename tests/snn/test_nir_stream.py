"""NIR files fed number by number: the known spikes, encodings, the engine, and what doesn't fit."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import h5py
import nir
import numpy as np
import pytest
import torch

from spikeloop import snn
from spikeloop.snn.interchange.nir_file import NIRError, read_nir
from spikeloop.snn.interchange.streaming import NirStream

FILES = Path(__file__).parents[1] / "data" / "nir"
torch.set_num_threads(1)


@pytest.mark.parametrize("engine", [False, True])
def test_the_lif_fires_at_the_known_steps(engine):
    stream = NirStream(FILES / "lif_norse.nir", 1e-4, engine=engine)
    x, _, _ = np.loadtxt(FILES / "lif_norse.csv", delimiter=",").T
    fired = [k for k, value in enumerate(x) if stream.feed([value]).spikes]
    assert fired == [460, 510, 710, 760]
    stream.reset()
    assert [k for k, value in enumerate(x[:500]) if stream.feed([value]).spikes] == [460]


def test_several_steps_an_input_are_those_of_the_network():
    stream = NirStream(FILES / "braille_noDelay_noBias_subtract.nir", 1e-4, "soft", steps=25)
    network = read_nir(FILES / "braille_noDelay_noBias_subtract.nir", 1e-4, "soft")
    values = np.linspace(0, 3000, *stream.input_shape).astype(np.float32)
    with torch.no_grad():
        wanted = snn.run(network, torch.from_numpy(values).repeat(25, 1, 1)).float()
    answer = stream.feed(values)
    assert np.allclose(answer.output, wanted.mean(0)[0]) and answer.output.shape == (7,)
    assert np.array_equal(answer.last, wanted[-1, 0].numpy())
    assert stream.sizes == [40, 7]
    assert set(answer.fired) <= set(range(47))
    of_output = answer.fired[answer.fired >= 40] - 40
    assert of_output.tolist() == np.flatnonzero(answer.output).tolist()


def test_encodings():
    path = FILES / "braille_noDelay_noBias_subtract.nir"
    signs = NirStream(path, 1e-4, "soft", encoding="signs")
    whole = NirStream(path, 1e-4, "soft")
    assert signs.input_shape == (whole.input_shape[0] // 2,)
    values = np.linspace(-1, 1, *signs.input_shape)
    both = np.concatenate([np.maximum(values, 0), np.maximum(-values, 0)])
    for _ in range(20):
        assert np.array_equal(signs.feed(values).last, whole.feed(both).last)
    rate = NirStream(path, 1e-4, "soft", steps=200, encoding="rate")
    ones, none = np.ones(rate.input_shape), np.zeros(rate.input_shape)
    direct = NirStream(path, 1e-4, "soft", steps=200)
    assert np.array_equal(rate.feed(ones).output, direct.feed(ones).output)
    rate.reset()
    first = rate.feed(0.5 * ones).output
    rate.reset()
    assert np.array_equal(rate.feed(0.5 * ones).output, first)
    rate.reset()
    assert rate.feed(none).spikes == 0


def test_what_does_not_fit_is_named():
    stream = NirStream(FILES / "braille_noDelay_noBias_subtract.nir", 1e-4, "soft")
    with pytest.raises(NIRError, match=r"braille.*takes an input of shape \(12,\), not \(3,\)"):
        stream.feed([1, 2, 3])
    with pytest.raises(NIRError, match="did you mean 'signs'"):
        NirStream(FILES / "lif_norse.nir", 1e-4, encoding="sings")
    with pytest.raises(NIRError, match="an even first size"):
        NirStream(FILES / "lif_norse.nir", 1e-4, encoding="signs")
    with pytest.raises(NIRError, match=r"no\.nir"):
        NirStream("no.nir", 1e-4)


def _chain(path, **layers):
    """A file of layers that follow one another, said to take 3 numbers and to give 7."""
    nodes = {"in": nir.Input(np.array([3])), **layers, "out": nir.Output(np.array([7]))}
    edges = list(pairwise(nodes))
    nir.write(path, nir.NIRGraph(nodes, edges, metadata={"dt": 1e-3}, type_check=False))
    return path


@pytest.mark.parametrize("engine", [False, True])
@pytest.mark.parametrize(
    ("layers", "why"),
    [
        ({"fc": nir.Linear(np.ones((2, 5), np.float32))}, "shapes cannot be multiplied"),
        (
            {"fc": nir.Linear(np.ones((2, 3), np.float32)), "i": nir.I(np.ones(4, np.float32))},
            "layer 'i': r has shape",
        ),
        ({"flat": nir.Flatten({"input": np.array([3])}, 3, -1)}, "Dimension out of range"),
    ],
)
def test_layers_that_do_not_fit_one_another_are_refused_with_the_file(
    layers, why, engine, tmp_path
):
    path = _chain(tmp_path / "wrong.nir", **layers)
    with pytest.raises(NIRError, match=rf"wrong\.nir: its network can't run: .*{why}"):
        NirStream(path, engine=engine)


def test_the_shape_of_the_output_is_what_the_network_gives(tmp_path):
    weights = nir.Linear(np.ones((2, 3), np.float32))
    stream = NirStream(_chain(tmp_path / "boast.nir", fc=weights))
    assert stream.output_shape == stream.feed([1, 2, 3]).output.shape == (2,)


@pytest.mark.parametrize("engine", [False, True])
def test_a_layer_that_nothing_reaches_is_no_layer_that_fires(engine, tmp_path):
    one = np.ones(2, np.float32)
    lif = {"tau": one, "r": one, "v_leak": 0 * one, "v_threshold": 1e-6 * one, "v_reset": 0 * one}
    path = _chain(
        tmp_path / "lost.nir",
        fc=nir.Linear(np.ones((2, 3), np.float32)),
        lif=nir.LIF(**lif),
        lost=nir.LIF(**lif),
    )
    with h5py.File(path, "r+") as file:
        del file["node/edges"]
        file["node/edges"] = [("in", "fc"), ("fc", "lif"), ("lif", "out")]
    stream = NirStream(path, engine=engine)
    assert stream.layers == ["lif"]
    assert stream.feed([1, 2, 3]).spikes == 2 and stream.sizes == [2]
