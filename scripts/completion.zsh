# Tab completion of `python -m src.main`, `src.report`, `src.ingest`, `src.track` and `src.doctor` in zsh:
# `source scripts/completion.zsh`, after `autoload -U compinit && compinit`. For bash: scripts/completion.bash.
_joulebench_complete() {
    if [[ "$words[2]" != -m || "$words[3]" != src* ]]; then
        _python "$@" 2>/dev/null || _default "$@"
        return
    fi
    local -a found
    found=("${(@f)$("$words[1]" -m src.completion "${(j: :)words[1,CURRENT-1]} $PREFIX" 2>/dev/null)}")
    compadd -S '' -- ${found:#}
}
compdef _joulebench_complete python python3
