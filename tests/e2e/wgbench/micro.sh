#!/bin/bash
# Microbenchmarks: every program runs and every entry of it succeeds; `wgbench micro` as a user
# meets it; and a variant that is one new file is found by all.
# takes: 25
set -euo pipefail
cd "$(dirname "$0")/../../.."
. tests/support/tap.bash

profile=${PROFILE:-release}
build=$PWD/build/$profile
wgbench=$build/wgbench
make_dir
unset WGBENCH_ROOT

# The largest tables are built as the others are, and take from ten seconds to a minute each.
some='--benchmark_filter=-prefixes:1000000|entries:(1048576|204800)|poisoned:[12]0000'

# runs PROGRAM: each entry that it lists gives a time, none an error.
runs() {
	local listed told
	listed=$("$1" --benchmark_list_tests=true "$some" | sort)
	[[ $listed ]]
	"$1" --benchmark_min_time=1e-6 "$some" --benchmark_format=json >"$dir/json" || {
		grep -B 3 -A 1 error_occurred "$dir/json"
		return 1
	}
	told=$(grep -B 4 '"run_type": "iteration"' "$dir/json" | sed -n 's/.*"name": "\(.*\)",/\1/p' | sort)
	equal "$told" "$listed"
	grep -q '^noop$' <<<"$listed"
	grep -q '^baseline$' <<<"$listed"
	[[ $(grep -c error_occurred "$dir/json") == 0 ]]
}

for program in "$build"/micro/*/*; do
	[[ -x $program && $program != *.* ]] || continue
	check "every entry of ${program#"$build"/micro/} runs" runs "$program"
done

all_variants() {
	local source slot
	for source in variants/*/*.c; do
		slot=$(basename "$(dirname "$source")")
		[[ ! -e workloads/micro/$slot.c || -x $build/micro/$slot/$(basename "$source" .c) ]]
	done
}
check "each variant of a slot with microbenchmarks has a program" all_variants

wrong_option() {
	local status=0
	"$build/micro/aead/openssl" --nonsense 2>"$dir/err" || status=$?
	equal "$status" 2
	match "$(<"$dir/err")" "unknown option '--nonsense'"
}
check "a program refuses an unknown option" wrong_option

# refused ERE ARGUMENT...: exit 2 and one line.
refused() {
	local ere=$1 status=0
	shift
	"$wgbench" micro "$@" >"$dir/out" 2>"$dir/err" || status=$?
	cat "$dir/err"
	equal "$status" 2
	equal "$(<"$dir/out")" ""
	equal "$(wc -l <"$dir/err")" 1
	match "$(<"$dir/err")" "$ere"
}
check "an unknown filter is named with what exists" refused "'nosuch' matches none.* ring/lockfree" nosuch
check "a filter that is no expression is refused" refused "'\(' is no extended" '('
check "an unknown counter is named" refused "unknown counter 'wishes'" --counters=cycles,wishes ring
check "two filters are too many" refused "unexpected word 'aead'" ring aead

lists() {
	"$wgbench" micro --list >"$dir/out"
	grep -x 'aead/openssl/seal/bytes:64' "$dir/out"
	grep -x 'ring/spinlock/noop' "$dir/out"
	"$wgbench" micro --list --json ring >"$dir/out"
	grep '"ring/spinlock/noop"' "$dir/out"
	[[ $(grep -c aead "$dir/out") == 0 ]]
}
check "--list shows the entries" lists

measures() {
	"$wgbench" micro 'aead/.*/(noop|seal/bytes:64$|seal/bytes:1420)' --quick --out "$dir/a" \
		--counters=instructions,perf::TASK-CLOCK >"$dir/out"
	cat "$dir/out"
	grep '^aead: ns per iteration, medians of 2 runs' "$dir/out"
	grep -E '^seal/bytes:1420 +cpu +[0-9.]+ .*\[' "$dir/out"
	[[ $(grep -c 'bytes:256' "$dir/out") == 0 ]]
	grep -q '"schema":1' "$dir/a/micro.json"
	equal "$(grep -c '"sweep":' "$dir/a/micro.json")" 8 # two sweeps of two variants, twice
	[[ $(grep -c host_name "$dir/a/micro.json") == 0 ]]
	grep -q '</svg>' "$dir/a/plots/aead-seal.svg"
	grep -q '^| seal/bytes:64 ' "$dir/a/report.md"
	grep -q '</html>' "$dir/a/report.html"
}
check "it measures, keeps the raw runs, and writes the report" measures

counts() {
	grep -E '^seal/bytes:64 +ipsec-mb .* [0-9.]+ *' "$dir/out"
	if grep -q '"counter:instructions":"unavailable' "$dir/a/micro.json"; then
		grep -E '^seal/bytes:64 +ipsec-mb +unavailable ' "$dir/out"
		grep '^instructions: unavailable: ' "$dir/out"
		[[ $(grep -c '"instructions":' "$dir/a/micro.json") == 0 ]]
	else
		grep -E '^seal/bytes:64 +ipsec-mb +[1-9]' "$dir/out"
	fi
	grep -q '"counter:perf::TASK-CLOCK":"' "$dir/a/micro.json"
}
check "what can't be counted is unavailable, not 0" counts

shows_again() {
	local status=0
	sed -i '/^$/d' "$dir/out"
	rm "$dir/a/report.md"
	equal "$("$wgbench" micro --from "$dir/a" 2>"$dir/err" | sed '/^$/d')" "$(<"$dir/out")"
	[[ -e $dir/a/report.md ]]
	"$wgbench" micro --from "$dir" 2>"$dir/err" || status=$?
	equal "$status" 2
	match "$(<"$dir/err")" "micro.json"
}
check "--from shows an earlier run again" shows_again

# A folder of its own, since the next checks want the plain file.
shows_gzipped() {
	local status=0
	mkdir "$dir/z"
	gzip -c "$dir/a/micro.json" >"$dir/z/micro.json.gz"
	equal "$("$wgbench" micro --from "$dir/z" 2>"$dir/err" | sed '/^$/d')" "$(<"$dir/out")"
	refused "micro.json.gz is there already" aead --quick --out "$dir/z"
	truncate -s -100 "$dir/z/micro.json.gz"
	"$wgbench" micro --from "$dir/z" 2>"$dir/err" || status=$?
	equal "$status" 2
	match "$(<"$dir/err")" "micro.json.gz: damaged"
}
check "--from reads gzipped runs, and refuses damaged ones" shows_gzipped

kept() {
	refused "micro.json is there already" aead --quick --out "$dir/a"
}
check "an earlier result isn't written over" kept

prints_json() {
	"$wgbench" micro 'aead/.*/seal/bytes:64$' --quick --json --out "$dir/j" >"$dir/out"
	grep -q '"name": "seal/bytes:64"' "$dir/out"
	grep -q '"ratio": [0-9.]*' "$dir/out"
	grep -q '"interval": "range"' "$dir/out"
}
check "--json prints the results" prints_json

interrupted() {
	local pid status=0
	env --default-signal=INT "$wgbench" micro aead --out "$dir/i" --min-time 5 >"$dir/out" 2>"$dir/err" &
	pid=$!
	until_true 60 pgrep -P "$pid" -f '/micro/aead/.*benchmark_filter'
	kill -INT "$pid"
	wait "$pid" || status=$?
	cat "$dir/err"
	equal "$status" 130
	grep -q "stopped; what is finished is in $dir/i" "$dir/err"
	[[ -e $dir/i/micro.json ]]
	equal "$(pgrep -f "^$build/micro/aead/.*min_time=5" || true)" ""
}
check "an interrupted run ends its program and keeps its folder" interrupted

# ---- a variant is one file

tree=$dir/tree
mkdir "$tree"
# With what is built of it already, so that only what is new is compiled; but for what another test may
# be building now.
{ git ls-files -co --exclude-standard -- . ':!results' && find build/.setup* "build/$profile" \( -name tunnels -o \
	-name micro -o -name planted \) -prune -o -type f ! -name '*.new' -print; } | tar -c -T - | tar -x -C "$tree"
sed 's/ring_variant\[\] = "lockfree"/ring_variant[] = "copied"/' variants/ring/lockfree.c >"$tree/variants/ring/copied.c"

builds() {
	make -C "$tree" PROFILE="$profile" harness "build/$profile/tests/variants/ring/copied"
	"$tree/build/$profile/wgbench" list >"$dir/out"
	grep -E '^ring +.*copied' "$dir/out"
}
check "a new variant is listed" builds
check "a new variant has its contract test" "$tree/build/$profile/tests/variants/ring/copied"

compared() {
	"$tree/build/$profile/wgbench" micro 'ring/(lockfree|copied)/transfer_singles/producers:1/consumers:1/' \
		--quick --out "$dir/c" >"$dir/out" 2>"$dir/err" || { cat "$dir/err"; return 1; }
	cat "$dir/out"
	grep -E '^benchmark +time +lockfree +copied +/ lockfree$' "$dir/out"
	grep -E '^transfer_singles/producers:1/consumers:1/batch:1/threads:2 +real +[0-9.]+( [kMG])? +[0-9.]+( [kMG])? ' "$dir/out"
}
check "a new variant is measured against the others" compared
plan
