#!/bin/bash
# What lets a change pass: scripts/gate by stored runs, .ci/run with programs that stand in for make,
# and what every command says of its exit codes.
set -euo pipefail
cd "$(dirname "$0")/../../.."
. tests/support/tap.bash
. tests/support/stored.bash
wgbench=$PWD/build/${PROFILE:-release}/wgbench
make_dir

# stored NAME FACTOR [FILTER]: a run whose candidates are better by a factor in every metric.
stored() {
	mkdir "$dir/$1"
	jq '.workloads = ["tcp"]' results/reference/standard/run.json >"$dir/$1/run.json"
	stored_trials standard | jq -c --argjson by "$2" 'select(.workload == "tcp" and ('"${3:-true}"')) | if .tunnel > 0 then
		.metrics |= map_values(.value *= if .better == "higher" then $by else 1 / $by end) else . end' \
		>"$dir/$1/trials.jsonl"
	touch "$dir/$1/report.md"
}
stored worse 0.1
stored better 10
stored undecided 10 '.block < 2'
stored broken 1
truncate -s 100 "$dir/broken/run.json"

# gates NAME EXIT ERE
gates() {
	local status=0
	scripts/gate "$dir/$1" >"$dir/said" 2>&1 || status=$?
	cat "$dir/said"
	equal "$status" "$2"
	match "$(<"$dir/said")" "$3"
}

shows_why() {
	gates worse 1 'gate: FAILED: worse.*tcp goodput_gbps, .* against .*: -[0-9.]+ % \[-'
	match "$(<"$dir/said")" 'verdict' # the table too
}

not_written() {
	local status=0
	scripts/gate "$dir/better" >/dev/full 2>/dev/null || status=$?
	equal "$status" 2
}

# A clone's layout with a make that measures what is given.
mkdir -p "$dir/tree/.ci" "$dir/tree/scripts" "$dir/bin"
cp .ci/run "$dir/tree/.ci"
cp scripts/gate "$dir/tree/scripts"
ln -s "$PWD/build" "$dir/tree/build"
cat >"$dir/bin/make" <<'END'
#!/bin/bash
case $1 in
test) echo "5 passed, 0 failed, 1 skipped" ;;
bench) [[ $STORED != none ]] && echo "report: $STORED/report.html" ;;
esac
END
chmod +x "$dir/bin/make"

# ci NAME EXIT LAST [ERE]
ci() {
	local status=0
	STORED=$dir/$1
	[[ $1 != none ]] || STORED=none
	STORED=$STORED PATH=$dir/bin:$PATH "$dir/tree/.ci/run" >"$dir/said" 2>&1 || status=$?
	cat "$dir/said"
	equal "$status" "$2"
	equal "$(tail -n 1 "$dir/said")" "$3"
	match "$(<"$dir/said")" "${4:-.}"
}

# The first tunnel of the plan is the baseline: a `default` that is worse must show.
plan_order() {
	equal "$(sed -n 's/^tunnel //p' workloads/plans/ci.plan)" "$(printf 'gsoc-before\ndefault')"
}

helps() {
	local command commands
	commands=$("$wgbench" --help | sed -n 's/^  \([a-z]*\) .*/\1/p')
	[[ $commands == *run*compare* ]]
	for command in $commands; do
		match "$command: $("$wgbench" "$command" --help)" 'Exit codes:.* 0 .* 2 '
	done
	match "$("$wgbench" run --help)" 'whatever its verdicts say'
}

check "a worse run is refused, with the reason" shows_why
check "a better run passes" gates better 0 'gate: passed: nothing is worse'
check "an undecided run passes with a note" gates undecided 0 'gate: passed, undecided'
check "a broken run is an error" gates broken 2 "run.json:.*gate: FAILED: the run can't be judged"
check "no run is an error" gates none 2 'not a run folder'
check "a verdict that isn't shown is an error" not_written
check "CI passes a better run" ci better 0 "6 passed, 0 failed, 1 skipped"
check "CI passes an undecided run" ci undecided 0 "6 passed, 0 failed, 1 skipped" "undecided"
check "CI fails a worse run" ci worse 1 "5 passed, 1 failed, 1 skipped" "gate: FAILED: worse"
check "CI fails a broken run" ci broken 1 "5 passed, 1 failed, 1 skipped"
check "CI fails a comparison without a report" ci none 1 "5 passed, 1 failed, 1 skipped" "left no report|exit 1"
check "the CI plan's baseline is the old tunnel" plan_order
check "every command says what its exit codes mean" helps
plan
