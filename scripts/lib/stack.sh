# shellcheck shell=bash
# up, down, status, logs, scale, reset.

STARTED_REPLICAS=()
STARTED_SERVERS=0

lock_stack() {
    mkdir -p "$STATE"
    exec 7>"$STATE/launcher.lock"
    flock -w 600 7 || die "another ./melanoma has held $STATE/launcher.lock for ten minutes"
}

unlock_stack() { exec 7>&-; }

stop_started() {
    local replica
    if ((STARTED_SERVERS)); then
        # Replicas that scale added from another terminal stand on the servers that stop now.
        for replica in $(existing_replicas); do
            if replica_pid "$replica" >/dev/null; then STARTED_REPLICAS+=("$replica"); fi
        done
    fi
    ((${#STARTED_REPLICAS[@]} == 0)) || stop_replicas "${STARTED_REPLICAS[@]}"
    ((!STARTED_SERVERS)) || "$ROOT/scripts/servers" down "$STATE"
    STARTED_REPLICAS=()
    STARTED_SERVERS=0
}

start_servers() {
    local before
    before=$("$ROOT/scripts/servers" status "$STATE")
    [[ $before == *'"running"'* ]] || STARTED_SERVERS=1
    "$ROOT/scripts/servers" up "$STATE" 7>&- >/dev/null
}

migrate() {
    mkdir -p "$STATE/services"
    if ! run_command Ingestion.Service migrate >"$STATE/services/migrate.log" 2>&1; then
        tail -n 30 "$STATE/services/migrate.log" >&2
        die "the migration failed, its log is $STATE/services/migrate.log"
    fi
}

# start_missing: starts what should run and does not.
start_missing() {
    local replica
    local -a missing=()
    assign_ports
    for replica in $(all_replicas); do
        replica_pid "$replica" >/dev/null || missing+=("$replica")
    done
    if ((${#missing[@]} == 0)); then return 0; fi
    say "Migrating the database"
    migrate
    say "Starting ${missing[*]}"
    for replica in "${missing[@]}"; do
        STARTED_REPLICAS+=("$replica")
        start_replica "$replica"
    done
    await_replicas "${missing[@]}"
}

# The key is made once for each database; its text exists only in local.json.
write_local_json() {
    local database made_for='' key='' gateway
    # Our own server's port may change, its password does not.
    database=$(sed 's/Port=[0-9]*//' "$STATE/servers.env" | grep '^ConnectionStrings__melanoma=' | sha256sum | cut -c1-64)
    KEY_NAME=local
    if [[ -r $STATE/local.json && -r $STATE/services/key ]]; then
        read -r made_for KEY_NAME <"$STATE/services/key"
        [[ $made_for != "$database" ]] || key=$(sed -n 's/.*"apiKey":"\([^"]*\)".*/\1/p' "$STATE/local.json")
    fi
    if [[ -z $key ]]; then
        # A database that was used from elsewhere, or whose local.json is lost, already has a key of that name.
        KEY_NAME=local
        if ! key=$(make_key 2>"$STATE/services/key.log"); then
            KEY_NAME=local-$(od -An -N3 -tx1 /dev/urandom | tr -d ' \n')
            if ! key=$(make_key 2>>"$STATE/services/key.log"); then
                cat "$STATE/services/key.log" >&2
                die 'the API key could not be made'
            fi
        fi
        printf '%s %s\n' "$database" "$KEY_NAME" >"$STATE/services/key"
    fi
    gateway=$(replica_port gateway http)
    printf '{"grpc":"http://127.0.0.1:%s","http":"http://127.0.0.1:%s","portal":"http://127.0.0.1:%s/","apiKey":%s}\n' \
        "$(replica_port gateway grpc)" "$gateway" "$gateway" "$(json_string "$key")" >"$STATE/local.json.new"
    mv "$STATE/local.json.new" "$STATE/local.json"
}

# make_key: the key is the last line that the Gateway prints.
make_key() {
    local printed
    printed=$(run_command Gateway keys create --name "$KEY_NAME" --tenant local --roles classify,data,ops,read) || return 1
    printf '%s' "${printed##*$'\n'}"
}

# sign_in_address: the Portal with a token that works once.
sign_in_address() {
    local printed
    if ! printed=$(run_command Gateway sign-in create --key-name "$KEY_NAME" 2>"$STATE/services/key.log"); then
        cat "$STATE/services/key.log" >&2
        die 'the sign-in token could not be made'
    fi
    printf 'http://127.0.0.1:%s/sign-in?token=%s' "$(replica_port gateway http)" "${printed##*$'\n'}"
}

# bring_up [yes|no]: everything that up does before it reports; with or without the bundled model from now on, else as it was last said.
bring_up() {
    trap 'stop_started' EXIT
    trap 'exit 130' INT TERM HUP
    lock_stack
    mkdir -p "$STATE/services"
    case ${1-} in
        yes) rm -f "$STATE/services/no-bundled-model" ;;
        no) : >"$STATE/services/no-bundled-model" ;;
    esac
    build Melanoma.Services.slnf services
    start_servers
    start_missing || die 'the stack did not start'
    write_local_json
    unlock_stack
}

command_up() {
    local detach=0 bundled='' address
    while (($# > 0)); do
        case $1 in
            --detach | -d) detach=1 ;;
            --no-bundled-model) bundled=no ;;
            --bundled-model) bundled=yes ;;
            *) die_usage "up knows --detach, --no-bundled-model, --bundled-model and --json, not $1" ;;
        esac
        shift
    done
    bring_up "$bundled"
    address=$(sign_in_address)
    say ''
    say "Portal   $address"
    say "gRPC     http://127.0.0.1:$(replica_port gateway grpc)"
    say "JSON     http://127.0.0.1:$(replica_port gateway http)"
    say "API key  in $STATE/local.json"
    if ((JSON)); then
        printf '{"portal":%s,"grpc":"http://127.0.0.1:%s","http":"http://127.0.0.1:%s","local":%s,"services":%s}\n' "$(json_string "$address")" \
            "$(replica_port gateway grpc)" "$(replica_port gateway http)" "$(json_string "$STATE/local.json")" "$(replicas_json)"
    fi
    if ((detach || (${#STARTED_REPLICAS[@]} == 0 && !STARTED_SERVERS))); then
        trap - EXIT
        say 'It keeps running; ./melanoma down stops it.'
        return 0
    fi
    say 'Ctrl-C stops it.'
    watch_started
}

# watch_started: stays until Ctrl-C, or until nothing that this command started is left.
watch_started() {
    local replica
    local -a left=("${STARTED_REPLICAS[@]}") still
    trap 'say "Stopping"; exit 130' INT TERM HUP
    while ((${#left[@]} > 0)); do
        wait -n 2>/dev/null || true
        still=()
        for replica in "${left[@]}"; do
            if replica_pid "$replica" >/dev/null; then
                still+=("$replica")
            elif [[ -e $(replica_folder "$replica")/pid ]]; then
                say "$replica has ended by itself; the end of its log (./melanoma up in another terminal starts it again):"
                tail -n 10 "$(replica_folder "$replica")/log" >&2
            fi
        done
        left=("${still[@]}")
    done
}

command_down() {
    no_more_arguments down "$@"
    stop_everything
    if ((JSON)); then
        printf '{"stopped":[%s]}\n' "$(printf ',"%s"' "${STOPPED[@]}" | sed 's/^,//; s/^""$//')"
    fi
    say 'Stopped; the data are kept.'
}

no_more_arguments() { (($# == 1)) || die_usage "$1 knows only --json"; }

stop_everything() {
    local replica
    STOPPED=()
    if [[ -d $STATE ]]; then
        lock_stack
        for replica in $(existing_replicas); do
            if replica_pid "$replica" >/dev/null; then STOPPED+=("$replica"); fi
        done
        ((${#STOPPED[@]} == 0)) || say "Stopping ${STOPPED[*]}"
        ((${#STOPPED[@]} == 0)) || stop_replicas "${STOPPED[@]}"
        "$ROOT/scripts/servers" down "$STATE" 7>&-
    fi
}

command_status() {
    no_more_arguments status "$@"
    local servers replica ready=1
    servers=$("$ROOT/scripts/servers" status "$STATE")
    for replica in $(all_replicas); do
        [[ $(replica_state "$replica") == ready ]] || ready=0
    done
    if ((JSON)); then
        printf '{"ready":%s,"servers":%s,"services":%s}\n' "$( ((ready)) && printf true || printf false)" "$servers" "$(replicas_json)"
    else
        printf '%-16s %s\n' servers "$(tr -d '{}"' <<<"$servers" | tr ',:' '  ')"
        for replica in $(all_replicas); do
            printf '%-16s %-9s http %s%s\n' "$replica" "$(replica_state "$replica")" "$(replica_port "$replica" http)" \
                "$([[ -z ${SERVICE_HAS_GRPC[$(replica_service "$replica")]-} ]] || printf ', grpc %s' "$(replica_port "$replica" grpc)")"
        done
    fi
    ((ready)) || return 3
}

command_logs() {
    local name=${1-} folder
    (($# == 0)) || shift
    case $name in
        '') die_usage "logs needs a name: $(existing_replicas | tr '\n' ' ')postgres rabbitmq migrate" ;;
        postgres) folder=$STATE/postgres/log ;;
        rabbitmq) folder=$(find "$STATE/rabbitmq/log" -name 'melanoma-*.log' ! -name '*_upgrade*' -print -quit 2>/dev/null) ;;
        migrate) folder=$STATE/services/migrate.log ;;
        *) folder=$(replica_folder "$name")/log ;;
    esac
    [[ -r $folder ]] || die "there is no log of $name"
    if ((JSON)); then
        printf '{"name":"%s","log":%s}\n' "$name" "$(json_string "$(tail -n 200 "$folder" | tr -d '\000-\010\013\014\016-\037')")"
    else
        tail -n 200 "$@" "$folder"
    fi
}

command_scale() {
    local part name count replica wanted restart=0 retrain=0
    local -a surplus=()
    (($# > 0)) || die_usage 'scale needs NAME=COUNT, for example: scale augmentation=3 training=1'
    for part in "$@"; do
        name=${part%%=*} count=${part#*=}
        [[ -n ${SERVICE_SCALES[$name]-} ]] || die_usage "cannot scale $name: it is one of ${!SERVICE_SCALES[*]}"
        [[ $count =~ ^[1-9][0-9]?$ ]] || die_usage "$part: the count is 1 to 99"
    done
    lock_stack
    mkdir -p "$STATE/services"
    for part in "$@"; do
        name=${part%%=*} count=${part#*=}
        if [[ -n ${SERVICE_HAS_GRPC[$name]-} && $(service_replicas "$name") != "$count" ]]; then restart=1; fi
        if [[ $name == training && $(service_replicas training) != "$count" ]]; then retrain=1; fi
        printf '%s\n' "$count" >"$STATE/services/$name.replicas"
    done
    if replica_pid gateway >/dev/null; then
        wanted=" $(all_replicas | tr '\n' ' ')"
        for replica in $(existing_replicas); do
            [[ $wanted == *" $replica "* ]] || surplus+=("$replica")
        done
        # The Gateway learns the addresses of the replicas behind it when it starts.
        ((!restart)) || surplus+=(gateway)
        # Trainers share the cores anew; a run goes on from its checkpoint.
        if ((retrain)); then
            for replica in $(replica_names training); do
                if replica_pid "$replica" >/dev/null; then surplus+=("$replica"); fi
            done
        fi
        ((${#surplus[@]} == 0)) || stop_replicas "${surplus[@]}"
        start_missing || die 'not every replica became ready'
        for replica in "${surplus[@]}"; do
            [[ $wanted == *" $replica "* ]] || rm -rf "$(replica_folder "$replica")"
        done
        unlock_stack
        ((!JSON)) || printf '{"services":%s}\n' "$(replicas_json)"
    else
        unlock_stack
        say 'The stack is not running; the next up starts that many.'
        ((!JSON)) || printf '{"services":%s}\n' "$(replicas_json)"
    fi
}

# Only what the launcher itself keeps there is deleted.
command_reset() {
    no_more_arguments reset "$@"
    if [[ -d $STATE ]]; then
        stop_everything
        "$ROOT/scripts/servers" down "$STATE" --delete 7>&-
        rm -rf "$STATE/services" "$STATE/cache" "$STATE/local.json"
        rm -f "$STATE/launcher.lock"
        rmdir --ignore-fail-on-non-empty "$STATE" 2>/dev/null || true
    fi
    ((!JSON)) || printf '{"reset":true}\n'
    say 'All local data are deleted.'
}
