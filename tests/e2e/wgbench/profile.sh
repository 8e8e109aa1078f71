#!/bin/bash
# `wgbench profile`: flame graphs of both ends and of two tunnels' difference, whose sides say which
# they are; what is in the way is named before anything is made; nothing is left behind.
# alone: it measures
set -euo pipefail
. "$(dirname "$0")/../../support/topology.bash"
wgbench=$build/wgbench
dir=$keys # a folder that is removed at the end
export TMPDIR=$dir/tmp
mkdir "$TMPDIR"

clean() {
	[[ -z ${pid:-} || $(readlink "/proc/$pid/exe") != "$wgbench" ]] || kill -TERM "$pid" || true
	topology_clean
}
trap clean EXIT

left_by() { # PID
	ip netns list | grep -o "^wgb-$1-[^ ]*" || true
	compgen -G "/run/wgbench/$1" || true
	pgrep -a -f "wgb$1n" || true
	ls -A "$TMPDIR"
}

profile() { # STATUS ARGUMENTS...: the command's output is in $dir/out and err, its pid in $pid
	local status=0 expected=$1
	shift
	"$wgbench" profile "$@" >"$dir/out" 2>"$dir/err" &
	pid=$!
	wait $pid || status=$?
	cat "$dir/out" "$dir/err"
	equal "$status" "$expected"
	equal "$(left_by $pid)" ""
}

refused() { # ERE ARGUMENTS...: exit 2, one line that matches, nothing made
	local ere=$1
	shift
	profile 2 --out "$dir/new" --duration 1 "$@"
	equal "$(wc -l <"$dir/err")" 1
	match "$(<"$dir/err")" "$ere"
	equal "$(<"$dir/out")" ""
	[[ ! -e $dir/new ]]
}

check "no tunnel" refused "--tunnel SPEC"
check "unknown preset" refused "'frob'.*gsoc-before" --tunnel frob
check "unknown baseline" refused "'frob'.*lockfree" --tunnel default --vs ring=frob
check "unknown workload" refused "'frob'.*tcp" --tunnel default --workload frob
check "unknown revision" refused "'frob'" --tunnel default@frob
check "frequency out of range" refused "frequency '0'.*1 to" --tunnel default --frequency 0
mkdir "$dir/old"
touch "$dir/old/profile.json"
taken() {
	profile 2 --out "$dir/old" --tunnel default
	match "$(<"$dir/err")" "$dir/old holds a profile"
	equal "$(ls "$dir/old")" profile.json
}
check "a folder that holds a profile" taken

without() { # PROGRAM ERE
	mkdir -p "$dir/path"
	ln -sf -t "$dir/path" $(type -p -a bash) /usr/sbin/* /usr/bin/* 2>/dev/null || true
	rm "$dir/path/$1"
	PATH=$dir/path refused "$2" --tunnel default
}
check "no perf" without perf "'perf'.*apt install linux-perf"

# The real perf, without the right to look at the machine.
denied() {
	local perf
	perf=$(type -p perf)
	mkdir "$dir/denied"
	printf '#!/bin/sh\nexec setpriv --bounding-set=-all --inh-caps=-all %s "$@"\n' "$perf" >"$dir/denied/perf"
	chmod 755 "$dir/denied/perf"
	PATH=$dir/denied:$PATH profile 2 --out "$dir/new" --duration 1 --tunnel default
	match "$(<"$dir/err")" "perf record .*perf_event_paranoid is [-0-9]+"
	[[ ! -e $dir/new ]]
}
if (($(</proc/sys/kernel/perf_event_paranoid) < 0)); then
	skip "no right to sample the machine" "perf_event_paranoid lets everyone"
else
	check "no right to sample the machine" denied
fi

has_svg() { # FILE: whole, and by itself
	grep -q '</svg>' "$1"
	if grep -E '(href|src)="?https?:' "$1" | grep -v xmlns; then return 1; fi
}

one() {
	profile 0 --out "$dir/one" --duration 2 --tunnel default
	for part in left right all; do
		has_svg "$dir/one/$part.svg"
		[[ -s $dir/one/$part.folded ]]
	done
	# The left end encrypts what the right end decrypts; both are in the whole.
	grep -q ';output_encrypt;.* [0-9]*$' "$dir/one/left.folded"
	grep -q ';input_decrypt;.* [0-9]*$' "$dir/one/right.folded"
	grep -q '^left end;.*;output_encrypt;' "$dir/one/all.folded"
	grep -q '^right end;.*;input_decrypt;' "$dir/one/all.folded"
	grep -q '^iperf3;' "$dir/one/all.folded"
	grep -q '_\[k\]' "$dir/one/left.folded"
	grep -q 'default: left end, tcp' "$dir/one/left.svg"
	grep -q '>output_encrypt' "$dir/one/left.svg"
	equal "$(ls "$dir/one" | grep -c perf.data)" 0
	jq -e '.candidate | .spec == "default" and .per == "Gbit" and .samples_left > 100 and
		.samples_right > 100 and .samples > .samples_left + .samples_right' "$dir/one/profile.json"
	equal "$(awk '{ n += $NF } END { print n }' "$dir/one/all.folded")" \
		"$(jq '.candidate.samples | floor' "$dir/one/profile.json")"
}
check "flame graphs of both ends and of everything" one

# The difference's columns are baseline, candidate where the widths are the candidate's.
two() {
	profile 0 --out "$dir/two" --duration 2 --tunnel default --vs aead=openssl
	for name in {baseline,candidate}-{left,right,all} difference-of-{baseline,candidate}; do
		has_svg "$dir/two/$name.svg"
		[[ -s $dir/two/$name.folded ]]
	done
	for name in difference-of-{baseline,candidate}; do
		grep -q 'candidate default against baseline aead=openssl.*: both ends, µs CPU/Gbit, tcp' "$dir/two/$name.svg"
		grep -q 'candidate default costs more' "$dir/two/$name.svg"
		grep -q 'candidate default costs less' "$dir/two/$name.svg"
	done
	grep -q 'baseline aead=openssl: left end' "$dir/two/baseline-left.svg"
	grep -q 'candidate default: left end' "$dir/two/candidate-left.svg"
	equal "$(cut -d';' -f1 "$dir/two/difference-of-candidate.folded" | sort -u)" $'left end\nright end'
	# OpenSSL costs nothing in the candidate. Not every release's library names its functions.
	awk '/EVP_|libcrypto/ { n++; bad += $(NF) != 0 } END { exit !(n && !bad) }' \
		"$dir/two/difference-of-candidate.folded"
	awk '/EVP_|libcrypto/ { n++; bad += $(NF - 1) != 0 } END { exit !(n && !bad) }' \
		"$dir/two/difference-of-baseline.folded"
}
check "a differential flame graph whose sides are named" two

interrupted() {
	local status=0
	env --default-signal=INT "$wgbench" profile --out "$dir/stopped" --duration 30 --tunnel default \
		>"$dir/out" 2>"$dir/err" &
	pid=$!
	until_true 60 test -s "$dir/stopped/perf.data"
	kill -INT $pid
	wait $pid || status=$?
	cat "$dir/err"
	equal "$status" 130
	equal "$(left_by $pid)" ""
	[[ ! -e $dir/stopped ]]
}
check "an interrupted profile leaves nothing" interrupted
plan
