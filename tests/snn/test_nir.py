"""NIR files: the known spikes, nothing lost there and back, other libraries, bad files."""

import os
from pathlib import Path

import h5py
import nir
import numpy as np
import pytest
import snntorch
import torch
from snntorch.export_nir import export_to_nir
from snntorch.import_nir import import_from_nir
from torch import nn

from spikeloop import snn
from spikeloop.snn.graph import GraphError, GraphNetwork
from spikeloop.snn.interchange.nir_file import NIRError, graph_of, network_of, read_nir, write_nir
from spikeloop.snn.layers.elementwise import Scale, Threshold
from spikeloop.snn.layers.fixed_delay import Delay
from spikeloop.snn.layers.recurrent import Recurrent

FILES = Path(__file__).parents[1] / "data" / "nir"
DT = 1e-4
CASES = {
    "lif_norse": (1e-4, "hard"),
    "two_lif_neurons": (1e-3, "hard"),
    "cnn_sinabs": (1.0, "soft"),
    "braille_noDelay_noBias_subtract": (1e-4, "soft"),
}


def read(name, folder=FILES, **kwargs):
    dt, reset = CASES[name]
    return read_nir(folder / f"{name}.nir", dt, reset, **kwargs)


def random_spikes(network, steps=60, batch=2, rate=0.3):
    torch.manual_seed(1)
    return (torch.rand(steps, batch, *network.input_shape) < rate).float()


def arrays(path):
    found = {}

    def note(name, item):
        if isinstance(item, h5py.Dataset):
            found[name] = item[()]

    with h5py.File(path) as file:
        file["node"].visititems(note)
    return found


def test_the_lif_fires_when_every_simulator_says():
    network = read_nir(FILES / "lif_norse.nir", dt=1e-4)
    for name in ("lif_norse", "lif_exact", "lif_snntorch"):
        x, _, fired = np.loadtxt(FILES / f"{name}.csv", delimiter=",").T
        snn.reset(network)
        spikes = snn.run(network, torch.tensor(x, dtype=torch.float32).view(-1, 1, 1))
        assert np.flatnonzero(spikes.detach()).tolist() == [460, 510, 710, 760]
        assert np.flatnonzero(fired).tolist() == [460, 510, 710, 760]


def test_the_driven_neuron_fires_at_its_closed_form():
    network = read_nir(FILES / "two_lif_neurons.nir", dt=1e-5)
    zeros = torch.zeros(3000, 1, 1, dtype=torch.float64)
    spikes = []
    network.layer("lif1").register_forward_hook(lambda _m, _x, y: spikes.append(float(y)))
    with torch.no_grad():
        assert not snn.run(network, zeros).any()
    # tau ln(v_leak / (v_leak - threshold)) = 17.92 ms, by Euler's smaller steps a little less.
    times = np.flatnonzero(spikes)
    assert times[0] * 1e-5 == pytest.approx(0.01 * np.log(1.2 / 0.2), rel=2e-3)


@pytest.mark.parametrize("name", list(CASES))
def test_read_write_read_changes_no_array_and_no_spike(name, tmp_path):
    network = read(name)
    write_nir(network, tmp_path / f"{name}.nir")
    before, after = arrays(FILES / f"{name}.nir"), arrays(tmp_path / f"{name}.nir")
    graph = nir.read(FILES / f"{name}.nir")
    kept = nir.read(tmp_path / f"{name}.nir")
    assert {tuple(edge) for edge in kept.edges} == {tuple(edge) for edge in graph.edges}
    for node in graph.nodes:
        assert type(kept.nodes[node]) is type(graph.nodes[node])
    for key, value in before.items():
        if "edges" in key or key.endswith(("input_type", "output_type")):
            continue
        assert np.array_equal(after[key], value), key
        assert np.asarray(after[key]).dtype == np.asarray(value).dtype, key
    again = read_nir(tmp_path / f"{name}.nir")
    assert again.dt == CASES[name][0]
    x = random_spikes(network)
    with torch.no_grad():
        y = snn.run(network, x)
        assert torch.equal(snn.run(again, x), y)


@pytest.mark.parametrize("name", ["cnn_sinabs", "braille_noDelay_noBias_subtract"])
def test_real_networks_run_and_reset(name):
    network = read(name)
    x = random_spikes(network)
    with torch.no_grad():
        y = snn.run(network, x)
        snn.reset(network)
        streamed = torch.stack([network(one) for one in x])
    assert torch.equal(y, streamed)
    assert set(y.unique().tolist()) == {0.0, 1.0}
    snn.reset(network)
    assert snn.state_of(network) == {}


def test_recurrence_is_computed_as_by_hand():
    network = read("braille_noDelay_noBias_subtract")
    x = random_spikes(network, batch=1)
    w = {name: network.layer(name).weight.detach() for name in ("fc1", "lif1.w_rec", "fc2")}
    # dt/tau_syn w_in = 1 and dt/tau_mem r = 1 in this file.
    keep = {n: 1 - DT / np.unique(network.layer(n).tau.numpy())[0] for n in ("lif1.lif", "lif2")}
    keep_syn = {n: 1 - DT / np.unique(network.layer(n).tau_syn.numpy())[0] for n in keep}
    i1 = v1 = s1 = torch.zeros(1, 40)
    i2 = v2 = torch.zeros(1, 7)
    differing = 0
    with torch.no_grad():
        for one in x:
            i1 = keep_syn["lif1.lif"] * i1 + one @ w["fc1"].T + s1 @ w["lif1.w_rec"].T
            v1 = keep["lif1.lif"] * v1 + i1
            s1 = (v1 >= 1).float()
            v1 = v1 - s1
            i2 = keep_syn["lif2"] * i2 + s1 @ w["fc2"].T
            v2 = keep["lif2"] * v2 + i2
            s2 = (v2 >= 1).float()
            v2 = v2 - s2
            differing += int((network(one) != s2).sum())
    assert differing == 0


def our_network(reset):
    torch.manual_seed(5)
    return nn.Sequential(
        nn.Linear(6, 20),
        snn.LIF(4e-4, DT, unit_input=True, solver="euler", reset=reset),
        nn.Linear(20, 8, bias=False),
        snn.CurrentLIF(5e-4, 3e-4, DT, unit_input=True, solver="euler", reset=reset),
    )


@pytest.mark.parametrize("reset", ["hard", "soft", "none"])
def test_dt_reset_and_solver_are_kept(reset, tmp_path):
    network = our_network(reset)
    write_nir(network, tmp_path / "net.nir", (6,))
    again = read_nir(tmp_path / "net.nir")
    assert again.layer("1").reset_mode == reset
    assert again.dt == DT
    x = torch.rand(200, 3, 6) * 3
    with torch.no_grad():
        y = snn.run(network, x)
        assert torch.equal(snn.run(again, x), y)
    assert y.any()


def test_every_layer_with_a_node_survives(tmp_path):
    torch.manual_seed(3)
    network = nn.Sequential(
        nn.Conv2d(2, 4, 3, stride=2, padding=1, dilation=1, groups=2),
        snn.PLIF(3e-4, DT, channels=4, unit_input=True),
        nn.AvgPool2d(2, divisor_override=1),
        nn.AvgPool2d((2, 1)),
        nn.Flatten(),
        Scale(torch.linspace(0.5, 2, 16)),
        Delay(torch.arange(16) * DT / 4, DT),
        nn.Sequential(nn.Linear(16, 6), snn.IF(DT, unit_input=True, reset="soft")),
        Recurrent(snn.LIF(4e-4, DT, unit_input=True), nn.Linear(6, 6)),
        Threshold(torch.full((6,), 0.5)),
        nn.Linear(6, 3),
        snn.LeakyIntegrator(4e-4, DT),
    )
    write_nir(network, tmp_path / "net.nir", (2, 16, 8))
    again = read_nir(tmp_path / "net.nir")
    assert again.output_shape == (3,)
    x = (torch.rand(50, 2, 2, 16, 8) < 0.5).float() * 2
    with torch.no_grad():
        y = snn.run(network, x)
        assert torch.allclose(snn.run(again, x).float(), y, atol=1e-6)
    assert float(y.std()) > 0


@pytest.mark.parametrize("reset", ["zero", "subtract"])
def test_a_network_of_snntorch_keeps_every_spike(reset):
    torch.manual_seed(2)
    beta = torch.rand(12) * 0.5 + 0.4
    lif = snntorch.Leaky(
        beta=beta, threshold=torch.ones(12), reset_mechanism=reset, reset_delay=False
    )
    linear = nn.Linear(5, 12)
    graph = export_to_nir(nn.Sequential(linear, lif), torch.zeros(1, 5), ignore_dims=[0])
    ours = network_of(graph, dt=DT, resets="soft" if reset == "subtract" else "hard")
    # Below two thresholds, above which its undelayed reset is wrong.
    x = torch.rand(100, 2, 5)
    mem = lif.init_leaky()
    with torch.no_grad():
        spikes = []
        for one in x:
            spike, mem = lif(linear(one), mem)
            spikes.append(spike)
        assert torch.equal(snn.run(ours, x), torch.stack(spikes))
    assert torch.stack(spikes).any()
    back = graph_of(ours)
    for name, node in graph.nodes.items():
        for field in ("tau", "r", "weight", "bias", "v_threshold"):
            if hasattr(node, field):
                given = np.asarray(getattr(node, field))
                assert np.array_equal(getattr(back.nodes[name], field), given)


def test_snntorch_runs_our_file_spike_by_spike(tmp_path):
    torch.manual_seed(4)
    network = nn.Sequential(
        nn.Linear(6, 10), snn.LIF(torch.full((10,), 4e-4), DT, unit_input=True, solver="euler")
    )
    write_nir(network, tmp_path / "net.nir", (6,))
    theirs = import_from_nir(nir.read(tmp_path / "net.nir"))
    lif = next(m for m in theirs.modules() if isinstance(m, snntorch.Leaky))
    linear = next(m for m in theirs.modules() if isinstance(m, nn.Linear))
    # It imports with its own default reset; NIR's is the undelayed hard one.
    lif.init_hidden, lif.reset_delay, lif.output = False, False, False
    lif.reset_mechanism = "zero"
    mem = torch.zeros(3, 10)
    x = torch.rand(100, 3, 6)
    with torch.no_grad():
        expected = snn.run(network, x)
        for one, spikes in zip(x, expected, strict=True):
            spike, mem = lif(linear(one), mem)
            assert torch.equal(spike, spikes)
    assert expected.any()


JELLY = Path(__file__).parent / "data"
JELLY_DT = 1e-3


def test_a_network_of_spikingjelly_keeps_every_spike_and_every_array(tmp_path):
    # spikingjelly takes our copy as it takes its own file, for they hold the same; see
    # make_spikingjelly.py, which also ran the copy there.
    told = np.load(JELLY / "spikingjelly_nir.npz")
    x, spikes = (torch.from_numpy(told[key]).float() for key in ("x", "wrote"))
    ours = read_nir(JELLY / "spikingjelly_wrote.nir", dt=JELLY_DT)
    with torch.no_grad():
        assert torch.equal(snn.run(ours, x), spikes)
    assert 0.02 < float(spikes.mean()) < 0.9
    write_nir(ours, tmp_path / "copy.nir")
    before, after = arrays(JELLY / "spikingjelly_wrote.nir"), arrays(tmp_path / "copy.nir")
    for key, value in before.items():
        if "edges" not in key and not key.endswith(("input_type", "output_type")):
            # It writes one number for a square window, we two.
            assert np.array_equal(np.broadcast_to(value, np.shape(after[key])), after[key]), key


def test_spikingjelly_runs_our_file_spike_by_spike():
    told = np.load(JELLY / "spikingjelly_nir.npz")
    x, theirs = (torch.from_numpy(told[key]).float() for key in ("x", "reads"))
    ours = read_nir(JELLY / "spikingjelly_reads.nir")
    assert ours.dt == JELLY_DT and float(theirs.mean()) > 0.02
    with torch.no_grad():
        assert torch.equal(snn.run(ours, x).float(), theirs)


def test_graphs_within_graphs_are_joined():
    inner = graph_of(our_network("hard"), (6,))
    outer = nir.NIRGraph(
        nodes={
            "in": nir.Input({"input": np.array([6])}),
            "body": inner,
            "out": nir.Output({"output": np.array([8])}),
        },
        edges=[("in", "body"), ("body", "out")],
        type_check=False,
    )
    ours = network_of(outer, dt=DT)
    x = torch.rand(50, 2, 6) * 3
    with torch.no_grad():
        assert torch.equal(snn.run(ours, x), snn.run(our_network("hard"), x))
    assert ours.layer("body.1").label


@pytest.mark.parametrize("size", [0, 1, 100, 3000])
def test_broken_files_are_refused_by_name(size, tmp_path):
    whole = (FILES / "lif_norse.nir").read_bytes()
    bad = tmp_path / "bad.nir"
    bad.write_bytes(whole[:size])
    with pytest.raises(NIRError, match=r"bad.nir: "):
        read_nir(bad, dt=1e-4)


def test_what_is_missing_or_unknown_is_told(tmp_path):
    path = FILES / "lif_norse.nir"
    with pytest.raises(NIRError, match="give dt in s"):
        read_nir(path)
    with pytest.raises(NIRError, match=r"\['no'\], which aren't nodes"):
        read_nir(path, 1e-4, {"no": "soft"})
    with pytest.raises(NIRError, match="node '0': unknown reset"):
        read_nir(path, 1e-4, "sotf")
    with pytest.raises(NIRError, match=r"node '1'.*shorter than the step"):
        read_nir(path, 0.1)
    with pytest.raises(NIRError, match="layer '0': a GELU has no node"):
        write_nir(nn.Sequential(nn.GELU()), tmp_path / "x.nir", (3,))
    with pytest.raises(NIRError, match="give input_shape"):
        write_nir(nn.Sequential(nn.Linear(2, 2)), tmp_path / "x.nir")
    different = nn.Sequential(snn.IF(1e-3), snn.IF(1e-4))
    with pytest.raises(NIRError, match="different time steps"):
        write_nir(different, tmp_path / "x.nir", (3,))
    assert os.listdir(tmp_path) == []


def test_code_in_a_file_is_not_run(tmp_path):
    path = tmp_path / "evil.nir"
    with h5py.File(path, "w") as file:
        file["version"] = "1.0"
        node = file.create_group("node")
        node["type"] = "__import__('os').system('touch ran')"
    with pytest.raises(NIRError, match=r"evil\.nir"):
        read_nir(path, dt=1e-4)
    assert not Path("ran").exists()


def test_graphs_that_cannot_run_are_refused():
    layer = {"a": nn.Identity()}
    with pytest.raises(GraphError, match="no node 'b'"):
        GraphNetwork(layer, [("in", "b")], "in", "out")
    with pytest.raises(GraphError, match="can't be reached"):
        GraphNetwork(layer, [("in", "a")], "in", "out")
    with pytest.raises(GraphError, match="output shape is unknown"):
        GraphNetwork(layer, [("in", "a"), ("a", "a"), ("a", "out")], "in", "out")
