#!/bin/bash
# A report of a stored run: valid HTML that needs nothing beside it, opens by its links, and a comment
# of 40 lines. A browser has to find nothing wrong, where there is one.
# waits: for a browser
set -euo pipefail
cd "$(dirname "$0")/../../.."
. tests/support/tap.bash
. tests/support/stored.bash
wgbench=$PWD/build/${PROFILE:-release}/wgbench
make_dir

for run in standard speed a-against-a; do
	stored_copy "$run" "$dir/$run"
	"$wgbench" report "$dir/$run" >/dev/null
done

valid() { # RUN
	tidy -quiet -errors "$dir/$1/report.html" >"$dir/said" 2>&1 || true
	# What has no text is drawn by the style.
	equal "$(grep -v 'trimming empty <\(i\|span\)>' "$dir/said" || true)" ""
}

self_contained() { # RUN
	local page=$dir/$1/report.html
	equal "$(grep -oE '(src|href)="[^#"]*"' "$page" | sort -u)" \
		"$(printf '%s\n' 'href="run.json"' 'href="trials.jsonl"' 'href="verdict.json"')"
	equal "$(grep -cE '<script|@import|url\(http' "$page")" 0
	(($(stat -c %s "$page") < 1500000))
}

# Each entry of the contents leads to a section, and each section has an entry.
contents() { # RUN
	local page=$dir/$1/report.html
	equal "$(grep '<nav' "$page" | grep -o 'href="#[a-z]*"' | cut -d'"' -f2 | sort)" \
		"$(grep -o '^<div id="[a-z]*"' "$page" | sed 's/^<div id="\(.*\)"/#\1/' | sort)"
}

comment() { # RUN
	local lines
	lines=$(wc -l <"$dir/$1/report.md")
	((lines <= 40))
	equal "$(grep -cE '!\[|\]\(' "$dir/$1/report.md")" 0
	match "$(head -n 1 "$dir/$1/report.md")" '^### (▲|▼|=|[?]) '
}

for run in standard speed a-against-a; do
	check "$run: the HTML is valid" valid "$run"
	check "$run: it needs no other file but the run's own" self_contained "$run"
	check "$run: its contents are its sections" contents "$run"
	check "$run: the comment has at most 40 lines, and no picture" comment "$run"
done

first_screen() {
	local page
	page=$(sed '/<nav/q' "$dir/standard/report.html")
	match "$page" '<h1><span class="better">▲ default is better than gsoc-before</span>: 28 % less CPU'
	match "$page" '8 metrics: 5 better, 1 the same, 1 not worse, 1 undecided[.]'
	equal "$(grep -c '<table class="forest">' <<<"$page")" 2
	equal "$(grep -c '<tr><th class="workload"' <<<"$page")" 16
	match "$page" 'wgbench run --resume .* --blocks [0-9]+'
	match "$page" '>AMD EPYC, 2 CPUs</li>'
	match "$page" 'What default does differently</h2>'
	match "$page" '<li>Ping, context switches/s: 4938 → 1923</li>'
}
check "the first screen says it all" first_screen

browse() { # FRAGMENT: the page after a reader went there
	timeout 120 chromium --headless --no-sandbox --disable-gpu --user-data-dir="$dir/browser" \
		--enable-logging=stderr --dump-dom "file://$dir/standard/report.html$1" 2>"$dir/log"
}

opens() {
	equal "$(browse "" | grep -c '<details open')" 0
	equal "$(browse "#environment" | grep -A 3 '<details open' | grep -c 'id="environment"')" 1
	equal "$(grep -c CONSOLE "$dir/log")" 0
}
if command -v chromium >/dev/null; then
	check "a browser opens a section by its link, and complains of nothing" opens
else
	skip "a browser opens a section by its link" "no chromium here"
fi
plan
