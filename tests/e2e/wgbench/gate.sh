#!/bin/bash
# What lets a change pass: `wgbench compare` by stored runs, .ci/run with programs that stand in for make,
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

# gates NAME EXIT ERE [OPTION]...
gates() {
	local status=0
	"$wgbench" compare "${@:4}" "$dir/$1" >"$dir/said" 2>&1 || status=$?
	cat "$dir/said"
	equal "$status" "$2"
	match "$(<"$dir/said")" "$3"
}

shows_why() {
	gates worse 1 'Regression: worse by more than 2 %'
	match "$(<"$dir/said")" 'throughput .* -[0-9.]+ %  \[-.*worse'
}

# No line is longer than there is room for, but a command that is to be copied.
fits() {
	local columns
	for columns in 80 100; do
		COLUMNS=$columns "$wgbench" compare results/reference/standard >"$dir/said" || true
		cat "$dir/said"
		match "$(<"$dir/said")" 'default is better than gsoc-before'
		equal "$(grep -v 'wgbench run --resume' "$dir/said" | LC_ALL=C.UTF-8 wc -L | awk -v most=$columns '$1 > most')" ""
		match "$(<"$dir/said")" 'throughput .*\+1\.67 % .*undecided'
	done
	match "$(<"$dir/said")" '4\.447 → 4\.521 Gbit/s +\+1\.67 %  \[-2\.7, \+4\.6\]'
}

# A clone's layout with a make that measures what is given.
mkdir -p "$dir/tree/.ci" "$dir/bin"
cp .ci/run "$dir/tree/.ci"
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

check "a worse run exits 1, with the reason" shows_why
check "a better run passes" gates better 0 'No regression: no metric is worse by more than 2 %'
check "an undecided run exits 3" gates undecided 3 'Undecided'
check "an undecided run passes where only what is worse is to fail" gates undecided 0 Undecided \
	--fail-on worse
check "a worse run doesn't" gates worse 1 Regression --fail-on worse
check "a broken run is an error" gates broken 2 "run.json:" --fail-on worse
check "an unknown word is an error" gates better 2 "'frob': expected undecided or worse|'frob': expected" --fail-on frob
check "the answer fits into 80 and into 100 columns" fits
check "CI passes a better run" ci better 0 "6 passed, 0 failed, 1 skipped"
check "CI passes an undecided run" ci undecided 0 "6 passed, 0 failed, 1 skipped" "Undecided"
check "CI fails a worse run" ci worse 1 "5 passed, 1 failed, 1 skipped" "Regression"
check "CI fails a broken run" ci broken 1 "5 passed, 1 failed, 1 skipped"
check "CI fails a comparison without a report" ci none 1 "5 passed, 1 failed, 1 skipped" "left no report|exit 1"
check "the CI plan's baseline is the old tunnel" plan_order
check "every command says what its exit codes mean" helps
plan
