#!/bin/bash
# What pages say of options is what the program says of them.
set -euo pipefail
cd "$(dirname "$0")/../../.."
. tests/support/tap.bash
wgbench=$PWD/build/${PROFILE:-release}/wgbench
make_dir

page_is_current() {
	scripts/options "$wgbench" >"$dir/options.md"
	diff doc/options.md "$dir/options.md" || { echo "doc/options.md is out of date: make options" && return 1; }
}
check "doc/options.md is what the commands say" page_is_current

# In examples and in text: `wgbench COMMAND ... --OPTION`.
examples_are_understood() {
	local page command words word seen=0
	while IFS=: read -r page words; do
		read -r _ command words <<<"$words"
		"$wgbench" "$command" --help=words | cut -f 1 >"$dir/words"
		for word in $words; do
			[[ $word == --?* ]] || continue
			grep -qxF -- "${word%%=*}" "$dir/words" || { echo "$page: wgbench $command has no $word" && return 1; }
			seen=$((seen + 1))
		done
	done < <(grep -oHP '\bwgbench [a-z]+ ([^`#|&;()]* )?--[^`#|&;()]*' ./*.md doc/*.md doc/*/*.md)
	((seen > 20))
}
check "options that pages name exist" examples_are_understood
plan
