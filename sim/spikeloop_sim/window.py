"""A window on the desktop that shows pictures, for environments of render mode "human"."""

from __future__ import annotations

import ctypes
import ctypes.util
from typing import Any

import numpy as np
from numpy.typing import NDArray

_RGB, _BYTES, _ALIGNMENT, _COLOUR = 0x1907, 0x1401, 0x0CF5, 0x4000


class Window:
    """Pictures of one size, by GLFW and the oldest of OpenGL, which MuJoCo brings along."""

    def __init__(self, title: str, width: int, height: int) -> None:
        """Open it.

        Raises:
            RuntimeError: there is no display or no OpenGL; the message says what to do.

        """
        import glfw

        self._glfw: Any = glfw
        hint = "use render_mode 'rgb_array', or run it on a desktop (DISPLAY or WAYLAND_DISPLAY)"
        if not glfw.init():
            raise RuntimeError(f"no window can be opened here: {hint}")
        glfw.window_hint(glfw.RESIZABLE, False)
        self._window: Any = glfw.create_window(width, height, title, None, None)
        library = ctypes.util.find_library("GL")
        if not self._window or library is None:
            raise RuntimeError(f"no window with OpenGL can be opened here: {hint}")
        self._gl = ctypes.CDLL(library)
        self._gl.glRasterPos2f.argtypes = [ctypes.c_float, ctypes.c_float]
        self._gl.glPixelZoom.argtypes = [ctypes.c_float, ctypes.c_float]

    def draw(self, picture: NDArray[np.uint8]) -> None:
        """Show a picture, (height, width, 3) RGB; a window that was closed stays closed."""
        glfw, gl = self._glfw, self._gl
        if self._window is None:
            return
        if glfw.window_should_close(self._window):
            self.close()
            return
        glfw.make_context_current(self._window)
        rows = np.ascontiguousarray(picture)
        gl.glClear(_COLOUR)
        gl.glPixelStorei(_ALIGNMENT, 1)
        # OpenGL's rows go up, a picture's down.
        gl.glRasterPos2f(-1.0, 1.0)
        gl.glPixelZoom(1.0, -1.0)
        pointer = rows.ctypes.data_as(ctypes.c_void_p)
        gl.glDrawPixels(rows.shape[1], rows.shape[0], _RGB, _BYTES, pointer)
        glfw.swap_buffers(self._window)
        glfw.poll_events()

    def close(self) -> None:
        """Close it; more than once does no harm."""
        if self._window is not None:
            self._glfw.destroy_window(self._window)
            self._window = None
