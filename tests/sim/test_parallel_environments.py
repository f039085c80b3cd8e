"""Four environments that draw, each in a process of its own: nothing is said of EGL at their end."""

from __future__ import annotations

import subprocess
import sys

import pytest

STEPS = """
import multiprocessing, sys

BOARD = '''
<mujoco><worldbody>
  <geom type="box" size="0.5 0.1 2" pos="0 2 1" rgba="0.9 0.9 0.9 1"/>
  <geom type="box" size="4 0.1 4" pos="0 3 1" rgba="0.2 0.2 0.2 1"/>
</worldbody></mujoco>'''

def fly(seed):
    import gymnasium, spikeloop_sim
    import mujoco, numpy as np
    from spikeloop_sim.event_camera.camera import EventCamera
    from spikeloop_sim.event_camera.optics import Pinhole, Pose
    from spikeloop_sim.frame_camera import FrameCamera
    environment = gymnasium.make("spikeloop/BlimpAltitude-v0", render_mode="rgb_array")
    environment.reset(seed=seed)
    for _ in range(3):
        environment.step(environment.action_space.sample())
    picture = environment.render()
    # Beside it cameras of both kinds, of which only some are closed: the rest is for the exit.
    model, lens = mujoco.MjModel.from_xml_string(BOARD), Pinhole.of_field(64, 48, 1.4)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    pose = Pose.looking(np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0]))
    beside = Pose.looking(np.array([0.1, 0.0, 1.0]), np.array([0.0, 1.0, 0.0]))
    global events, frames, kept
    events, frames = (kind(model, lens, None, seed) for kind in (EventCamera, FrameCamera))
    events.see(data, pose, 0)
    assert len(events.see(data, beside, 20_000))
    frames.take(lambda time_s: (data, pose), 0)
    if seed % 2:
        environment.close()
        events.close()
    kept = environment
    return int(picture.sum() > 0)

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    {run}
"""
PROCESSES = """
    processes = [context.Process(target=fly, args=(seed,)) for seed in range(4)]
    [process.start() for process in processes]
    [process.join() for process in processes]
    print([process.exitcode for process in processes])
"""
VECTOR = """
    import gymnasium
    environments = gymnasium.make_vec(
        "spikeloop_sim:spikeloop/BlimpAltitude-v0", 4, "async",
        vector_kwargs={"context": "spawn"}, render_mode="rgb_array",
    )
    environments.reset(seed=1)
    environments.step(environments.action_space.sample())
    pictures = environments.render()
    print([int(picture.sum() == 0) for picture in pictures])
    environments.close()
"""


@pytest.mark.parametrize("run", (PROCESSES, VECTOR), ids=("processes", "vector"))
def test_four_at_once_end_without_an_error(run: str, tmp_path: str) -> None:
    # From a file, for spawned processes import the main module anew.
    script = f"{tmp_path}/parallel.py"
    with open(script, "w", encoding="utf-8") as file:
        file.write(STEPS.replace("{run}", run.strip()))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[-2] == "[0, 0, 0, 0]", done.stdout + done.stderr
    assert done.stderr == ""
