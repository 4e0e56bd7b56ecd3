"""Which OpenGL library renders: EGL, or OSMesa where EGL is missing, and what to install where both are."""

from __future__ import annotations

import ctypes.util
import os
import warnings

PACKAGES = "libegl1 libegl-mesa0 libgl1-mesa-dri libgl1 libgles2"
FAILED = (
    "no OpenGL context could be made ({error}). If mujoco was imported before envs, it looked for a display: "
    f"set MUJOCO_GL=egl or import envs first. If a library is missing: apt-get install {PACKAGES}"
)
LIBRARIES = {"egl": "EGL", "osmesa": "OSMesa"}


class NoGLError(RuntimeError):
    """No OpenGL library for off-screen rendering is installed."""


def select() -> None:
    """Set MUJOCO_GL unless the user has: `egl`, else `osmesa` with a warning, else `disabled` (no rendering)."""
    if os.environ.get("MUJOCO_GL"):
        return
    found = [name for name, library in LIBRARIES.items() if ctypes.util.find_library(library)]
    os.environ["MUJOCO_GL"] = found[0] if found else "disabled"
    if found == ["osmesa"]:
        warnings.warn(f"EGL is missing, rendering with OSMesa; for EGL: apt-get install {PACKAGES}", stacklevel=2)


def require() -> None:
    """Check that frames can be rendered.

    Raises:
        NoGLError: MUJOCO_GL is `disabled`, chosen by the user or because no library was found.
    """
    if os.environ.get("MUJOCO_GL", "").lower() in ("disabled", "disable", "off", "0"):
        raise NoGLError(
            "no OpenGL library for off-screen rendering was found (neither EGL nor OSMesa); "
            f"install one: apt-get install {PACKAGES}, or use SimEnv(cameras=False)"
        )


def vendor() -> str:
    """What renders: MUJOCO_GL and the driver's own name, such as `egl: Mesa, llvmpipe (LLVM 15.0.6, 256 bits)`."""
    backend = os.environ.get("MUJOCO_GL", "default")
    try:
        import mujoco  # imported here: this module decides how mujoco is imported
        from OpenGL import GL

        context = mujoco.GLContext(16, 16)
        context.make_current()
        names = [bytes(GL.glGetString(what) or b"unknown").decode() for what in (GL.GL_VENDOR, GL.GL_RENDERER)]
        context.free()
    except Exception as error:
        return f"{backend}: {error}"
    return f"{backend}: {', '.join(names)}"
