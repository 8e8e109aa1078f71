#!/bin/bash
# `wgbench count`: every tunnel's replay carries its packets; counts repeat exactly, a planted cost is
# found, and what can't be counted is said. What planted nanoseconds come to.
# takes: 45
set -euo pipefail
cd "$(dirname "$0")/../../.."
. tests/support/tap.bash

profile=${PROFILE:-release}
build=$PWD/build/$profile
wgbench=$build/wgbench
make_dir
export TMPDIR=$dir/tmp
mkdir "$TMPDIR"
unset WGBENCH_ROOT

# ---- the replay

# carries TUNNEL: all packets of a mix through each side.
carries() {
	equal "$("$build/tunnels/$1/wgbench-replay" imix | sed 's/ calls=[0-9]*$//')" \
		"$(printf '%s packets=1152 bytes=400512\n' encrypt decrypt both)"
}
for program in "$build"/tunnels/*/wgbench-replay; do
	tunnel=$(basename "$(dirname "$program")")
	check "$tunnel carries its packets" carries "$tunnel"
done

replay() { "$build/tunnels/default/wgbench-replay" "$@" >"$dir/out" 2>"$dir/err"; }

mixes() {
	local mix
	for mix in 64 1420 gso; do
		replay "$mix"
		equal "$(wc -l <"$dir/out")" 3
	done
}
check "every mix" mixes

# Each packet by a call of its own where nothing is joined; else many by one.
switches() {
	replay gso
	grep -E '^encrypt packets=2880 bytes=4089600 calls=[1-3][0-9]{2}$' "$dir/out"
	replay gso udp-gso=off,udp-gro=off,merge-tcp=off
	grep -E '^decrypt packets=2880 .* calls=[34][0-9]{3}$' "$dir/out"
}
check "its switches are those of the tunnel" switches

wrong() { # ERE ARGUMENT...
	local ere=$1 status=0
	shift
	replay "$@" || status=$?
	equal "$status" 2
	match "$(<"$dir/err")" "$ere"
}
check "an unknown mix is named with what there is" wrong "'65': one of 64 imix 1420 gso" 65
check "an unknown switch is named" wrong "'frob'" 64 frob=1

# 48 rounds of 32 packets to encrypt, as many to decrypt, and both again, by the clock.
ns() {
	local began us
	make -s PROFILE="$profile" replay SPEC=plant=20000ns
	began=${EPOCHREALTIME/./}
	"$build/tunnels/plant=20000ns/wgbench-replay" 64
	us=$((${EPOCHREALTIME/./} - began))
	echo "$us us"
	((us >= 4 * 48 * 32 * 20))
}
[[ $profile == lto ]] || check "injected nanoseconds take their time" ns

no_trace() {
	local names
	names=$(nm "$build/tunnels/default/wgbench-tunnel")
	grep -q ' output_encrypt$' <<<"$names"
	equal "$(grep -c __wrap <<<"$names")" 0
}
[[ $profile == lto ]] || check "a tunnel without an injected cost has no trace of one" no_trace

# ---- the command

count() { # STATUS ARGUMENT...
	local status=0 expected=$1
	shift
	"$wgbench" count "$@" >"$dir/out" 2>"$dir/err" || status=$?
	cat "$dir/out" "$dir/err"
	equal "$status" "$expected"
	equal "$(ls -A "$TMPDIR")" ""
}

refused() { # ERE ARGUMENT...: exit 2, one line that matches
	local ere=$1
	shift
	count 2 "$@"
	equal "$(<"$dir/out")" ""
	equal "$(wc -l <"$dir/err")" 1
	match "$(<"$dir/err")" "$ere"
}
check "no tunnel" refused "missing: SPEC" --instructions
check "three tunnels" refused "unexpected word" default default default
check "unknown variant" refused "'frob'.*lockfree" ring=frob
check "a tunnel that isn't of this tree" refused "veth: only a tunnel of this tree can be replayed" default veth
check "unknown mix" refused "--mix '65': expected one of 64, imix" --mix 65 default
check "unknown side" refused "--side 'left': expected one of encrypt" --side left default
check "an injected cost without a unit" refused "plant=5: .*plant=5i" plant=5

without_valgrind() {
	mkdir "$dir/path"
	ln -s -t "$dir/path" $(type -p -a bash) /usr/sbin/* /usr/bin/* 2>/dev/null || true
	rm "$dir/path/valgrind"
	PATH=$dir/path refused "'valgrind'.*apt install valgrind" --instructions default
}
check "no valgrind" without_valgrind

case $profile in
asan | tsan)
	check "no count under a sanitizer" refused "sanitizer.*build/release/wgbench" --instructions default
	plan
	exit
	;;
release) ;;
*)
	skip "counts" "they are of the profile release"
	plan
	exit
	;;
esac

bad_switch() {
	count 2 --instructions --mix 64 default+frob=1
	match "$(tail -n 1 "$dir/err")" "default\+frob=1, 64: .*'frob'"
}
check "an unknown switch" bad_switch

instructions() { jq -c '[.counts[].tunnels[].instructions]' "$dir/out"; }

# Whatever stands in the environment, one thread or two, with tables whose hashes are random.
repeats() { # SPEC
	local first
	count 0 --instructions --json --mix imix "$1"
	first=$(instructions)
	jq -e '[.counts[] | .mix == "imix" and .tunnels[0].instructions > 1000000 and
		.tunnels[0].packets == 1152] | length == 3 and all' "$dir/out"
	LONG=$(printf 'x%.0s' {1..1000}) count 0 --instructions --json --mix imix "$1"
	equal "$(instructions)" "$first"
}
check "counts repeat exactly" repeats default
check "counts of threads repeat exactly" repeats gsoc-before

same() {
	count 0 --instructions --json --mix 64 default default
	jq -e '(.gate_percent * 100 | round) == 10 and .functions == [] and
		([.counts[] | .difference_percent == 0 and .verdict == "same"] | length == 3 and all)' "$dir/out"
}
check "a tunnel against itself is the same" same

# A thousandth of what a packet costs, rounded up; then a single instruction.
planted() {
	local n
	count 0 --instructions --json --mix imix --side encrypt default
	n=$(jq '.counts[0].tunnels[0].instructions_per_packet / 1000 | ceil' "$dir/out")
	count 1 --instructions --json --mix imix --side encrypt default "plant=${n}i"
	jq -e '.counts[0] | .verdict == "more" and .difference_percent >= 0.1 and .difference_percent < 0.14' \
		"$dir/out"
	jq -e '.functions | length == 1 and .[0].function == "workloads/planted/cost.c:__wrap_output_encrypt"' "$dir/out"
	count 0 --instructions --json --mix imix --side encrypt default plant=1i
	jq -e '.counts[0] | .verdict == "same" and .difference_percent > 0' "$dir/out"
	count 1 --instructions --mix imix --side encrypt --gate 0.005 default plant=1i
	count 0 --instructions --mix imix --side encrypt "plant=${n}i" default
	match "$(<"$dir/out")" "-0\.1[0-3][0-9] %  fewer"
}
check "an injected 0.1 % is found, less only on request" planted

known_difference() {
	count 0 --instructions --mix 64 --top 1 --function allowedips default allowedips=poptrie
	match "$(<"$dir/out")" "-[0-9.]+ +variants/allowedips:allowedips_lookup"
}
check "another variant's own function is what changed" known_difference

ciphers() {
	count 3 --instructions --mix 64 default aead=openssl
	match "$(<"$dir/out")" "not judged.*different .aead. can't be judged"
}
check "ciphers are not judged" ciphers

interrupted() {
	local pid status=0
	env --default-signal=INT "$wgbench" count --instructions default >"$dir/out" 2>"$dir/err" &
	pid=$!
	until_true 60 pgrep -P "$pid" -f "callgrind-out-file=$TMPDIR"
	kill -INT "$pid"
	wait "$pid" || status=$?
	equal "$status" 130
	equal "$(<"$dir/out")" ""
	equal "$(ls -A "$TMPDIR")" ""
	equal "$(pgrep -f "callgrind-out-file=$TMPDIR" || true)" ""
}
check "an interrupted count leaves nothing" interrupted

in_a_network() {
	local pid
	"$wgbench" count --json --mix gso --mix imix default >"$dir/out" 2>"$dir/err" &
	pid=$!
	wait "$pid" || { cat "$dir/err"; return 1; }
	jq -e '.calls | length == 2 and ([.[].end] == ["left", "right"]) and
		all(.mix == "gso" and (.calls_per_packet | length == 3 and all(. > 0.01 and . < 2)))' "$dir/out"
	equal "$(ip netns list | grep -o "^wgb-$pid-[^ ]*" || true)" ""
	equal "$(ls -A "$TMPDIR")" ""
}
nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
without_root() {
	local status=0
	"${nobody[@]}" "$wgbench" count default >"$dir/out" 2>"$dir/err" || status=$?
	equal "$status" 2
	match "$(<"$dir/err")" "needs root.*--instructions leaves them out"
}
if ((EUID)) || [[ ! -c /dev/net/tun ]]; then
	skip "system calls in a network" "it needs root and /dev/net/tun"
else
	check "system calls in a network" in_a_network
	if "${nobody[@]}" test -x "$wgbench"; then
		check "no root" without_root
	else
		skip "no root" "nobody can't read this folder"
	fi
fi
plan
