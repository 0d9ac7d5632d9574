# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion for akmactl(1)

_akmactl_applications() {
    akmactl list --json 2>/dev/null | sed -n 's/^{"id":"\([^"]*\)".*/\1/p'
}

_akmactl() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local verb= words= i

    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --)
            mapfile -t COMPREPLY < <(compgen -c -f -- "$cur")
            return
            ;;
        --bus) i=$((i + 1)) ;;
        -*) ;;
        *) verb=${verb:-${COMP_WORDS[i]}} ;;
        esac
    done

    case $prev in
    --bus) words="system session" ;;
    --format) words="raw hex base64 jwk fingerprint mosquitto-psk wireguard-psk" ;;
    --keyring) words="@u @s" ;;
    --type) words="user logon" ;;
    --output | --config)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    --kid | --wait | --timeout) return ;;
    *)
        case $verb:$cur in
        :*) words="status list get renew enroll wait watch exec modem doctor --bus --json --help --version" ;;
        modem:[!-]* | modem:) words="probe" ;;
        get:-*) words="--format --kid --output --wait --keyring --type --json --bus --help" ;;
        doctor:-*) words="--config --timeout --json --bus --help" ;;
        wait:-*) words="--timeout --json --bus --help" ;;
        exec:-*) words="--wait --json --bus --help --" ;;
        watch:-*) words="--json --bus --help --" ;;
        *:-*) words="--json --bus --help" ;;
        get:* | renew:* | enroll:* | wait:* | watch:* | exec:*) words=$(_akmactl_applications) ;;
        esac
        ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _akmactl akmactl
