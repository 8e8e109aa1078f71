#!/bin/bash
# Output that doesn't reach its destination: a full disk, a closed descriptor, a reader that has gone.
# Every command of wgbench, as `wgbench --help` lists them, and the other programs exit 2 with a line
# that says so.
set -euo pipefail
cd "$(dirname "$0")/../../.."
. tests/support/tap.bash
. tests/support/stored.bash
build=$PWD/build/${PROFILE:-release}
wgbench=$build/wgbench
make_dir

commands=$("$wgbench" --help | sed -n 's/^  \([a-z]*\) .*/\1/p')

# A pipe that nobody reads any more: descriptor 9.
mkfifo "$dir/pipe"
exec 8<>"$dir/pipe" 9>"$dir/pipe" 8<&-

# A file's lines, of which wgbench's own must be the only one.
one_line() { # FILE
	equal "$(wc -l <"$1")" 1 && match "$(<"$1")" '^[^ ]+: standard output: not written'
}

refused() { # COMMAND...
	local status
	status=0 && "$@" >/dev/full 2>"$dir/said" || status=$?
	equal "full $status" "full 2" && one_line "$dir/said" || return
	status=0 && "$@" >&- 2>"$dir/said" || status=$?
	equal "closed $status" "closed 2" && one_line "$dir/said" || return
	status=0 && "$@" >&9 2>"$dir/said" || status=$?
	equal "no reader $status" "no reader 2" && one_line "$dir/said"
}

helps() {
	[[ $commands == *run*compare* ]] || return
	refused "$wgbench" --help
	refused "$wgbench" --version
	for command in $commands; do
		echo "$command"
		refused "$wgbench" "$command" --help
	done
}

# What only reads and prints.
results() {
	local run=$dir/run
	stored_copy speed "$run"
	refused "$wgbench" list
	refused "$wgbench" list --json
	refused "$wgbench" micro --list
	refused "$wgbench" compare "$run"
	refused "$wgbench" compare --json "$run"
	refused "$wgbench" compare --environment "$run" results/reference/standard
	refused "$wgbench" history --db "$dir/history.db" "$run"
	refused "$wgbench" history --db "$dir/history.db" --json "$run"
	for format in gbench benchstat csv openmetrics; do
		refused "$wgbench" export --format "$format" "$run"
	done
	refused "$wgbench" report "$run"
}

others() {
	refused "$build/wgbench-traffic" --help
	refused "$build/wgbench-traffic" flood --help
	refused "$build/tunnels/default/wgbench-tunnel" --help
	refused "$build/tunnels/default/wgbench-tunnel" --version
	refused "$build/tunnels/default/wgbench-replay" 64
	for tool in "$build"/tries/*-dot; do
		refused "$tool"
	done
}

# A descriptor that is closed at the start isn't handed to a file that is written.
closed_from_start() {
	mkdir "$dir/closed"
	cp "$dir"/run/{run.json,trials.jsonl} "$dir/closed"
	"$wgbench" export --format csv --out "$dir/closed/there.csv" "$dir/closed" <&- >&- 2>&-
	"$wgbench" export --format csv "$dir/closed" | cmp - "$dir/closed/there.csv"
}

file_not_written() {
	local status=0
	# The limit's signal would end a program that doesn't expect it.
	(ulimit -f 1 && exec "$wgbench" export --format csv --out "$dir/file.csv" "$dir/run") 2>"$dir/said" || status=$?
	equal "$status" 2 && match "$(<"$dir/said")" 'file.csv: not written: File too large' &&
		[[ ! -e $dir/file.csv && ! -e $dir/file.csv.new ]]
}

check "the help of every command" helps
check "what commands print" results
check "the other programs" others
check "started without descriptors" closed_from_start
check "a file that has no room" file_not_written
plan
