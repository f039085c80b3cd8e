"""The ONNX file steps like the torch model, in ONNX Runtime."""

import onnxruntime
import torch
from torch import nn

from spikeloop import snn
from spikeloop.snn.interchange.onnx_file import write_onnx
from spikeloop.snn.layers.recurrent import Recurrent

DT = 1e-3


def test_onnx_runtime_gives_the_same_spikes(tmp_path):
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3, stride=2, padding=1),
        snn.LIF(5e-3, DT, unit_input=True, threshold=0.3),
        nn.Flatten(),
        nn.Linear(64, 6),
        Recurrent(snn.CurrentLIF(9e-3, 4e-3, DT, unit_input=True, reset="soft"), nn.Linear(6, 6)),
    )
    x = (torch.rand(20, 1, 2, 8, 8) < 0.4).float()
    step = write_onnx(model, tmp_path / "step.onnx", x[0])
    assert step.names == ["1.v", "4.s", "4.i", "4.v"]
    session = onnxruntime.InferenceSession(tmp_path / "step.onnx")
    states = {name: first.numpy() for name, first in zip(step.names, step.first, strict=True)}
    spikes = 0
    with torch.no_grad():
        for one in x:
            y, *after = session.run(None, {"input": one.numpy(), **states})
            states = dict(zip(step.names, after, strict=True))
            expected = model(one)
            assert torch.equal(torch.from_numpy(y), expected)
            spikes += int(expected.sum())
    assert spikes > 0
    for name, value in snn.state_of(model).items():
        assert torch.allclose(torch.from_numpy(states[name]), value, atol=1e-6)
