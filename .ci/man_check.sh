#!/usr/bin/env bash
# man_check.sh HEADER DIRECTORY: every function of the header has a page, in
# which its prototype stands; and groff and mandoc have nothing to say about any.
set -euo pipefail

header=$1 pages=$(realpath "$2")
status=0
fail() {
	echo "$*" >&2
	status=1
}

# shown PAGE...: what a reader sees, with single spaces.
shown() { MANPAGER=cat MANWIDTH=200 man -M "$pages" "$@" 2>&1 | tr -s '[:space:]' ' '; }

prototypes=$(gcc -E -P "$header" | tr '\n' ' ' | tr ';' '\n' | grep -oE '[a-z ]*[ *]+libsocket_[a-z_]+\(.*\)' | grep -v typedef)
count=0
while read -r prototype; do
	name=$(grep -oE 'libsocket_[a-z_]+\(' <<<"$prototype" | head -n 1 | tr -d '(')
	count=$((count + 1))
	grep -qF -- "$(tr -s '[:space:]' ' ' <<<"$prototype" | sed 's/ $//')" <<<"$(shown 3 "$name")" ||
		fail "$name(3) does not show: $prototype"
done <<<"$prototypes"
[ "$count" -ge 10 ] || fail "only $count functions were found in $header"
grep -q 'SIGNALS AND EXIT' <<<"$(shown 7 libsocket)" || fail 'libsocket(7) lacks the rules'

for page in "$pages"/man?/*; do
	if head -n 1 "$page" | grep -q '^\.so'; then continue; fi
	said=$(
		mandoc -T lint -W warning "$page" 2>&1 || true
		cd "$pages" && LC_ALL=C.UTF-8 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null
	)
	[ -z "$said" ] || fail "$said"
done
exit $status
