# SPDX-License-Identifier: GPL-2.0-or-later
#
# Targets and variables of this repository's make, for bash; to be sourced:
#
#   . scripts/completion.bash
#
# In other folders, and with -f, -C or -o, it leaves make to whatever completed it
# before.

_mali_csf_make()
{
    local word=${COMP_WORDS[COMP_CWORD]} name

    # bash takes "=" for a word of its own.
    if [ "$word" = "=" ]; then
        name=${COMP_WORDS[COMP_CWORD - 1]}
        word=
    elif [ "${COMP_WORDS[COMP_CWORD - 1]}" = "=" ]; then
        name=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    if [ -n "$name" ]; then
        mapfile -t COMPREPLY < <(compgen -W "$(scripts/settings.py values "$name")" -- "$word")
        [ ${#COMPREPLY[@]} -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
    fi
    mapfile -t COMPREPLY < <(compgen -W "$(
        sed -n "s/^\t@echo 'make \([a-z0-9.-]*\) .*/\1/p" Makefile
        scripts/settings.py names | sed 's/$/=/'
    )" -- "$word")
    [[ ${COMPREPLY[0]} != *= ]] || compopt -o nospace
}

_mali_csf_or_make()
{
    if [ -e scripts/run-guest.py ] && [ -e Makefile ]; then
        _mali_csf_make
    elif declare -F _make >/dev/null; then
        _make "$@"
    else
        mapfile -t COMPREPLY < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
    fi
}

complete -F _mali_csf_or_make make
