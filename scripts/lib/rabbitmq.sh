# shellcheck shell=bash disable=SC2034 # the callers read what the functions set
# A private RabbitMQ under the state folder: its own node, cookie and epmd, loopback only, no guest account.

RABBITMQ_GIVEN='the address given in ConnectionStrings__rabbitmq'
RABBITMQ_IMAGE=docker.io/library/rabbitmq:4.1.4-management

# rabbitmq_up FOLDER: sets RABBITMQ_CONNECTION, RABBITMQ_MANAGEMENT (an http address with user and password, or empty) and RABBITMQ_WAY.
rabbitmq_up() {
    local folder=$1
    RABBITMQ_MANAGEMENT=${MELANOMA_RABBITMQ_MANAGEMENT-}
    if [[ -n ${ConnectionStrings__rabbitmq-} ]]; then
        RABBITMQ_CONNECTION=$ConnectionStrings__rabbitmq
        RABBITMQ_WAY=$RABBITMQ_GIVEN
        return 0
    fi
    mkdir -p "$folder"
    local password way=
    password=$(remembered_secret "$folder/password")
    [[ -r $folder/way ]] && way=$(<"$folder/way")
    [[ -n $way ]] || way=$(rabbitmq_find)
    printf '%s\n' "$way" >"$folder/way"
    case $way in
        container:*) rabbitmq_up_container "$folder" "${way#container:}" ;;
        bin:*) rabbitmq_up_binaries "$folder" "${way#bin:}" ;;
        *) die "cannot read $folder/way" ;;
    esac
    RABBITMQ_CONNECTION="amqp://melanoma:$password@127.0.0.1:$(<"$folder/port")/melanoma"
    RABBITMQ_MANAGEMENT="http://melanoma:$password@127.0.0.1:$(<"$folder/management-port")"
}

# rabbitmq_find: the order is the machine's own, a container runtime, apt.
rabbitmq_find() {
    local bin runtime
    if bin=$(rabbitmq_binaries); then
        printf 'bin:%s' "$bin"
    elif runtime=$(container_runtime); then
        printf 'container:%s' "$runtime"
    elif apt_offers rabbitmq-server && say 'RabbitMQ: installing the package rabbitmq-server (nothing is started)' && apt_install rabbitmq-server && bin=$(rabbitmq_binaries); then
        printf 'bin:%s' "$bin"
    else
        die_unavailable 'no RabbitMQ: install it (Debian, Ubuntu: apt-get install rabbitmq-server), or start docker or podman, or set ConnectionStrings__rabbitmq'
    fi
}

# rabbitmq_binaries: the folder of the server's own script; the one in /usr/sbin would change the user.
rabbitmq_binaries() {
    local candidate
    [[ ${MELANOMA_NO_RABBITMQ_BINARIES-} != 1 ]] || return 1
    command -v erl >/dev/null || return 1
    for candidate in /usr/lib/rabbitmq/bin /usr/lib/rabbitmq/lib/*/sbin /opt/rabbitmq/sbin; do
        if [[ -x $candidate/rabbitmq-server ]]; then
            printf '%s' "$candidate"
            return 0
        fi
    done
    return 1
}

epmd_binary() {
    if command -v epmd >/dev/null; then
        command -v epmd
    else
        find /usr/lib/erlang /usr/lib64/erlang -path '*/bin/epmd' -print -quit 2>/dev/null
    fi
}

rabbitmq_up_binaries() {
    local folder=$1 bin=$2 attempt port management distribution epmd
    [[ -x $bin/rabbitmq-server ]] || die_unavailable "$bin/rabbitmq-server is gone: install it again (apt-get install rabbitmq-server)"
    RABBITMQ_WAY="the server in $bin"
    if read_pid "$folder/pid" >/dev/null; then
        RABBITMQ_WAY+=', already running'
        return 0
    fi
    # The node's name is also the name of its data folder, so it is kept.
    [[ -s $folder/node ]] || printf 'melanoma-%s@localhost\n' "$(od -An -N4 -tx1 /dev/urandom | tr -d ' \n')" >"$folder/node"
    mkdir -p "$folder/home" "$folder/data" "$folder/log"
    if [[ ! -s $folder/home/.erlang.cookie ]]; then
        (umask 077 && random_secret >"$folder/home/.erlang.cookie")
        chmod 400 "$folder/home/.erlang.cookie"
    fi
    printf '[rabbitmq_management].\n' >"$folder/enabled_plugins"

    for attempt in 1 2 3; do
        stop_process "$folder/epmd.pid" TERM 5 KILL
        port=$(remembered_port "$folder/port")
        management=$(remembered_port "$folder/management-port" "$port")
        distribution=$(free_port "$port" "$management")
        epmd=$(free_port "$port" "$management" "$distribution")
        (umask 077 && rabbitmq_configuration "$(<"$folder/password")" "$port" "$management" >"$folder/rabbitmq.conf")

        ERL_EPMD_ADDRESS=127.0.0.1 setsid "$(epmd_binary)" -port "$epmd" -address 127.0.0.1 </dev/null >"$folder/log/epmd.log" 2>&1 9>&- &
        write_pid "$folder/epmd.pid" $! || true

        # RUNNING_UNDER_SYSTEMD makes the script become the server, so that the pid is the server's.
        env -i PATH="$PATH" LANG=C.UTF-8 HOME="$folder/home" RUNNING_UNDER_SYSTEMD=true \
            RABBITMQ_NODENAME="$(<"$folder/node")" RABBITMQ_CONF_ENV_FILE=/dev/null RABBITMQ_CONFIG_FILE="$folder/rabbitmq" \
            RABBITMQ_MNESIA_BASE="$folder/data" RABBITMQ_LOG_BASE="$folder/log" RABBITMQ_ENABLED_PLUGINS_FILE="$folder/enabled_plugins" \
            RABBITMQ_DIST_PORT="$distribution" ERL_EPMD_PORT="$epmd" ERL_EPMD_ADDRESS=127.0.0.1 \
            RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +SDcpu 1:1 +SDio 4 +A 8 +sbwt none +sbwtdcpu none +sbwtdio none' \
            setsid "$bin/rabbitmq-server" </dev/null >"$folder/log/console.log" 2>&1 9>&- &
        write_pid "$folder/pid" $! || true
        if wait_until 120 rabbitmq_ready_or_dead "$folder" "$port" "$management" && read_pid "$folder/pid" >/dev/null; then return 0; fi
        say "RabbitMQ: start $attempt on port $port failed"
        stop_process "$folder/pid" TERM 5 KILL
        rm -f "$folder/port" "$folder/management-port"
    done
    tail -n 20 "$folder/log/console.log" >&2
    stop_process "$folder/epmd.pid" TERM 5 KILL
    die "RabbitMQ did not start, its logs are in $folder/log"
}

rabbitmq_configuration() {
    cat <<END
listeners.tcp.1 = 127.0.0.1:$2
management.tcp.ip = 127.0.0.1
management.tcp.port = $3
management.rates_mode = basic
collect_statistics_interval = 10000
default_user = melanoma
default_pass = $1
default_vhost = melanoma
default_user_tags.administrator = true
loopback_users.melanoma = true
disk_free_limit.absolute = 200MB
log.console = false
log.file.level = info
END
}

rabbitmq_ready_or_dead() {
    read_pid "$1/pid" >/dev/null || return 0
    amqp_answers "$2" && [[ $(http_status "$3" /api/vhosts/melanoma "melanoma:$(<"$1/password")") == 200 ]]
}

# amqp_answers PORT: the broker greets with Connection.Start, whose frame begins with byte 1.
amqp_answers() {
    local first=
    {
        exec 5<>"/dev/tcp/127.0.0.1/$1" || return 1
    } 2>/dev/null
    printf 'AMQP\0\0\011\001' >&5 2>/dev/null || true
    read -r -t 3 -N 1 first <&5 || true
    exec 5>&- 5<&-
    [[ $first == $'\001' ]]
}

rabbitmq_up_container() {
    local folder=$1 runtime=$2 name port management
    name=$(container_name "$folder")
    RABBITMQ_WAY="a $runtime container of $RABBITMQ_IMAGE"
    if container_running "$runtime" "$name"; then
        RABBITMQ_WAY+=', already running'
        return 0
    fi
    port=$(remembered_port "$folder/port")
    management=$(remembered_port "$folder/management-port" "$port")
    (umask 077 && printf 'RABBITMQ_DEFAULT_USER=melanoma\nRABBITMQ_DEFAULT_PASS=%s\nRABBITMQ_DEFAULT_VHOST=melanoma\n' "$(<"$folder/password")" >"$folder/container.env")
    say "RabbitMQ: starting a container of $RABBITMQ_IMAGE"
    container_start "$runtime" "$name" "$folder/container.env" /var/lib/rabbitmq "$RABBITMQ_IMAGE" -p "127.0.0.1:$port:5672" -p "127.0.0.1:$management:15672" ||
        die_unavailable "$runtime could not start $RABBITMQ_IMAGE: install RabbitMQ (apt-get install rabbitmq-server) or see to $runtime"
    wait_until 120 rabbitmq_container_ready "$folder" "$port" "$management" || die "RabbitMQ in $name did not become ready: see $runtime logs $name"
}

rabbitmq_container_ready() { amqp_answers "$2" && [[ $(http_status "$3" /api/vhosts/melanoma "melanoma:$(<"$1/password")") == 200 ]]; }

# rabbitmq_down FOLDER DELETE
rabbitmq_down() {
    local folder=$1 delete=$2 way=
    [[ -r $folder/way ]] && way=$(<"$folder/way")
    case $way in
        container:*)
            container_stop "${way#container:}" "$(container_name "$folder")"
            [[ $delete != 1 ]] || container_delete_volume "${way#container:}" "$(container_name "$folder")"
            ;;
        *)
            stop_process "$folder/pid" TERM 40 KILL
            # epmd outlives the broker.
            stop_process "$folder/epmd.pid" TERM 5 KILL
            ;;
    esac
    [[ $delete != 1 ]] || rm -rf "$folder"
}

rabbitmq_running() {
    local folder=$1 way=
    [[ -r $folder/way ]] && way=$(<"$folder/way")
    case $way in
        container:*) container_running "${way#container:}" "$(container_name "$folder")" ;;
        *) read_pid "$folder/pid" >/dev/null ;;
    esac
}
