#!/usr/bin/env bash
# Installs the Debian packages named that are missing, or says how to.
# A package counts as present when what it is wanted for works, wherever it
# came from: a compiler or Python from elsewhere is as good.
set -euo pipefail
cd "$(dirname "$0")/.."

# present PACKAGE: does what the package is wanted for work?
present() {
	case $1 in
	abigail-tools) command -v abidw && command -v abidiff ;;
	binutils) command -v nm && command -v objcopy && command -v readelf ;;
	libc6-dev) printf '#include <stdio.h>\n' | gcc -E - ;;
	libglib2.0-dev) pkg-config --exists glib-2.0 gio-unix-2.0 ;;
	libnng-dev) printf '#include <nng/nng.h>\n' | gcc -E - ;;
	libuv1-dev) pkg-config --exists libuv ;;
	libzmq3-dev) printf '#include <zmq.h>\n' | gcc -E - ;;
	debhelper) command -v dh ;;
	dh-python) command -v dh_python3 ;;
	luajit) luajit -e 'require "ffi"; require "cjson"' ;;
	man-db) command -v man ;;
	python3-dev) "${PYTHON:-python3}" -c 'import os, sysconfig
os.stat(sysconfig.get_path("include") + "/Python.h")' ;;
	python3-venv) "${PYTHON:-python3}" -c 'import ensurepip, venv' ;;
	systemd) command -v systemd-socket-activate ;;
	util-linux) command -v flock ;;
	valgrind) valgrind --quiet true ;;
	*) command -v "$1" ;;
	esac >/dev/null 2>&1
}

# companions PACKAGE: what it needs beside itself to be of use.
companions() {
	case $1 in
	luajit) echo lua-cjson ;;
	valgrind) echo libc6-dbg ;;
	esac
}

missing=()
for package; do
	present "$package" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

wanted=()
for package in "${missing[@]}"; do
	read -ra beside < <(companions "$package"; echo)
	wanted+=("$package" "${beside[@]}")
done
by_hand="apt-get install ${wanted[*]}"

give_up() {
	echo "missing: ${missing[*]} (Debian's names). $1 Install by hand: $by_hand" >&2
	exit 1
}

command -v apt-get >/dev/null || give_up "This system has no apt-get."
if [ "$(id -u)" -eq 0 ]; then
	root=()
elif sudo -n true 2>/dev/null; then
	root=(sudo -n)
else
	give_up "Installing needs root or sudo without a password."
fi

echo "installing ${wanted[*]}" >&2
mkdir -p build
log=build/packages.log
apt() {
	"${root[@]}" env DEBIAN_FRONTEND=noninteractive \
		apt-get -o DPkg::Lock::Timeout=300 "$@" >>"$log" 2>&1
}

# One installation at a time, also under make -j; lists are fetched once a day.
exec 9>build/packages.lock
flock 9
if [ -z "$(find build/packages.updated -mtime -1 2>/dev/null)" ]; then
	apt update || echo "apt-get update failed, going on with the old lists: see $log" >&2
	touch build/packages.updated
fi
apt install --yes --no-install-recommends "${wanted[@]}" ||
	give_up "apt-get failed: see $log."

for package in "${missing[@]}"; do
	present "$package" || give_up "$package was installed and does not work."
done
