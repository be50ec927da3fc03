#!/usr/bin/env bash
# c_tests.sh VECTORS PROGRAM...: runs each C or C++ test program, those in
# build/plain/ once more under valgrind, as many at a time as there are cores.
# A program that passes is a line. Ends in "N passed, N failed", the sum of
# what the programs say.
set -euo pipefail
cd "$(dirname "$0")/.."

vectors=$1
shift

# Fair: the thread that spins would otherwise run and the others would not.
valgrind=(valgrind --quiet --fair-sched=try --error-exitcode=99 --leak-check=full
	--show-leak-kinds=definite --errors-for-leak-kinds=definite
	--suppressions=capi/test/libsocket.supp)
# What Go writes comes from stacks that valgrind does not know, and counts as
# not initialised wherever the host reads it.
go_writes=--undef-value-errors=no
export UBSAN_OPTIONS=print_stacktrace=1

# What valgrind says of itself and not of the program: that it does not know
# fchmodat2 (the library then does without), nor a form of Go's debug
# information.
valgrind_chatter='^(--[0-9]+-- (WARNING: unhandled [a-z0-9-]+ syscall: 452|You may be able|Read the file README_MISSING|Nevertheless we|it at http|WARNING: Serious error when reading debug|When reading debug info from .*/libsocket\.so|get_Form_contents: unhandled)|get_Form_szB: unhandled)'

# run HOW PROGRAM [WRAPPER...]: prints what happened, and the counts to fd 3.
run() {
	local how=$1 program=$2 arguments=() output status=0 counts p=0 f=0 start=$SECONDS
	local scale=${TEST_SCALE:-100}
	shift 2
	case $how/${program##*/} in
	*/payload_vectors_test) arguments=("$vectors") ;;
	valgrind/payload_fuzz_test) arguments=(100) ;; # rounds: it is 50 times slower
	esac
	[ "$how" != valgrind ] || scale=10
	output=$(TEST_SCALE=$scale "$@" "$program" "${arguments[@]}" 2>&1 </dev/null) || status=$?

	counts=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' <<<"$output" | tail -n 1) || true
	[ -z "$counts" ] || read -r p _ f _ <<<"$counts"
	# It died before it could say, or what surrounds it found something.
	if [ "$f" -eq 0 ] && { [ $status -ne 0 ] || [ "$p" -eq 0 ]; }; then f=1; fi
	echo "$p $f" >&3
	if [ "$f" -eq 0 ]; then
		printf 'ok   %-9s %s: %s (%d s)\n' "$how" "${program##*/}" "$counts" $((SECONDS - start))
	else
		grep -vE "$valgrind_chatter" <<<"$output" || true
		printf 'FAIL %-9s %s: exit status %d\n' "$how" "${program##*/}" $status
	fi
}

# begin ARGUMENT...: run in the background, when a core is free.
begin() {
	while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n; done
	run "$@" &
}

results=$(mktemp)
record=$(mktemp)
trap 'rm -f "$results" "$record"' EXIT
exec 3>"$results" 4>"$record"
export TEST_RECORD=4 # see capi/test/functions.py
for program; do
	way=${program#build/}
	way=${way%%/*}
	case $program in
	*/payload_vectors_test) ;; # minutes, for what the sanitizers see as well
	*/memory_test) ;; # valgrind would put its malloc over the program's
	*/load_test) ;; # it faults on purpose
	build/plain/capi/*) begin valgrind "$program" "${valgrind[@]}" "$go_writes" ;;
	build/plain/*) begin valgrind "$program" "${valgrind[@]}" ;;
	esac
	begin "$way" "$program"
done
wait

# Only what tests every function at once can say so.
if [[ " $* " == *" build/plain/capi/test/header_test "* ]]; then
	if ${PYTHON:-python3} capi/test/functions.py compare include/libsocket.h "$record" capi/test/*.c; then
		echo 'ok   manual: every status it names was returned, and no other; every name is used'
		echo 1 0 >&3
	else
		echo 'FAIL manual: libsocket.h does not say what the tests were given'
		echo 0 1 >&3
	fi
fi

awk '{ passed += $1; failed += $2 } END { print passed " passed, " failed " failed"; exit failed > 0 }' "$results"
