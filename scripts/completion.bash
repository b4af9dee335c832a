# SPDX-License-Identifier: GPL-2.0-or-later
#
# Targets and variables of this repository's make, for bash; to be sourced:
#
#   . scripts/completion.bash
#
# In other folders, and with -f, -C or -o, it leaves make to whatever completed it
# before.

_mali_csf_values()
{
    local tests=tests/guest/programs

    case $1 in
    TESTS)
        awk '!/^#/ && NF { print $1 }' "$tests"
        echo quick slow long all none
        ;;
    MODEL|MODELS)
        sed -n '/^models = \[/,/^\]/p' configs/matrix.toml | grep -o '"[^"]*"' | tr -d '"'
        ;;
    KINDS)
        sed -n 's/^    KIND([A-Z_]*, [a-z_]*, "\([a-z-]*\)".*/\1/p' \
            hw/gpu/mali-csf/perturb.h
        echo slices priorities none
        ;;
    STRICT)
        echo off report stop
        ;;
    FIRMWARE)
        echo own distro
        ;;
    RUN)
        ls -d build/run/*/ 2>/dev/null
        ;;
    QEMU_SERIES)
        ls patches | sed -n 's/^qemu-//p'
        ;;
    esac
}

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
        mapfile -t COMPREPLY < <(compgen -W "$(_mali_csf_values "$name")" -- "$word")
        [ ${#COMPREPLY[@]} -gt 0 ] || mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
    fi
    mapfile -t COMPREPLY < <(compgen -W "$(
        sed -n "s/^\t@echo 'make \([a-z0-9.-]*\) .*/\1/p" Makefile
        sed -n 's/^export \([A-Z_ ]*\)$/\1/p' Makefile | tr ' ' '\n' | sed '/./s/$/=/'
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
