#!/usr/bin/env bash
# package_test.sh PREFIX: builds and runs a program against the library that
# was installed below PREFIX, or moved there, through pkg-config and through
# CMake, in C and C++. The programs lie in a temporary directory.
set -euo pipefail

prefix=$(realpath "$1")
source=$(realpath "$(dirname "$0")/package")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

pc=$(find "$prefix" -name libsocket.pc -print -quit)
[ -n "$pc" ] || { echo "no libsocket.pc below $prefix" >&2; exit 1; }
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
version=$(pkg-config --define-prefix --modversion libsocket)
LD_LIBRARY_PATH=$(pkg-config --define-prefix --variable=libdir libsocket)
export LD_LIBRARY_PATH

passed=0 failed=0
# check NAME COMMAND...: the command must end well; what it says is shown if not.
check() {
	local name=$1
	shift
	if "$@" >"$work/log" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "failed: $name"
		cat "$work/log"
	fi
}
# says VERSION COMMAND...: the command prints exactly the version.
says() { [ "$("${@:2}")" = "$1" ]; }
configure() { cmake -S "$source" -B "$work/cmake-$1" -DWANTED="$1" -DCMAKE_PREFIX_PATH="$prefix"; }
refuses() { ! configure "$1"; }

warnings=(-Wall -Wextra -Wpedantic -Wconversion -Werror)
read -ra flags < <(pkg-config --define-prefix --cflags --libs libsocket)
check 'pkg-config, C' cc -std=c99 "${warnings[@]}" "$source/consumer.c" "${flags[@]}" -o "$work/c"
check 'pkg-config, C: run' says "$version" "$work/c"
check 'pkg-config, C++' c++ -std=c++17 "${warnings[@]}" "$source/consumer.cpp" "${flags[@]}" -o "$work/cpp"
check 'pkg-config, C++: run' says "$version" "$work/cpp"

check 'find_package' configure "$version"
check 'CMake: build' cmake --build "$work/cmake-$version"
check 'CMake, C: run' says "$version" "$work/cmake-$version/consumer_c"
check 'CMake, C++: run' says "$version" "$work/cmake-$version/consumer_cpp"
check 'find_package: a range that holds it' configure "${version%%.*}...$((${version%%.*} + 1))"
check 'find_package: a later major version' refuses "$((${version%%.*} + 1))"
check 'find_package: a later minor version' refuses "${version%%.*}.999"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
