"""Whether this interpreter is one that the package can work in."""

import sys

_NOT_MAIN = (
    "dotfiles_socket works in the main interpreter of a process only, and "
    "this is a subinterpreter, in which neither its threads nor the library "
    "come to an orderly end; use a thread or a process instead"
)
_NO_GIL = (
    "dotfiles_socket relies on the GIL, which is off in this free-threaded "
    "Python; start it with -X gil=1 or PYTHON_GIL=1 in the environment"
)

if sys.version_info < (3, 10):  # noqa: UP036  # it runs from the tree, too
    raise ImportError(
        "dotfiles_socket needs Python 3.10 or later, and this is "
        + sys.version.split()[0]
    )

try:
    import ctypes
except ImportError as e:
    if "subinterpreter" in str(e):
        raise ImportError(_NOT_MAIN) from e
    raise


def _number() -> int:
    """Return the number of this interpreter; the main one has 0."""
    python = ctypes.PyDLL(None)
    python.PyInterpreterState_Get.restype = ctypes.c_void_p
    python.PyInterpreterState_GetID.restype = ctypes.c_int64
    return int(
        python.PyInterpreterState_GetID(
            ctypes.c_void_p(python.PyInterpreterState_Get())
        )
    )


if _number():
    raise ImportError(_NOT_MAIN)
# Since Python 3.13.
if not getattr(sys, "_is_gil_enabled", lambda: True)():
    raise ImportError(_NO_GIL)
