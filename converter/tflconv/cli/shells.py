"""Completion in bash, zsh and fish, of words with a colon or behind ``--option=`` too.

What click brings along ends a word at a colon in bash, drops ``--option=`` in zsh, offers nothing
behind it in fish, and cuts a description at its first comma there. The scripts here tell the shell
what a word is made of; a colon is hidden from zsh, whose lists of texts end a word at it.
"""

from __future__ import annotations

import os
from typing import ClassVar

from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ZshComplete,
    add_completion_class,
    split_arg_string,
)

VARIABLE = "_TFLCONV_COMPLETE"
"""Tells the program which shell asks, and for what."""

_BASH = """\
%(complete_func)s() {
    local IFS=$'\\n' response type value word before=""
    word="${COMP_LINE:0:COMP_POINT}"
    response=$(env COMP_LINE="$word" %(complete_var)s=bash_complete "$1")
    word="${word##*[ =]}"
    [[ "$COMP_WORDBREAKS" == *:* && "$word" == *:* ]] && before="${word%%%%:*}:"

    for completion in $response; do
        IFS=',' read -r type value <<< "$completion"
        if [[ $type == 'dir' ]]; then
            COMPREPLY=()
            compopt -o dirnames
        elif [[ $type == 'file' ]]; then
            COMPREPLY=()
            compopt -o default
        elif [[ $type == 'plain' ]]; then
            COMPREPLY+=("${value#"$before"}")
        fi
    done
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""

_ZSH = """\
#compdef %(prog_name)s

%(complete_func)s() {
    local -a names texts response
    local type name text
    (( $+commands[%(prog_name)s] )) || return 1
    response=("${(@f)$(env COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT-1)) \\
%(complete_var)s=zsh_complete %(prog_name)s)}")
    compset -P '--*='

    for type name text in ${response}; do
        case $type in
            dir) _path_files -/ ;;
            file) _path_files -f ;;
            plain) if [[ $text == _ ]]; then names+=("$name"); else texts+=("$name:$text"); fi ;;
        esac
    done
    (( $#texts )) && _describe -V unsorted texts
    (( $#names )) && compadd -V unsorted -a names
    (( compstate[nmatches] ))
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""

_FISH = """\
function %(complete_func)s
    set -l word (commandline -ct)
    set -l before (string match -r -- '^--[^=]+=' "$word")
    for completion in (env COMP_WORDS=(commandline -cp | string collect) COMP_CWORD="$word" \\
%(complete_var)s=fish_complete %(prog_name)s)
        set -l parts (string split -m 1 , -- $completion)
        switch $parts[1]
            case dir
                __fish_complete_directories $parts[2] | string replace -r '^' -- "$before"
            case file
                __fish_complete_path $parts[2] | string replace -r '^' -- "$before"
            case plain
                echo -- "$before$parts[2]"
        end
    end
end

complete --no-files --command %(prog_name)s --arguments "(%(complete_func)s)"
"""


class Bash(BashComplete):
    """Completes the whole line up to the cursor, as it was typed."""

    source_template: ClassVar[str] = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the last one, without the program, and the last one."""
        line = os.environ["COMP_LINE"]
        words = split_arg_string(line)
        unfinished = words.pop() if words and not line[-1].isspace() else ""
        return words[1:], unfinished


class Zsh(ZshComplete):
    """Completes what stands behind ``--option=`` without dropping it."""

    source_template: ClassVar[str] = _ZSH

    def format_completion(self, item: CompletionItem) -> str:
        """Return kind, name and text, a line each; older clicks leave the colons of a name."""
        name = item.value.replace(":", r"\:") if item.help else item.value
        return f"{item.type}\n{name}\n{_line(item.help) or '_'}"


class Fish(FishComplete):
    """Completes what stands behind ``--option=``, with whole texts."""

    source_template: ClassVar[str] = _FISH

    def format_completion(self, item: CompletionItem) -> str:
        """Return kind, name and text on one line."""
        text = _line(item.help)
        return f"{item.type},{item.value}" + (f"\t{text}" if text else "")


def register() -> None:
    """Let click complete by these."""
    for name, kind in {"bash": Bash, "zsh": Zsh, "fish": Fish}.items():
        add_completion_class(kind, name)


def _line(text: str | None) -> str:
    return " ".join((text or "").split())
