#!/usr/bin/env bash
# coverage.sh PROFILE BOUND: the share of statements that the tests ran, each
# file's own, lowest first, and whether the whole reaches BOUND percent.
set -euo pipefail

profile=$1 bound=$2
awk -v bound="$bound" '
	NR > 1 {
		# file:from,to statements runs; a block may stand there once a test binary
		if (!($1 in size)) { size[$1] = $2; split($1, part, ":"); file[$1] = part[1] }
		if ($3 > 0) hit[$1] = 1
	}
	END {
		for (block in size) {
			all[file[block]] += size[block]; every += size[block]
			if (block in hit) { ran[file[block]] += size[block]; total += size[block] }
		}
		if (!every) { print "the profile is empty" > "/dev/stderr"; exit 1 }
		for (name in all) printf "%5.1f %%  %s\n", 100 * ran[name] / all[name], name | "sort -n"
		close("sort -n")
		share = 100 * total / every
		printf "%5.1f %%  of all statements; the bound is %s %%\n", share, bound
		exit share < bound
	}' "$profile"
