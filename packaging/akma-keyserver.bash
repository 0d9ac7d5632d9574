# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion for akma-keyserver(8)

_akma_keyserver() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local verb= words= i

    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -c | --config) i=$((i + 1)) ;;
        -*) ;;
        *) verb+=${verb:+ }${COMP_WORDS[i]} ;;
        esac
    done

    case $prev in
    -c | --config | --to | --ready | --identity-file | --file | --output)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    --identity) words="supi gpsi" ;;
    --log-level) words="error warning info debug" ;;
    --source) words="local shared upstream" ;;
    --use) words="sig enc" ;;
    --format) words="mosquitto-psk json" ;;
    --provider | --upstream-id | --length | --alg | --max-age | --grace | --allow | --after | --limit | --operator) return ;;
    --application | --terminal | --kid | --run) return ;;
    *)
        case $verb:$cur in
        :-*) words="--config --json --help --version" ;;
        :*) words="init serve check status application terminal key store export" ;;
        application:*) words="add list show remove allow deny" ;;
        terminal:*) words="list show id label group revoke restore forget" ;;
        key:*) words="list rotate revoke import" ;;
        store:*) words="migrate backup rekey" ;;
        store\ migrate*:-*) words="--to" ;;
        init:-*) words="--identity" ;;
        serve:-*) words="--ready --log-level" ;;
        application\ add*:-*) words="--source --provider --upstream-id --length --alg --use --max-age --grace --allow" ;;
        terminal\ list*:-*) words="--after --limit" ;;
        terminal\ group*:-*) words="--remove --identity-file --operator" ;;
        terminal\ *:-*) words="--identity-file --operator" ;;
        key\ list*:-*) words="--application --terminal --kid" ;;
        key\ import*:-*) words="--application --terminal --file" ;;
        export:-*) words="--application --format --output --follow --run" ;;
        key\ *:-*) words="--application --terminal --kid --all" ;;
        esac
        case $verb:$cur in ?*:-*) words+=" --config --json --help" ;; esac
        ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _akma_keyserver akma-keyserver
