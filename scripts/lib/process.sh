# shellcheck shell=bash
# Processes, ports and secrets. A pid file holds "PID START", so that a number reused by a stranger is never taken for ours.

process_start_time() {
    local stat
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
    stat=${stat##*) }
    local -a fields
    read -ra fields <<<"$stat"
    [[ ${fields[0]} != Z ]] || return 1
    printf '%s' "${fields[19]}"
}

# write_pid FILE PID
write_pid() {
    local start
    start=$(process_start_time "$2") || return 1
    printf '%s %s\n' "$2" "$start" >"$1"
}

# read_pid FILE: prints the pid when that very process still runs.
read_pid() {
    local pid start
    [[ -r $1 ]] || return 1
    read -r pid start <"$1" || return 1
    [[ $(process_start_time "$pid") == "$start" ]] || return 1
    printf '%s' "$pid"
}

# stop_process FILE SIGNAL SECONDS LAST_SIGNAL: asks, waits, then insists. Removes the pid file.
stop_process() {
    local file=$1 signal=$2 seconds=$3 last=$4 pid deadline
    if pid=$(read_pid "$file"); then
        kill -s "$signal" "$pid" 2>/dev/null || true
        deadline=$((SECONDS + seconds))
        while read_pid "$file" >/dev/null; do
            if ((SECONDS >= deadline)); then
                kill -s "$last" "$pid" 2>/dev/null || true
                deadline=$((SECONDS + 10))
                last=KILL
            fi
            sleep 0.1
        done
    fi
    rm -f "$file"
}

# port_in_use PORT: whether somebody listens there; a connection that has just ended does not count.
port_in_use() {
    local hex
    printf -v hex ':%04X' "$1"
    awk -v port="$hex" '$4 == "0A" && substr($2, length($2) - 4) == port { found = 1 } END { exit !found }' /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

# free_port [PORTS ALREADY TAKEN...]: below the kernel's ephemeral range, so that no outgoing connection takes it meanwhile.
free_port() {
    local port
    while :; do
        port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
        [[ " $* " == *" $port "* ]] && continue
        port_in_use "$port" || break
    done
    printf '%s' "$port"
}

# remembered_port FILE [TAKEN...]: the port in FILE while nobody else has it, else a new one, written to FILE.
remembered_port() {
    local file=$1 port=
    shift
    [[ -r $file ]] && port=$(<"$file")
    if [[ -z $port ]] || port_in_use "$port"; then
        port=$(free_port "$@")
        printf '%s\n' "$port" >"$file"
    fi
    printf '%s' "$port"
}

random_secret() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

# remembered_secret FILE: made once, mode 600.
remembered_secret() {
    if [[ ! -s $1 ]]; then
        (umask 077 && random_secret >"$1")
    fi
    cat "$1"
}

# http_status PORT PATH [USER:PASSWORD]: the status code of a GET on loopback; needs no other program.
http_status() {
    local port=$1 path=$2 user=${3-} line='' status=000
    {
        exec 5<>"/dev/tcp/127.0.0.1/$port" || return 1
    } 2>/dev/null
    {
        printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n' "$path"
        [[ -z $user ]] || printf 'Authorization: Basic %s\r\n' "$(printf '%s' "$user" | base64 -w0)"
        printf '\r\n'
    } >&5 2>/dev/null || true
    if read -r -t 5 line <&5; then
        status=${line#* }
        status=${status%% *}
    fi
    exec 5>&- 5<&-
    printf '%s' "${status//$'\r'/}"
}

# wait_until SECONDS COMMAND...: polls a condition that no event reports to a shell.
wait_until() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < deadline)) || return 1
        sleep 0.2
    done
}
