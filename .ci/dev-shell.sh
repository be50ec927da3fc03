#!/usr/bin/env bash
# A shell in which compilers, Python and programs find this build of libsocket:
# cc x.c -lsocket && ./a.out, python -c 'import dotfiles_socket'.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

# before VARIABLE DIRECTORY: puts the directory first.
before() { export "$1=$2${!1:+:${!1}}"; }
before PATH "$root/.venv/bin"
before C_INCLUDE_PATH "$root/include:$root/bindings/c"
before CPLUS_INCLUDE_PATH "$root/include:$root/bindings/c"
before LIBRARY_PATH "$root/build"
before LD_LIBRARY_PATH "$root/build"
export VIRTUAL_ENV=$root/.venv

echo "libsocket from $root; leave with exit" >&2
exec "${SHELL:-bash}"
