#!/bin/bash
# Fuzzes what reads other people's bytes: every target of tests/fuzz, side by side. A target starts
# from the seeds in tests/fuzz/corpus/TARGET and from what earlier runs have found, which is kept in
# build/fuzz/TARGET/corpus. Where it breaks, the input is kept too, and how to replay it is said.
# Settings: FUZZ_SECONDS (10) of each target. Arguments: targets, else all.
# takes: 70
set -euo pipefail
cd "$(dirname "$0")/../../.."
. tests/support/tap.bash

seconds=${FUZZ_SECONDS:-10}
# As one of the tests it takes the same walk each time, as far as time allows; to look further is what
# `make fuzz` is for. 0: a random one.
seed=${FUZZ_SEED:-${FUZZ_SECONDS:+0}}
seed=${seed:-1}
build=$PWD/build/fuzz
targets=("$@")
(($#)) || mapfile -t targets < <(basename -s .c -a tests/fuzz/*.c)

# The runtime is a package of its own.
probe() {
	clang -x c -fsanitize=fuzzer,address,undefined -o /dev/null - <<-'END'
		int LLVMFuzzerTestOneInput(const char *data, unsigned long bytes);
		int LLVMFuzzerTestOneInput(const char *data, unsigned long bytes) { return !data && bytes; }
	END
}
command -v clang >/dev/null || skip_all "no clang here; on Debian: apt-get install clang"
probe 2>/dev/null ||
	skip_all "this clang has no libFuzzer; on Debian: apt-get install libclang-rt-dev"
for target in "${targets[@]}"; do
	[[ -e tests/fuzz/$target.c ]] || {
		echo "fuzz.sh: unknown target '$target': one of $(basename -s .c -a tests/fuzz/*.c | tr '\n' ' ')" >&2
		exit 2
	}
done

files=$(mktemp -d)
declare -A pid_of=()
clean() {
	((${#pid_of[@]})) && kill "${pid_of[@]}" 2>/dev/null
	wait
	rm -rf "$files" "$tap_log"
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

mkdir -p "$build"
# In a make of its own: what it inherits of the one that runs the tests isn't meant for it.
check "the targets are built" env -u MAKEFLAGS -u MAKELEVEL -u CC -u CXX \
	make -j"$(nproc)" PROFILE=fuzz fuzz-programs

start() {
	local target=$1 dictionary=()
	mkdir -p "$build/$target/corpus"
	[[ ! -e tests/fuzz/$target.dict ]] || dictionary=("-dict=tests/fuzz/$target.dict")
	TMPDIR=$files UBSAN_OPTIONS=print_stacktrace=1 "$build/tests/fuzz/$target" -max_total_time="$seconds" -seed="$seed" -max_len=8192 \
		-timeout=20 -rss_limit_mb=2048 "${dictionary[@]}" \
		-artifact_prefix="$build/$target/" "$build/$target/corpus" "tests/fuzz/corpus/$target" \
		>"$build/$target/log" 2>&1 </dev/null &
	pid_of[$target]=$!
}

# ended TARGET STATUS: without a fault, and after it has run at all.
ended() {
	local log=$build/$1/log found
	(($2)) || ! grep -q '^Done [1-9]' "$log" || return 0
	echo "exit $2"
	grep -vE '^(#[0-9]|INFO|NOTE|	NEW_FUNC)' "$log" | tail -n 60
	found=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
	[[ -z $found ]] || printf '\nthe input: %s\nreplay it: %s %s\n' "$found" "$build/tests/fuzz/$1" "$found"
	return 1
}

for target in "${targets[@]}"; do start "$target"; done
echo "# logs: $build/TARGET/log"
for target in "${targets[@]}"; do
	status=0
	wait "${pid_of[$target]}" || status=$?
	unset "pid_of[$target]"
	check "$target: nothing found in $seconds s" ended "$target" "$status"
	sed -n 's/^Done \([0-9]*\) runs.*/# \1 inputs/p' "$build/$target/log"
done
plan
