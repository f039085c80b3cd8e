"""What the coverage-guided search found, again with the compiled decoders and readers."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from fuzzing import TARGETS

CORPUS = Path(__file__).parents[1] / "data" / "fuzzing.zip"


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_the_corpus_compiled(name: str) -> None:
    with zipfile.ZipFile(CORPUS) as archive:
        found = [n for n in archive.namelist() if n.startswith(f"{name}/") and not n.endswith("/")]
        assert len(found) > 5
        for member in found:
            TARGETS[name](archive.read(member))
