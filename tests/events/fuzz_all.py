"""Runs the coverage-guided search of `fuzzing.py` for one target after the other, and notes it.

    python tests/events/fuzz_all.py --seconds 600 --out FOLDER [TARGET ...]
    python tests/events/fuzz_all.py --out FOLDER --table
    python tests/events/fuzz_all.py --out FOLDER --pack tests/data/fuzzing.zip

Each target has a process of its own, with limits of memory and of the time for one input; one that
doesn't end is asked where it stands, and killed. The corpus is FOLDER/TARGET, begun from the one in
tests/data; the results are FOLDER/TARGET.json, what broke something is FOLDER/TARGET-*.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

from fuzz_seeds import seeds

HERE = Path(__file__).parent
CORPUS = HERE.parent / "data" / "fuzzing.zip"
RSS_MB = 2048
INPUT_S = 60
GRACE_S = 300
"""Seconds after its time in which a process has to end, its start included."""
ADDRESS_SPACE = 16 << 30
WORDS = 600
"""Bytes of the longest input, where no whole file asks for more."""
KEPT = 20_000
"""Longer inputs aren't kept among the tests."""
TARGETS = (
    "evt3", "evt21", "evt21_legacy", "evt2", "trigger", "libcaer", "libcaer_cmp", "event_array",
    "ecf", "file_raw", "file_dat", "file_aedat4", "file_aedat", "file_hdf5", "file_npz",
    "file_ros1", "file_mcap", "file_db3", "pcap", "pcd", "mono", "file_text",
)  # fmt: skip


def unpack(name: str, folder: Path) -> None:
    """The kept corpus of a target and whole files, as the beginning of a new one."""
    folder.mkdir(parents=True, exist_ok=True)
    for k, seed in enumerate(seeds(name)):
        (folder / f"seed_{k}").write_bytes(seed)
    if not CORPUS.exists():
        return
    with zipfile.ZipFile(CORPUS) as archive:
        for member in archive.namelist():
            target, _, file = member.partition("/")
            if target == name and file:
                (folder / file).write_bytes(archive.read(member))


def command(name: str, out: Path, seconds: int) -> list[str]:
    """The search of one target."""
    longest = max([WORDS, *(len(seed) + len(seed) // 4 for seed in seeds(name))])
    return [
        sys.executable, str(HERE / "fuzzing.py"), name, str(out / name),
        f"-max_total_time={seconds}", f"-max_len={longest}", f"-rss_limit_mb={RSS_MB}",
        f"-timeout={INPUT_S}", f"-artifact_prefix={out / name}-", "-print_final_stats=1",
        "-handle_usr1=0", "-reload=0",
    ]  # fmt: skip


def _limits() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))


def search(name: str, out: Path, seconds: int) -> dict[str, Any]:
    """Search one target; what came of it."""
    unpack(name, out / name)
    before = {path.name for path in out.glob(f"{name}-*")}
    log = out / f"{name}.log"
    began, used = time.monotonic(), _used_s()
    overstayed = False
    with log.open("w") as file:
        process = subprocess.Popen(
            command(name, out, seconds),
            stdout=file,
            stderr=file,
            env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
            preexec_fn=_limits,
        )
        try:
            # Imports, and the corpus itself, come before the time that libFuzzer counts.
            process.wait(seconds + GRACE_S)
        except subprocess.TimeoutExpired:
            overstayed = True
            process.send_signal(signal.SIGUSR1)  # faulthandler tells where it stands
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(2)
            process.kill()
            process.wait()
    result = read_log(log.read_text(errors="replace"))
    found = sorted({path.name for path in out.glob(f"{name}-*")} - before)
    return result | {
        "target": name,
        "seconds": round(time.monotonic() - began),
        "cpu_s": round(_used_s() - used),
        "exit": process.returncode,
        "overstayed": overstayed,
        "findings": found,
        "at": time.strftime("%Y-%m-%d"),
    }


def _used_s() -> float:
    """CPU time of the processes that have ended: on a busy machine it is far less than passed."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def read_log(text: str) -> dict[str, Any]:
    """Executions, coverage and corpus as libFuzzer tells them."""
    result: dict[str, Any] = {}
    lines = re.findall(
        r"#(\d+)\s+\S+\s+cov: (\d+) ft: (\d+) corp: (\d+)/(\S+)", text
    )  # every line holds the sums so far
    if lines:
        runs, edges, features, size, kept = lines[-1]
        result = {
            "executions": int(runs), "edges": int(edges), "features": int(features),
            "corpus": int(size), "corpus_size": kept,
        }  # fmt: skip
    for key, wanted in (("executions", "number_of_executed_units"), ("peak_mb", "peak_rss_mb")):
        if stated := re.search(rf"stat::{wanted}:\s*(\d+)", text):
            result[key] = int(stated[1])
    if done := re.search(r"Done (\d+) runs in (\d+) second", text):
        result |= {"executions": int(done[1]), "searched_s": int(done[2])}
    return result


def table(out: Path) -> str:
    """The results as the documentation has them."""
    rows = [
        "| target | s | of it CPU | executions | edges | features | corpus | peak MB | findings |"
    ]
    rows.append("|---|---|---|---|---|---|---|---|---|")
    for name in TARGETS:
        path = out / f"{name}.json"
        if not path.exists():
            continue
        r = json.loads(path.read_text())
        figures = [
            f"{r[key]:,}" if key in r else "?"
            for key in ("cpu_s", "executions", "edges", "features", "corpus", "peak_mb")
        ]
        found = len(r["findings"]) + r["overstayed"]
        rows.append(
            f"| `{name}` | {r.get('searched_s', r['seconds'])} | {' | '.join(figures)} | {found} |"
        )
    versions = ", ".join(f"{p} {metadata.version(p)}" for p in ("atheris", "numba", "numpy"))
    python = ".".join(str(n) for n in sys.version_info[:3])
    return "\n".join([*rows, "", f"Python {python}, {versions}"])


def pack(out: Path, archive: Path) -> None:
    """The corpora as one file, and with them what broke something."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for name in TARGETS:
            # What never ended can't be tried again among the tests.
            broken = [p for p in out.glob(f"{name}-*") if "-timeout-" not in p.name]
            paths = [*(out / name).glob("*"), *broken]
            # What broke something once is in the corpus of the next search too.
            for path in sorted({p.name: p for p in paths}.values()):
                if path.is_file() and path.stat().st_size <= KEPT:
                    entry = zipfile.ZipInfo(f"{name}/{path.name}")
                    packed.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)


def main() -> int:
    """Search, or show or pack what was found."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}")
    parser.add_argument("--out", type=Path, required=True, help="folder for corpora and results")
    parser.add_argument("--seconds", type=int, default=600, help="for each target")
    parser.add_argument("--table", action="store_true", help="only show the results")
    parser.add_argument("--pack", type=Path, metavar="ZIP", help="only pack the corpora")
    options = parser.parse_args()
    if options.table:
        print(table(options.out))
        return 0
    if options.pack:
        pack(options.out, options.pack)
        return 0
    if unknown := set(options.targets) - set(TARGETS):
        parser.error(f"unknown target {', '.join(sorted(unknown))}")
    broken = False
    for name in options.targets or TARGETS:
        result = search(name, options.out, options.seconds)
        (options.out / f"{name}.json").write_text(json.dumps(result, indent=1))
        print(json.dumps(result), flush=True)
        broken |= bool(result["findings"]) or result["overstayed"] or result["exit"] != 0
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
