# bash completion for wgbench(1). Words come from the program itself: `wgbench COMMAND --help=words`.

# What a value may be, by what the help calls it.
_wgbench_values() {
	case $1 in
	*'|'*) COMPREPLY=($(compgen -W "${1//|/ }" -- "$2")) ;;
	SPEC) COMPREPLY=($(compgen -W "$("$_wgbench_program" list --names tunnels 2>/dev/null)" -- "$2")) ;;
	WORKLOAD) COMPREPLY=($(compgen -W "$("$_wgbench_program" list --names workloads 2>/dev/null)" -- "$2")) ;;
	PLAN) COMPREPLY=($(compgen -W "$("$_wgbench_program" list --names plans 2>/dev/null)" -- "$2")) ;;
	REV) COMPREPLY=($(compgen -W "$(git for-each-ref --format='%(refname:short)' 2>/dev/null)" -- "$2")) ;;
	DIR | *RUN*) COMPREPLY=($(compgen -d -- "$2")) ;;
	FILE*) COMPREPLY=($(compgen -f -- "$2")) ;;
	esac
}

_wgbench() {
	local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} name value
	local _wgbench_program=${COMP_WORDS[0]} command=${COMP_WORDS[1]} options=() arguments=

	COMPREPLY=()
	if ((COMP_CWORD == 1)) || [[ COMP_CWORD -eq 2 && $command == help ]]; then
		COMPREPLY=($(compgen -W "$("$_wgbench_program" --help=words 2>/dev/null | cut -f 1) help --help --version" \
			-- "$current"))
		return
	fi
	# With bash's default COMP_WORDBREAKS a word ends at '=', which then is a word of its own.
	[[ $current == '=' ]] && current=
	[[ $before == '=' ]] && before=${COMP_WORDS[COMP_CWORD - 2]}
	while IFS=$'\t' read -r name value; do
		if [[ $name == --* ]]; then
			options+=("$name")
			if [[ $name == "$before" && -n $value ]]; then
				_wgbench_values "$value" "$current"
				return
			fi
		else
			arguments=$name
		fi
	done < <("$_wgbench_program" "$command" --help=words 2>/dev/null | awk -F '\t' \
		'{ print $1 == "" ? $2 : $1 "\t" $2 }')
	if [[ $current == -* ]]; then
		COMPREPLY=($(compgen -W "${options[*]}" -- "$current"))
	else
		_wgbench_values "${arguments%% *}" "$current"
	fi
}

complete -F _wgbench wgbench
