#!/bin/bash
# `wgbench export` read back by the programs that its formats are for: Google Benchmark's compare.py,
# OpenMetrics' own parser, csv modules. Debian has no benchstat, so its text is held against the
# format's grammar (golang.org/design/14313-benchmark-format, and benchfmt's words for units).
set -euo pipefail
cd "$(dirname "$0")/../../.."
. tests/support/tap.bash
. tests/support/stored.bash
wgbench=$PWD/build/${PROFILE:-release}/wgbench
python=/usr/bin/python3 # Debian's, which has the packages
make_dir

# A run with words that each format must quote, each status, and two tunnels of one spec.
run=$dir/run
mkdir "$run"
spec='exec:/opt/a b,"c"\d'
jq --arg spec "$spec" '.tunnels[0].spec = $spec | .tunnels[1].spec = "default" |
	.tunnels[2].spec = "default" | .environment.kernel = "6\n\"1\"\\"' results/reference/standard/run.json >"$run/run.json"
stored_trials standard | jq -c 'if .block == 1 then .status = "contaminated" | .reason = "steal 3 %, \"much\"\nof it"
	elif .block == 2 then .status = "generator-limited" | .reason = "too slow"
	elif .block == 3 and .tunnel == 1 then .status = "failed" | .metrics = {} | .reason = "a, b"
	else . end' >"$run/trials.jsonl"
for format in gbench benchstat csv openmetrics; do
	"$wgbench" export "$run" --format $format >"$dir/$format"
done

# What the run's own lines hold: workload, tunnel's index, metric, value, one a line.
jq -r '. as $t | .metrics | to_entries[] | [$t.workload, $t.tunnel, .key, .value.value] | @json' \
	"$run/trials.jsonl" >"$dir/values"

# python ARGUMENTS... <SCRIPT, with what all of them need.
python() {
	{ cat <<-'PYTHON' && cat; } >"$dir/script.py"
		import collections, csv, json, math, sqlite3, statistics, sys
		values = [json.loads(line) for line in open(sys.argv[1] + "/values")]
		trials = [json.loads(line) for line in open(sys.argv[1] + "/run/trials.jsonl")]
		specs = ['exec:/opt/a b,"c"\\d', "default", "default#2"]
		def same(a, b):
		    a, b = collections.Counter(a), collections.Counter(b)
		    assert a == b, (list((a - b).items())[:3], list((b - a).items())[:3])
	PYTHON
	"$python" "$dir/script.py" "$dir" "$@"
}

csv_by_python() {
	python <<-'PYTHON'
		text = open(sys.argv[1] + "/csv", newline="").read()
		assert text.endswith("\r\n")
		rows = list(csv.DictReader(open(sys.argv[1] + "/csv", newline=""), strict=True))
		measured = [r for r in rows if r["metric"]]
		same([(r["workload"], r["tunnel"], r["metric"], float(r["value"])) for r in measured],
		     [(w, specs[t], m, float(v)) for w, t, m, v in values])
		same([(r["block"], r["position"], r["reason"]) for r in rows if not r["metric"]],
		     [(str(t["block"]), str(t["position"]), "a, b") for t in trials if t["status"] == "failed"])
		assert {r["reason"] for r in rows if r["status"] == "contaminated"} == {'steal 3 %, "much"\nof it'}
		assert all(None not in r and None not in r.values() for r in rows)
	PYTHON
}

csv_by_sqlite() {
	equal "$(sqlite3 :memory: ".import --csv $dir/csv t" "SELECT count(*), count(DISTINCT tunnel),
		sum(metric = 'goodput_gbps' AND CAST(value AS REAL) > 0) FROM t")" \
		"$(($(wc -l <"$dir/values") + $(grep -c '"failed"' "$run/trials.jsonl")))|3|$(grep -c goodput "$dir/values")"
}

openmetrics() {
	python <<-'PYTHON'
		from prometheus_client.openmetrics.parser import text_string_to_metric_families
		families = list(text_string_to_metric_families(open(sys.argv[1] + "/openmetrics").read()))
		by_name = {f.name: f for f in families}
		base = {"goodput_gbps": ("goodput_bits_per_second", "bits_per_second", 1e9),
		        "cpu_s_per_gbit": ("cpu_seconds_per_bit", "seconds_per_bit", 1e-9),
		        "p99_us": ("p99_seconds", "seconds", 1e-6),
		        "loss_percent": ("loss_ratio", "ratio", 1e-2),
		        "retransmits": ("retransmits_segments", "segments", 1)}
		for metric, (name, unit, factor) in base.items():
		    family = by_name["wgbench_" + name]
		    assert (family.type, family.unit) == ("gauge", unit), family
		    same([(s.labels["workload"], s.labels["tunnel"], round(s.value / factor, 9)) for s in family.samples],
		         [(w, specs[t], round(v, 9)) for w, t, m, v in values if m == metric])
		assert by_name["wgbench_run"].samples[0].labels["kernel"] == '6\n"1"\\'
		assert sum(len(f.samples) for f in families) == len(values) + 5
		starts = collections.Counter(t["start_ns"] for t in trials if t["status"] != "failed")
		for s in by_name["wgbench_goodput_bits_per_second"].samples:
		    assert s.timestamp.sec * 10**9 + s.timestamp.nsec in starts
		counts = {s.labels["status"]: s.value for s in by_name["wgbench_trials"].samples}
		assert counts == {**{"failed": 0}, **collections.Counter(t["status"] for t in trials)}, counts
	PYTHON
	equal "$(tail -n 1 "$dir/openmetrics")" "# EOF"
}

gbench() {
	python <<-'PYTHON'
		file = json.load(open(sys.argv[1] + "/gbench"))
		rows = file["benchmarks"]
		iterations = [r for r in rows if r["run_type"] == "iteration"]
		failed = [t for t in trials if t["status"] == "failed"]
		assert failed and len(iterations) + len(failed) == len(trials)
		same([(f["name"].split("/")[0], f["error_message"]) for f in file["context"]["failed_trials"]],
		     [(t["workload"].split(":")[0], "a, b") for t in failed])
		same([r["goodput_gbps"] for r in iterations if "goodput_gbps" in r],
		     [v for _, _, m, v in values if m == "goodput_gbps"])
		for r in iterations:
		    if "goodput_gbps" in r:
		        assert math.isclose(r["real_time"], 1e9 / r["goodput_gbps"]) and r["time_unit"] == "ns"
		    elif "p50_us" in r:
		        assert math.isclose(r["real_time"], 1e3 * r["p50_us"])
		    if "cpu_s_per_gbit" in r:
		        assert math.isclose(r["cpu_time"], 1e9 * r["cpu_s_per_gbit"])
		name = "tcp/tunnel:default"
		for what, of in (("mean", statistics.mean), ("median", statistics.median), ("stddev", statistics.stdev)):
		    row = next(r for r in rows if r["name"] == name + "_" + what)
		    for field in ("real_time", "cpu_time", "goodput_gbps"):
		        mine = [r[field] for r in iterations if r["name"] == name and field in r]
		        assert math.isclose(row[field], of(mine), rel_tol=1e-9), (what, field)
	PYTHON
}

compare_py() {
	local script=/usr/share/benchmark/compare.py
	"$python" "$script" --no-color filters "$dir/gbench" "tunnel:$(sed 's/[^a-z:]/./g' <<<"$spec")" \
		tunnel:default >"$dir/said"
	cat "$dir/said"
	grep -E '^tcp/\[.*\]_mean +[-+][0-9.]+ +[-+][0-9.]+ +[0-9]+ +[0-9]+' "$dir/said"
	grep -E '^ping/\[.*\]_median ' "$dir/said"
	grep -E '_pvalue .*U Test, Repetitions: [0-9]+ vs [0-9]+' "$dir/said"
	# A run against itself: nothing has changed.
	"$python" "$script" --no-color benchmarks "$dir/gbench" "$dir/gbench" >"$dir/said"
	grep -E '^tcp/tunnel:default_mean +\+0\.0000 +\+0\.0000 ' "$dir/said"
	if grep -E '_mean +[-+]0*\.?0*[1-9]' "$dir/said"; then return 1; fi
}

# Every line is of one of three kinds, to the letter; units and the status are said before they count.
grammar() {
	LC_ALL=C awk '
		/^Unit / { if (!/^Unit [^ \t]+ better=(higher|lower)$/ || $2 in unit) exit bad = 1; unit[$2]; next }
		/^Benchmark/ {
			if (!/^Benchmark[A-Z][^ \t]*-[1-9][0-9]* 1( [-+0-9.e]+ [a-z][^ \t]*)+$/) exit bad = 1
			for (i = 4; i <= NF; i += 2) if (!($i in unit)) exit bad = 1
			if (NF % 2 || status == "") exit bad = 1
			n[status]++
			next
		}
		/^[a-z][^ \t:A-Z]*: *[^ \t].*$/ { if ($1 == "status:") status = $2; next }
		{ exit bad = 1 }
		END { if (bad) { print "line " NR ": " $0; exit 1 } for (s in n) print s, n[s] }' \
		"$dir/benchstat" | sort >"$dir/counted" || { cat "$dir/counted"; return 1; }
	diff "$dir/counted" <(jq -r 'select(.status != "failed").status' "$run/trials.jsonl" | sort |
		uniq -c | awk '{ print $2, $1 }')
}

benchstat() {
	grammar
	grep -xF 'kernel: 6\n"1"\' "$dir/benchstat"
	python <<-'PYTHON'
		found = []
		for line in open(sys.argv[1] + "/benchstat"):
		    if line.startswith("Benchmark"):
		        name, _, *pairs = line.split()
		        parts = name.rsplit("-", 1)[0].split("/")
		        tunnel = dict(p.split("=", 1) for p in parts[1:])["tunnel"]
		        found += [(parts[0] + str("reverse=1" in parts), tunnel, m, float(v))
		                  for v, m in zip(pairs[::2], pairs[1::2])]
		names = ['exec:%2Fopt%2Fa%20b,"c"\\d', "default", "default#2"]
		same(found, [("Benchmark" + w.split(":")[0].capitalize() + str("reverse=1" in w), names[t], m, float(v))
		             for w, t, m, v in values])
	PYTHON
}

refused() { # ERE ARGUMENTS...
	local ere=$1 status=0
	shift
	"$wgbench" export "$@" >"$dir/out" 2>"$dir/err" || status=$?
	equal "$status" 2
	match "$(<"$dir/err")" "$ere"
	equal "$(<"$dir/out")" ""
}

to_a_file() {
	"$wgbench" export "$run" --format csv --out "$dir/file"
	cmp "$dir/file" "$dir/csv"
	refused "/nonexistent/file: not written: No such" "$run" --format csv --out /nonexistent/file
	local status=0
	"$wgbench" export "$run" --format csv >/dev/full 2>"$dir/err" || status=$?
	equal "$status" 2
	match "$(<"$dir/err")" "standard output: not written: No space"
}

empty() {
	mkdir "$dir/empty"
	cp "$run/run.json" "$dir/empty"
	touch "$dir/empty/trials.jsonl"
	refused "holds no trials" "$dir/empty" --format csv
}

check "CSV is what Python's strict reader reads" csv_by_python
check "CSV is what SQLite imports" csv_by_sqlite
check "OpenMetrics passes its own parser, with every value" openmetrics
check "Google Benchmark's JSON holds every trial and the aggregates" gbench
check "Google Benchmark's compare.py compares tunnels and runs" compare_py
check "benchstat's text follows the grammar, with every value" benchstat
check "a file is written whole or not at all" to_a_file
check "no format" refused "missing: --format FORMAT" "$run"
check "unknown format" refused "--format 'xml': expected one of gbench" "$run" --format xml
check "a run without trials" empty
check "no run" refused "not a run folder" "$dir/none" --format csv
plan
