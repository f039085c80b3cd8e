"""Energy: models by hand, the counter from a made-up folder."""

import pytest

from spikeloop.metrics.energy import (
    Counts,
    EnergyError,
    MeasuredEnergy,
    Rapl,
    memory_energy,
    operation_energy,
    profiles,
)


def test_operations_at_45_nm():
    energy = operation_energy(Counts(macs=1000, acs=10_000))
    assert energy.joules == pytest.approx(1000 * 4.6e-12 + 10_000 * 0.9e-12)
    assert energy.parts == pytest.approx({"macs": 4.6e-9, "acs": 9e-9})
    assert "without memory" in energy.model
    assert "Horowitz" in energy.source


def test_a_spiking_chip_refuses_real_values():
    assert operation_energy(Counts(acs=100), "loihi").joules == pytest.approx(2.36e-9)
    with pytest.raises(EnergyError, match="'loihi' has no figure for multiply-accumulates"):
        operation_energy(Counts(macs=1, acs=100), "loihi")


def test_memory_is_most_of_it_and_grows_with_size_and_word():
    counts = Counts(macs=10, acs=1000, updates=50)
    small = memory_energy(counts, 4000, 400)
    # 32 of 64 bits from 8 KB: 5 pJ; a state is read and written.
    assert small.parts == pytest.approx(
        {"macs": 46e-12, "acs": 0.9e-9, "weights": 1010 * 5e-12, "states": 50 * 2 * 5e-12}
    )
    assert small.joules == pytest.approx(sum(small.parts.values()))
    assert memory_energy(counts, 900_000, 400).parts["weights"] == pytest.approx(1010 * 50e-12)
    assert memory_energy(counts, 10**7, 400).parts["weights"] == pytest.approx(1010 * 650e-12)
    assert memory_energy(counts, 4000, 400, "int8").parts["weights"] == pytest.approx(
        1010 * 1.25e-12
    )


def test_wrong_names_get_a_suggestion():
    with pytest.raises(EnergyError, match="did you mean 'loihi'"):
        operation_energy(Counts(), "loihy")
    with pytest.raises(EnergyError, match="did you mean 'float32'"):
        memory_energy(Counts(), 1, 1, "float23")
    with pytest.raises(EnergyError, match="unknown hardware profile 'loihi'"):
        memory_energy(Counts(), 1, 1, hardware="loihi")


def test_every_profile_tells_its_source():
    for name, value in profiles().items():
        assert value["source"] and value["text"], name


def test_measured_joules_come_from_the_counter(tmp_path):
    (tmp_path / "max_energy_range_uj").write_text("1000000\n")
    (tmp_path / "energy_uj").write_text("900000\n")
    with Rapl(tmp_path) as rapl:
        (tmp_path / "energy_uj").write_text("100000\n")
    assert isinstance(rapl.energy, MeasuredEnergy)
    assert rapl.energy.joules == pytest.approx(0.2)
    assert rapl.energy.counter == str(tmp_path)


def test_without_a_counter_nothing_is_measured(tmp_path):
    with pytest.raises(EnergyError, match="no energy can be measured here"):
        Rapl(tmp_path)
