"""Builds the package with libsocket.so and the accelerator inside of it.

The library is the one that `make build` left in the tree, and otherwise made
here with the Go tool chain. A source distribution carries the Go sources. The
accelerator is optional: without the headers of Python there is none.
"""

# setuptools has no types.
# mypy: disable-error-code="import-untyped, misc"

import os
import shutil
import subprocess
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = Path(__file__).resolve().parent
# In a source distribution the Go module is below, else it is around.
BELOW = HERE / "libsocket"
MODULE = BELOW if BELOW.exists() else HERE.parents[1]
PARTS = (
    *("go.mod", "go.sum", "include", "socket", "capi"),
    *(".ci/compile.sh", ".ci/signals.sh"),
)
LIBRARY = "libsocket.so"


def compile_library(target: Path) -> None:
    """Build the library with the Go tool chain and a C compiler."""
    try:
        glibc = os.confstr("CS_GNU_LIBC_VERSION")
    except (OSError, ValueError):
        glibc = None
    if not glibc:
        raise SystemExit(
            "dotfiles-socket: libsocket needs Linux with glibc, which this "
            "Python does not run on; musl cannot load a Go library"
        )
    for program, wanted in {
        "go": "the Go tool chain, see go.dev/dl,",
        "gcc": "gcc with binutils and the headers of glibc",
        "bash": "bash",
    }.items():
        if shutil.which(program) is None:
            raise SystemExit(
                f"dotfiles-socket: there is no {program}: to build "
                f"{LIBRARY} from source, {wanted} is needed"
            )
    made = MODULE / "build" / "unstripped" / LIBRARY
    subprocess.run(["bash", MODULE / ".ci" / "compile.sh", made], check=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["strip", "--strip-unneeded", "-o", target, made], check=True
    )


class BuildPy(build_py):
    """Puts the library beside the modules."""

    def run(self) -> None:
        super().run()
        made = MODULE / "build" / LIBRARY
        if self.editable_mode:
            # What the next make builds is what is used.
            target = HERE / "src" / "dotfiles_socket" / LIBRARY
            target.unlink(missing_ok=True)
            target.symlink_to(os.path.relpath(made, target.parent))
            return
        target = Path(self.build_lib) / "dotfiles_socket" / LIBRARY
        if made.exists():
            shutil.copy(made.resolve(), target)
        else:
            compile_library(target)


class Wheel(bdist_wheel):
    """Any Python 3, this platform: one that the accelerator is not for does
    without it."""

    def get_tag(self) -> tuple[str, str, str]:
        return "py3", "none", super().get_tag()[2]


class Source(sdist):
    """Adds the Go module, without its tests."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        super().make_release_tree(base_dir, files)
        for part in PARTS:
            source, target = MODULE / part, Path(base_dir) / "libsocket" / part
            if source.is_dir():
                shutil.copytree(
                    source,
                    target,
                    ignore=shutil.ignore_patterns("*_test.go", "test*"),
                )
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)


ACCELERATOR = Extension(
    "dotfiles_socket._accelerator",
    [
        f"accelerator/{name}.c"
        for name in ("module", "sender", "taker", "msgpack")
    ],
    depends=["accelerator/accelerator.h"],
    include_dirs=[os.path.relpath(MODULE / "include", HERE)],
    extra_compile_args=["-std=c11"],
    py_limited_api=True,
    optional=True,
)

setup(
    ext_modules=[ACCELERATOR],
    # Beside what make builds, and not between the sources.
    options={"build": {"build_base": str(MODULE / "build" / "python")}},
    cmdclass={"build_py": BuildPy, "bdist_wheel": Wheel, "sdist": Source},
)
