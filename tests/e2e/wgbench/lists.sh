#!/bin/bash
# Lists that people read name everything that the folders hold: what a new file or folder adds is
# never left out.
set -euo pipefail
cd "$(dirname "$0")/../../.."
. tests/support/tap.bash
build=${BUILD:-$PWD/build/${PROFILE:-release}}
make_dir

# How each preset is composed, from variants/presets: "PRESET slot=variant slot=variant ...", sorted.
composed() {
	sed -n 's/ *#.*//; s/^\([a-z][a-z0-9-]*\)  */\1 /p' variants/presets |
		while read -r preset words; do
			[[ $preset == default ]] && default=$words
			echo "$preset $(tr ',' '\n' <<<"$default,$words" |
				awk -F= '{ chosen[$1] = $0 } END { for (s in chosen) print chosen[s] }' |
				sort | tr '\n' ' ')"
		done
}

version_names_each_slot() {
	local preset words slots
	slots=$(for slot in variants/*/; do basename "$slot"; done | sort)
	while read -r preset words; do
		"$build/tunnels/$preset/wgbench-tunnel" --version >"$dir/version"
		cat "$dir/version"
		equal "$(sed -n 2p "$dir/version" | tr ' ' '\n' | cut -d = -f 1 | sort)" "$slots"
		equal "$(sed -n 2p "$dir/version" | tr ' ' '\n' | sort)" "$(tr ' ' '\n' <<<"${words% }")"
	done < <(composed)
}
check "--version names each slot and what each preset has in it" version_names_each_slot

# A row of doc/variants.md's table for each slot, with each variant's name in it.
doc_names_each_variant() {
	local file slot row
	for file in variants/*/*.c; do
		slot=$(basename "$(dirname "$file")")
		row=$(grep "^| \`$slot\` |" doc/variants.md) || { echo "doc/variants.md has no row for $slot"; return 1; }
		[[ $row == *"\`$(basename "$file" .c)\`"* ]] ||
			{ echo "doc/variants.md's row for $slot doesn't name $(basename "$file" .c)"; return 1; }
	done
}
check "doc/variants.md's table of slots names each variant" doc_names_each_variant

list_names_each_workload() {
	local name
	"$build/wgbench" list --json >"$dir/list"
	for name in $(sed -n '/^const struct workload [a-z_]* = {/,/\.name/ s/.*\.name = "\([^"]*\)".*/\1/p' workloads/*.c); do
		grep -q "\"name\": *\"$name\"" "$dir/list" || { echo "wgbench list doesn't name $name"; return 1; }
	done
	equal "$(grep -c '^const struct workload [a-z_]* = {' workloads/*.c | awk -F: '{ n += $2 } END { print n }')" \
		"$(jq '.workloads | length' "$dir/list")"
}
check "wgbench list names each workload" list_names_each_workload

json_and_text_agree() {
	local name words
	"$build/wgbench" list >"$dir/text"
	while read -r name words; do
		grep -qE "^ *$name +$words *( |$)" "$dir/text" || { echo "the table has no: $name $words"; return 1; }
	done < <(jq -r '(.slots | to_entries[] | "\(.key) \(.value | join(" "))"),
		(.presets | to_entries[] | "\(.key) \(.value | to_entries | map("\(.key)=\(.value)") | join(","))"),
		(.external[] | "\(.name) \(if .available then "yes" else "no" end) .*"),
		(.workloads[].parameters[] | "\(.name)=\(.default) .*"), "plans: \(.plans | join(" "))"' "$dir/list")
	equal "$("$build/wgbench" list --names tunnels)" "$(jq -r '(.presets | keys_unsorted[]),
		(.slots | to_entries[] | "\(.key)=\(.value[])"), .external[].name' "$dir/list")"
	equal "$("$build/wgbench" list --names workloads)" "$(jq -r '.workloads[].name' "$dir/list")"
	equal "$("$build/wgbench" list --names plans)" "$(jq -r '.plans[]' "$dir/list")"
}
check "its table, its names and its JSON say the same" json_and_text_agree

# Every link of a page to a file or folder of this tree, and to a heading of a page.
links_lead_somewhere() {
	local page link target anchor bad=0
	for page in ./*.md doc/*.md doc/*/*.md tunnel/*.md; do
		for link in $(grep -oP '\]\(\K[^)# ]*(#[^) ]*)?(?=\))' "$page" | grep -v '^[a-z]*://'); do
			target=${link%%#*} anchor=
			[[ $link != *#* ]] || anchor=${link#*#}
			target=${target:+$(dirname "$page")/$target}
			target=${target:-$page}
			if [[ ! -e $target ]]; then
				echo "$page: no $link"
				bad=1
			elif [[ $anchor ]] && ! grep '^#' "$target" | sed 's/^#* //' | tr '[:upper:]' '[:lower:]' |
				tr -cd 'a-z0-9 \n-' | tr ' ' '-' | grep -qxF -- "$anchor"; then
				echo "$page: no heading $link"
				bad=1
			fi
		done
	done
	return $bad
}
check "no link is broken" links_lead_somewhere
plan
