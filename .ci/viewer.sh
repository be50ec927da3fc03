#!/usr/bin/env bash
# viewer.sh NAME: makes build/viewers/NAME, a program, from examples/loops or
# examples/languages. When the tool chain or a library of the language is not to
# be had, it says so, leaves the reason in build/viewers/NAME.missing and ends
# well; a viewer that does not compile is an error.
set -euo pipefail
cd "$(dirname "$0")/.."

name=$1
source=examples/languages/$name
root=$PWD
target=$root/build/viewers/$name
made=$root/build/viewers/$name.d # what it is made of
# shellcheck disable=SC1091 # it is what it says: names and values
. .ci/versions.env

mkdir -p "$made"
rm -f "$target" "$target.missing"

missing() {
	echo "$1" >"$target.missing"
	echo "viewer $name is left out: $1" >&2
	exit 0
}
# tools COMMAND...: the tool chain is the user's own choice, not installed.
tools() {
	local tool
	for tool; do
		command -v "$tool" >/dev/null || missing "$tool is not on this machine"
	done
}
packages() { .ci/packages.sh "$@" || missing "$* cannot be installed"; }
# fetched WHAT COMMAND...: the command brings what a registry has.
fetched() { "${@:2}" >"$made/fetch.log" 2>&1 || missing "$1 cannot be had: see $made/fetch.log"; }
# script COMMAND...: the program is an interpreter's, with the arguments added.
script() {
	{
		echo '#!/bin/sh'
		echo "export LIBSOCKET_LIBRARY='$root/build/libsocket.so.0'"
		printf 'exec %s "$@"\n' "$*"
	} >"$target"
	chmod +x "$target"
}

library=(-L"$root/build" "-Wl,-rpath,$root/build" -lsocket)
c=(gcc -std=gnu11 -O2 -g -Wall -Wextra -Wpedantic -Werror -Iinclude -Ibindings/c -o "$target" "examples/loops/$name.c")
# flags MODULE: what pkg-config says.
flags() { pkg-config --cflags --libs "$1"; }

echo "making $target" | sed "s|$root/||"
case $name in
epoll)
	"${c[@]}" "${library[@]}"
	;;
glib)
	packages pkg-config libglib2.0-dev
	read -ra glib < <(flags glib-2.0)
	"${c[@]}" "${library[@]}" "${glib[@]}"
	;;
uv)
	packages pkg-config libuv1-dev
	read -ra uv < <(flags libuv)
	"${c[@]}" "${library[@]}" "${uv[@]}"
	;;
cpp)
	g++ -std=c++17 -O2 -g -Wall -Wextra -Wpedantic -Wconversion -Werror -Iinclude -Ibindings/c \
		-o "$target" "$source/viewer.cpp" "${library[@]}"
	;;
rust)
	tools cargo
	manifest=(--quiet --locked --manifest-path "$source/Cargo.toml")
	fetched 'the crate rmpv' cargo fetch "${manifest[@]}"
	RUSTFLAGS="-D warnings -L native=$root/build -C link-arg=-Wl,-rpath,$root/build" \
		cargo build "${manifest[@]}" --offline --target-dir "$made"
	ln -sf "$name.d/debug/viewer" "$target"
	;;
node)
	tools node npm
	fetched "koffi $KOFFI_VERSION" npm install --no-audit --no-fund --fetch-retries=1 \
		--prefix "$made" "koffi@$KOFFI_VERSION"
	script env "NODE_PATH=$made/node_modules" node "$root/$source/viewer.js"
	;;
luajit)
	packages luajit
	script luajit "$root/$source/viewer.lua"
	;;
java)
	tools java javac mvn
	fetched "JNA $JNA_VERSION or msgpack-core $MSGPACK_JAVA_VERSION" mvn --batch-mode --quiet --file "$source/pom.xml" \
		"org.apache.maven.plugins:maven-dependency-plugin:$MAVEN_DEPENDENCY_VERSION:copy-dependencies" \
		"-DoutputDirectory=$made/lib" "-Djna=$JNA_VERSION" "-Dmsgpack=$MSGPACK_JAVA_VERSION"
	javac -Xlint:all -Werror -d "$made/classes" -cp "$made/lib/*" "$source/Viewer.java"
	script java -cp "'$made/classes:$made/lib/*'" Viewer
	;;
*)
	echo "viewer.sh: how is $name made?" >&2
	exit 1
	;;
esac
