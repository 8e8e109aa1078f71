# fish completion for wgbench(1). Words come from the program itself: `wgbench COMMAND --help=words`.

function __wgbench_words
    set -l words (commandline -opc)
    $words[1] $words[2] --help=words 2>/dev/null | string match -r '^--.*' |
        string replace -r '\t[^\t]*\t' '\t'
end

# What a value may be, by what the help calls it.
function __wgbench_values
    set -l words (commandline -opc)
    set -l program $words[1]
    set -l row ($program $words[2] --help=words 2>/dev/null | string match -r "^$words[-1]\t.*")
    set -l value (string split \t -- $row)[2]
    switch "$value"
        case '*|*'
            string split '|' -- $value
        case SPEC
            $program list --names tunnels 2>/dev/null
        case WORKLOAD
            $program list --names workloads 2>/dev/null
        case PLAN
            $program list --names plans 2>/dev/null
        case REV
            git for-each-ref --format='%(refname:short)' 2>/dev/null
        case DIR
            __fish_complete_directories
        case 'FILE*'
            __fish_complete_path
    end
end

complete -c wgbench -n __fish_use_subcommand -f -a '(wgbench --help=words | string replace -r "\t\t" "\t")'
complete -c wgbench -n 'not __fish_use_subcommand' -a '(__wgbench_words)'
complete -c wgbench -n 'not __fish_use_subcommand' -a '(__wgbench_values)'
complete -c wgbench -n '__fish_seen_subcommand_from help' -f -a '(wgbench --help=words | string replace -r "\t\t" "\t")'
