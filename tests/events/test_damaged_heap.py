from pathlib import Path

import pytest

from spikeloop.events.files import hdf5
from spikeloop.events.files.opening import open_source
from spikeloop.events.files.source import FileError

ENDLESS = Path(__file__).parents[1] / "data" / "endless_heap.h5"


def test_a_heap_over_which_the_library_never_ends_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Found by fuzzing: reading the attribute `geometry` of this file loops within libhdf5."""
    monkeypatch.setattr(hdf5, "ATTRIBUTE_S", 3.0)
    with pytest.raises(FileError, match=r"endless_heap\.h5: is damaged: attribute geometry"):
        open_source(ENDLESS)
