# Tab completion of `python -m src.main`, `src.report`, `src.ingest`, `src.track` and `src.doctor` in bash:
# `source scripts/completion.bash`, in the repository's folder. For zsh: scripts/completion.zsh.
_joulebench_complete() {
    COMPREPLY=()
    local line="${COMP_LINE:0:COMP_POINT}" word
    [[ "$line" =~ ^([^ ]+)\ +-m\ +src ]] || return 0
    while IFS= read -r word; do
        [[ "$word" =~ ^[A-Za-z0-9_./:@+%=,-]*$ ]] || printf -v word %q "$word"
        [[ -z "$word" ]] || COMPREPLY+=("$word")
    done < <("${BASH_REMATCH[1]}" -m src.completion "$line" 2>/dev/null)
}
COMP_WORDBREAKS=${COMP_WORDBREAKS//[=:]/}
complete -o nospace -o default -F _joulebench_complete python python3 .venv/bin/python
