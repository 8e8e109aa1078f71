#!/bin/bash
# `make install`: programs that work from where they were put, man pages, words for shells; and
# `make uninstall`, which leaves nothing.
set -euo pipefail
cd "$(dirname "$0")/../../.."
. tests/support/tap.bash
. tests/support/stored.bash
profile=${PROFILE:-release}
make_dir
to=$dir/root/opt
wgbench=$to/bin/wgbench

installs() {
	make -s PROFILE="$profile" install DESTDIR="$dir/root" PREFIX=/opt
	[[ -x $wgbench && -x $to/sbin/wgbench-tunnel && -x $to/lib/wgbench/wgbench-traffic ]]
}
check "it installs below DESTDIR" installs

# Away from any source tree.
works() {
	cd /
	unset WGBENCH_ROOT
	"$wgbench" list --json | jq -e '.presets.default.ring and (.plans | index("standard"))'
	"$wgbench" list --names tunnels >"$dir/out"
	grep -x ring=spinlock "$dir/out"
	match "$("$to/sbin/wgbench-tunnel" --version)" ^wgbench-tunnel
}
check "the installed programs run where there is no source tree" works

stored_copy standard "$dir/run"
reads_runs() {
	local status=0
	cd "$dir"
	"$wgbench" compare "$dir/run" >"$dir/table" || status=$?
	((status <= 3 && status != 2))
	grep -q 'throughput' "$dir/table"
	"$wgbench" report "$dir/run"
	grep -q '</svg>' "$dir/run/report.html"
	match "$("$wgbench" export "$dir/run" --format csv)" goodput_gbps
	match "$("$wgbench" history "$dir/run" --db "$dir/h.db")" goodput_gbps
}
check "they compare, report, export, and show a history" reads_runs

builds_nothing() {
	local status=0
	cd "$dir"
	"$wgbench" count --instructions default >"$dir/out" 2>"$dir/err" || status=$?
	equal "$status" 2
	match "$(<"$dir/err")" "no source tree.*WGBENCH_ROOT"
}
if command -v valgrind >/dev/null && [[ $profile == release ]]; then
	check "commands that need a source tree say so" builds_nothing
else
	skip "commands that need a source tree say so" "valgrind, or another profile"
fi

finds_tree() {
	mkdir -p "$dir/tree/variants/slot" "$dir/tree/below"
	echo 'default slot=one' >"$dir/tree/variants/presets"
	touch "$dir/tree/variants/slot/one.c" "$dir/tree/Makefile"
	cd "$dir/tree/below"
	equal "$("$wgbench" list --json | jq -c .slots)" '{"slot":["one"]}'
}
check "a source tree above the current folder goes first" finds_tree

pages() {
	local page
	for page in "$to"/share/man/man1/*.1 "$to"/share/man/man8/*.8; do
		equal "$(groff -ww -man -Tutf8 "$page" 2>&1 >/dev/null)" ""
		match "$(groff -man -Tutf8 "$page" 2>/dev/null)" "wgbench"
	done
	equal "$(ls "$to"/share/man/man1/wgbench-*.1 | wc -l)" "$(ls -d harness/commands/* | wc -l)"
	grep -q strict "$to/share/man/man8/wgbench-tunnel.8"
}
if command -v groff >/dev/null; then
	check "every command has a man page without a warning" pages
else
	skip "every command has a man page without a warning" "no groff"
fi

# completed WORD...: what bash offers for the last word.
completed() {
	PATH=$to/bin:$PATH bash --norc -c '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
		_wgbench; printf "%s\n" "${COMPREPLY[@]}"' "$to/share/bash-completion/completions/wgbench" "$@"
}
completes() {
	cd "$dir"
	equal "$(completed wgbench rep)" report
	equal "$(completed wgbench help rep)" report
	equal "$(completed wgbench run --bu)" $'--budget\n--builds'
	equal "$(completed wgbench run --plan stan)" standard
	equal "$(completed wgbench run --tunnel ring=spin)" ring=spinlock
	equal "$(completed wgbench run --workload = udp-)" udp-max
	equal "$(completed wgbench export --format = open)" openmetrics
	equal "$(completed wgbench count defa)" default
	mkdir -p runs/one
	equal "$(completed wgbench compare runs/o)" runs/one
}
check "bash completes commands, options and values" completes

leaves_nothing() {
	make -s PROFILE="$profile" uninstall DESTDIR="$dir/root" PREFIX=/opt
	equal "$(find "$dir/root" ! -type d)" ""
}
check "uninstalling leaves nothing" leaves_nothing
plan
