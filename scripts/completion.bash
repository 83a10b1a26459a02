# Tab completion of `python -m src.main` in bash: `source scripts/completion.bash`.
# Hydra's own completes `python FILE.py` only, so the line is handed to it in that form.
_joulebench_complete() {
    COMPREPLY=()
    [[ "$COMP_LINE" =~ ^([^ ]+)\ -m\ src\.main(\ .*)$ ]] || return 0
    local python="${BASH_REMATCH[1]}" rest="${BASH_REMATCH[2]/ -m / }" choices
    choices=$(COMP_LINE="python main.py$rest" COMP_POINT="$COMP_POINT" "$python" -m src.main -sc query=bash 2>/dev/null)
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "${rest##* }")
}
COMP_WORDBREAKS=${COMP_WORDBREAKS//=/}
complete -o nospace -o default -F _joulebench_complete python python3 .venv/bin/python
