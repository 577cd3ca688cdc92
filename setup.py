"""The two native modules; everything else about the package stands in pyproject.toml."""

from __future__ import annotations

import runpy
import sysconfig

from setuptools import Extension, setup

RECIPE = runpy.run_path("native/binding/build.py")
# A free-threaded interpreter has no limited API: there, the modules are built for it alone.
LIMITED = not sysconfig.get_config_var("Py_GIL_DISABLED")

FAST = Extension(
    "armwise_kernels._fast",
    sources=RECIPE["FAST"] + RECIPE["KERNELS"],
    define_macros=[("Py_LIMITED_API", "0x030B0000")] if LIMITED else [],
    py_limited_api=LIMITED,
    **RECIPE["OPTIONS"],
)

setup(
    cffi_modules=["native/binding/build.py:ffi"],
    ext_modules=[FAST],
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if LIMITED else {},
)
