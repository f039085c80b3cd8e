"""MuJoCo scenes as linear luminance in floats, depth, and ids of geoms, drawn off-screen.

MuJoCo's own colour buffer has 8 bits, which is too coarse for log intensity in shadows and in dim
scenes. Its storage is replaced by floats without clamping. One channel is read: the scene is drawn
from a copy of the model whose textures, materials and lights are their luminance (ITU-R BT.709),
exact for coloured things in white light and for grey things in coloured light.
"""

from __future__ import annotations

import atexit
import copy
import importlib
import math
import os
import sys
import weakref
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
from numba import njit
from numpy.typing import NDArray

from spikeloop_sim.event_camera.geometry import nearest_depth
from spikeloop_sim.event_camera.optics import Pinhole, Pose

_WEIGHTS = np.array([0.2126, 0.7152, 0.0722])
_SRGB = int(mujoco.mjtColorSpace.mjCOLORSPACE_SRGB)
_FLAGS_OFF = ("SHADOW", "REFLECTION", "FOG", "HAZE")


@dataclass(frozen=True)
class Haze:
    """Air that hides what is far: of a contrast exp(-3 d / visibility) is left (Koschmieder, 1924).

    Attributes:
        visibility_m: distance at which 5 % are left, m.
        light: luminance of the air itself, as of `Frame`.

    """

    visibility_m: float
    light: float


@dataclass(frozen=True)
class Frame:
    """What a camera sees at one time; row 0 is the top.

    Attributes:
        luminance: (h, w) float32, linear, 1 for a white surface in full light.
        depth: (h, w) float32, m along the optical axis; the far plane where nothing is.

    """

    luminance: NDArray[np.float32]
    depth: NDArray[np.float32]


class SceneRenderer:
    """Draws one model with one lens, each pixel sampled `samples` x `samples` times."""

    def __init__(
        self,
        model: mujoco.MjModel,
        lens: Pinhole,
        samples: int = 2,
        *,
        ids: bool = False,
        haze: Haze | None = None,
        max_geoms: int = 10_000,
    ) -> None:
        """Make the off-screen context.

        Args:
            model: the world; it isn't changed.
            lens: size and intrinsics of the pictures.
            samples: side of the grid of samples in a pixel, which keeps edges from aliasing.
            ids: whether `geom_ids` is called; it needs more than one channel.
            haze: of the air; None where it is clear.
            max_geoms: most geoms that can be seen.

        Raises:
            ValueError: `samples` is below 1.
            RuntimeError: this machine can't draw off-screen; the message says what to do.

        """
        if samples < 1:
            raise ValueError(f"samples must be at least 1, not {samples}")
        self.lens, self.samples, self._haze = lens, samples, haze
        self._size = (lens.height * samples, lens.width * samples)
        self._model = _grey(model, *self._size)
        self._scene = mujoco.MjvScene(self._model, max_geoms)
        self._option, self._eye = mujoco.MjvOption(), mujoco.MjvCamera()
        for name in _FLAGS_OFF:
            self._scene.flags[getattr(mujoco.mjtRndFlag, f"mjRND_{name}")] = 0
        self._near = float(model.vis.map.znear * model.stat.extent)
        self._far = float(model.vis.map.zfar * model.stat.extent)
        self._open(ids)

    def _open(self, ids: bool) -> None:
        height, width = self._size
        try:
            self._context = _context(width, height)
            self._context.make_current()
            self._mjr = mujoco.MjrContext(self._model, mujoco.mjtFontScale.mjFONTSCALE_100.value)
        except Exception as error:
            raise RuntimeError(
                f"MuJoCo can't draw off-screen here ({error}); install libegl1 and "
                "libgl1-mesa-dri (apt), or set MUJOCO_GL before Python starts"
            ) from error
        self._gl = gl = importlib.import_module("OpenGL.GL")
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, self._mjr)
        gl.glBindRenderbuffer(gl.GL_RENDERBUFFER, self._mjr.offColor)
        storage = gl.GL_RGBA16F if ids else gl.GL_R32F
        gl.glRenderbufferStorage(gl.GL_RENDERBUFFER, storage, width, height)
        self._has_ids = ids
        _keep_one_channel(gl, self._mjr)
        for stage in ("READ", "VERTEX", "FRAGMENT"):
            gl.glClampColor(getattr(gl, f"GL_CLAMP_{stage}_COLOR"), gl.GL_FALSE)
        # When dropped, and at exit before MuJoCo ends EGL itself, which it registered just now.
        self._end = weakref.finalize(self, _free, self._context, self._mjr, os.getpid())
        self._end.atexit = False
        atexit.register(self._end)

    def render(self, data: mujoco.MjData, pose: Pose, *, nearest: bool = False) -> Frame:
        """Luminance and depth at all samples.

        Args:
            data: state of the model (or of one alike), kinematics and lights up to date.
            pose: of the camera's optical frame.
            nearest: whether the depth of each pixel's nearest sample is enough, of 2 x 2; that
                is quicker.

        Returns:
            Arrays of (height * samples, width * samples); depth (height, width) if `nearest`.

        Raises:
            RuntimeError: the renderer is closed, or OpenGL reports an error.

        """
        self._draw(data, pose)
        gl, (height, width) = self._gl, self._size
        luminance, depth = np.empty((2, height, width), np.float32)
        gl.glReadPixels(0, 0, width, height, gl.GL_RED, gl.GL_FLOAT, luminance)
        gl.glReadPixels(0, 0, width, height, gl.GL_DEPTH_COMPONENT, gl.GL_FLOAT, depth)
        near, far = np.float32(self._near), np.float32(self._far)
        luminance = np.ascontiguousarray(luminance[::-1])
        if nearest and self.samples == 2 and self._haze is None:
            return Frame(luminance, _nearest_metres(depth, near, far))
        metres = _metres(depth, near, far)
        if self._haze is not None:
            rate = -math.log(20.0) / self._haze.visibility_m
            _veil(luminance, metres, np.float32(rate), np.float32(self._haze.light))
        return Frame(luminance, nearest_depth(metres) if nearest else metres)

    def geom_ids(self, data: mujoco.MjData, pose: Pose) -> NDArray[np.int32]:
        """Ids of the geoms at all samples, -1 where there is none; see `render` for the rest."""
        if not self._has_ids:
            raise RuntimeError("this renderer has no ids; make it with ids=True")
        flags, gl, (height, width) = self._scene.flags, self._gl, self._size
        segment = [int(mujoco.mjtRndFlag.mjRND_SEGMENT), int(mujoco.mjtRndFlag.mjRND_IDCOLOR)]
        flags[segment] = 1
        try:
            self._draw(data, pose)
        finally:
            flags[segment] = 0
        colours = np.empty((height, width, 3), np.float32)
        gl.glReadPixels(0, 0, width, height, gl.GL_RGB, gl.GL_FLOAT, colours)
        code = np.rint(255.0 * colours[::-1]).astype(np.int64) @ np.array([1, 256, 65536])
        known = np.full(self._scene.ngeom + 1, -1, np.int32)
        for geom in self._scene.geoms[: self._scene.ngeom]:
            if geom.objtype == mujoco.mjtObj.mjOBJ_GEOM:
                known[geom.segid + 1] = geom.objid
        ids: NDArray[np.int32] = known[np.clip(code, 0, self._scene.ngeom)]
        return ids

    def _draw(self, data: mujoco.MjData, pose: Pose) -> None:
        if not self._end.alive:
            raise RuntimeError("this renderer is closed")
        self._context.make_current()
        everything = mujoco.mjtCatBit.mjCAT_ALL
        mujoco.mjv_updateScene(
            self._model, data, self._option, None, self._eye, everything, self._scene
        )
        lens, near = self.lens, self._near
        for camera in self._scene.camera:
            camera.pos[:] = pose.position
            camera.forward[:] = pose.rotation[:, 2]
            camera.up[:] = -pose.rotation[:, 1]
            camera.frustum_near, camera.frustum_far = near, self._far
            camera.frustum_width = 0.5 * near * lens.width / lens.fx
            camera.frustum_center = near * (0.5 * (lens.width - 1) - lens.cx) / lens.fx
            camera.frustum_top = near * (lens.cy + 0.5) / lens.fy
            camera.frustum_bottom = near * (lens.cy + 0.5 - lens.height) / lens.fy
        height, width = self._size
        mujoco.mjr_render(mujoco.MjrRect(0, 0, width, height), self._scene, self._mjr)
        if error := mujoco.mjr_getError():
            raise RuntimeError(f"OpenGL reports error {error} while drawing")

    def close(self) -> None:
        """Free the context; rendering is then refused."""
        self._end()

    def __enter__(self) -> SceneRenderer:
        """For `with`."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()


@njit(cache=True, fastmath=True, error_model="numpy")
def _metres(buffer: Any, near: Any, far: Any) -> Any:
    """Depth of the buffer's rows from the last to the first, m."""
    rows, columns = buffer.shape
    out = np.empty_like(buffer)
    for r in range(rows):
        for c in range(columns):
            # Reversed z: 1 at the near plane, 0 at the far one.
            out[r, c] = near * far / (near + buffer[rows - 1 - r, c] * (far - near))
    return out


@njit(cache=True, fastmath=True, error_model="numpy")
def _nearest_metres(buffer: Any, near: Any, far: Any) -> Any:
    """What `nearest_depth` makes of `_metres`, at a quarter of the divisions."""
    rows, columns = buffer.shape[0] // 2, buffer.shape[1] // 2
    out = np.empty((rows, columns), np.float32)
    for r in range(rows):
        low, high = buffer[2 * (rows - 1 - r)], buffer[2 * (rows - 1 - r) + 1]
        for c in range(columns):
            largest = max(max(low[2 * c], low[2 * c + 1]), max(high[2 * c], high[2 * c + 1]))
            out[r, c] = near * far / (near + largest * (far - near))
    return out


@njit(cache=True, fastmath=True, error_model="numpy")
def _veil(luminance: Any, depth: Any, rate: Any, light: Any) -> None:
    """Mix in the air's light, by the depth along the axis."""
    rows, columns = luminance.shape
    for r in range(rows):
        for c in range(columns):
            left = math.exp(rate * depth[r, c])
            luminance[r, c] = light + left * (luminance[r, c] - light)


def _context(width: int, height: int) -> mujoco.GLContext:
    """An off-screen context: EGL on Linux, where no screen is needed, unless MUJOCO_GL differs."""
    # Mesa reads this when it starts. Its threads gain little on pictures as small as a sensor's,
    # and take the cores of the processes beside.
    os.environ.setdefault("LP_NUM_THREADS", "0")
    if sys.platform == "linux" and os.environ.get("MUJOCO_GL", "egl") == "egl":
        return importlib.import_module("mujoco.egl").GLContext(width, height)
    return mujoco.GLContext(width, height)


def _keep_one_channel(gl: Any, mjr: mujoco.MjrContext) -> None:
    """Leave only red of the textures, which are grey: filtering three channels takes a third more.

    What is drawn stays the same to the bit, in red. Textures with transparency, and those that
    OpenGL decodes from sRGB, for which it has no such format, stay as they are.
    """
    gl.glPixelStorei(gl.GL_PACK_ALIGNMENT, 1)
    gl.glPixelStorei(gl.GL_UNPACK_ALIGNMENT, 1)
    cube = [gl.GL_TEXTURE_CUBE_MAP_POSITIVE_X + face for face in range(6)]
    for name, kind in zip(mjr.texture[: mjr.ntexture], mjr.textureType, strict=False):
        flat = kind == int(mujoco.mjtTexture.mjTEXTURE_2D)
        target = gl.GL_TEXTURE_2D if flat else gl.GL_TEXTURE_CUBE_MAP
        faces = [target] if flat else cube
        gl.glBindTexture(target, int(name))

        def asked(face: int, what: int) -> int:
            return int(gl.glGetTexLevelParameteriv(face, 0, what))

        if any(asked(face, gl.GL_TEXTURE_INTERNAL_FORMAT) != gl.GL_RGB for face in faces):
            continue
        for face in faces:
            size = asked(face, gl.GL_TEXTURE_WIDTH), asked(face, gl.GL_TEXTURE_HEIGHT)
            red = gl.glGetTexImage(face, 0, gl.GL_RED, gl.GL_UNSIGNED_BYTE)
            gl.glTexImage2D(face, 0, gl.GL_R8, *size, 0, gl.GL_RED, gl.GL_UNSIGNED_BYTE, red)
        gl.glGenerateMipmap(target)


def _free(context: mujoco.GLContext, mjr: mujoco.MjrContext, pid: int) -> None:
    # A forked child must leave its parent's context alone.
    if os.getpid() == pid:
        context.make_current()
        mjr.free()
        context.free()


def _grey(model: mujoco.MjModel, height: int, width: int) -> mujoco.MjModel:
    """A copy that is drawn in luminance, with an off-screen buffer of that size."""
    grey = copy.deepcopy(model)
    view = grey.vis
    view.global_.offheight, view.global_.offwidth = height, width
    view.quality.offsamples = view.quality.shadowsize = 0
    for colours in (grey.geom_rgba, grey.mat_rgba):
        colours[:, :3] = (colours[:, :3] @ _WEIGHTS)[:, None]
    lights = (grey.light_ambient, grey.light_diffuse, grey.light_specular)
    for rows in (*lights, *(getattr(view.headlight, n)[None] for n in _PARTS)):
        rows[:] = (rows @ _WEIGHTS)[:, None]
    for texture in range(grey.ntex):
        channels = int(grey.tex_nchannel[texture])
        if channels < 3:
            continue
        begin = int(grey.tex_adr[texture])
        count = int(grey.tex_height[texture]) * int(grey.tex_width[texture])
        pixels = grey.tex_data[begin : begin + count * channels].reshape(count, channels)
        # Grey in, the same grey out, whatever the encoding.
        power = 2.2 if grey.tex_colorspace[texture] == _SRGB else 1.0
        value = ((pixels[:, :3] / 255.0) ** power @ _WEIGHTS) ** (1.0 / power)
        pixels[:, :3] = np.round(255.0 * value).astype(np.uint8)[:, None]
    return grey


_PARTS = ("ambient", "diffuse", "specular")
