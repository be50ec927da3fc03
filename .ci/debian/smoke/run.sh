#!/usr/bin/env bash
# Runs in a copy of a Debian machine: installs the packages of /packages, tries
# what is in them from outside of the tree, and removes them.
set -euo pipefail
cd /

files() { find /usr/include /usr/lib /usr/share -newer /smoke/before ! -type d \( -name '*libsocket*' -o -path '*dotfiles_socket*' \) | LC_ALL=C sort; }
passed=0
try() {
	local name=$1
	shift
	if ! "$@" >/smoke/log 2>&1; then
		cat /smoke/log >&2
		echo "failed: $name" >&2
		exit 1
	fi
	passed=$((passed + 1))
}
in_c() { cc -std=c99 -Wall -Wextra -Werror /smoke/round.c "${flags[@]}" -o /smoke/c && /smoke/c; }
in_cpp() { c++ -std=c++17 -Wall -Wextra -Werror /smoke/version.cpp "${flags[@]}" -o /smoke/cpp && /smoke/cpp; }
fetch_and_install() { apt-get install --yes --no-install-recommends /packages/*.deb; }

touch /smoke/before
try 'install' fetch_and_install
try 'no file of another package' dpkg --verify libsocket0 libsocket-dev python3-dotfiles-socket
read -ra flags < <(pkg-config --cflags --libs libsocket)
try 'C' in_c
try 'C++' in_cpp
try 'manual' bash -c 'man -w 3 libsocket_server_send && man -w 7 libsocket'
try 'Python' /usr/bin/python3 -W error /smoke/round.py
try 'remove' apt-get remove --yes libsocket0 libsocket-dev python3-dotfiles-socket
left=$(files)
if [ -n "$left" ]; then
	printf 'removing left:\n%s\n' "$left" >&2
	exit 1
fi
echo "$((passed + 1)) passed, 0 failed"
