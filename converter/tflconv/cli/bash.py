"""Completion in bash of words with a colon, such as ``arm64:cortex-a76`` and ``adb:SERIAL``.

bash ends a word at a colon, so it asks for what follows that alone. Here the whole line is asked
for, and what stands before the colon is cut off the answer, where bash still does so
(``COMP_WORDBREAKS``).
"""

from __future__ import annotations

import os
from typing import ClassVar

from click.shell_completion import BashComplete, add_completion_class, split_arg_string

_SOURCE = """\
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


class Bash(BashComplete):
    """Completes the whole line up to the cursor, as it was typed."""

    source_template: ClassVar[str] = _SOURCE

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the last one, without the program, and the last one."""
        line = os.environ["COMP_LINE"]
        words = split_arg_string(line)
        unfinished = words.pop() if words and not line[-1].isspace() else ""
        return words[1:], unfinished


def register() -> None:
    """Let click complete in bash by this."""
    add_completion_class(Bash, "bash")
