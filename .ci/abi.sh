#!/usr/bin/env bash
# abi.sh check|write BASELINE LIBRARY: compares the interface of LIBRARY, which
# has its debug information, to the committed one, or writes that anew.
set -euo pipefail

command=$1 baseline=$2 library=$3
current=build/$(basename "$baseline")
abidw --exported-interfaces-only --type-id-style hash --no-architecture --no-corpus-path \
	--no-comp-dir-path --no-elf-needed --no-show-locs --out-file "$current" "$library"

# Of functions that the compiler merged, abidw describes one only.
if [ "$(grep -c '<elf-symbol ' "$current")" -ne "$(grep -c '<function-decl ' "$current")" ]; then
	echo "abidw did not describe every exported function of $library" >&2
	exit 1
fi
if [ "$command" = write ]; then
	cp "$current" "$baseline"
	exit 0
fi

status=0
report=$(abidiff "$baseline" "$current") || status=$?
[ "$status" -ne 0 ] || exit 0

echo "$report" >&2
if ((status & 3)); then
	echo "abidiff failed ($status)" >&2
elif ((status & 8)); then
	echo 'programs linked against the baseline would break' >&2
else
	echo 'the interface has changed: when that is meant, run make abi-baseline and commit it' >&2
fi
exit 1
