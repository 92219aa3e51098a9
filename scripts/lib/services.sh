# shellcheck shell=bash disable=SC2034,SC2154 # tables and variables shared between the parts
# The services as processes: one folder per replica under the state folder with its ports, pid and log.

SERVICES=(ingestion augmentation training inference gateway portal)
declare -A SERVICE_PROJECT=(
    [ingestion]=Ingestion.Service [augmentation]=Augmentation.Worker [training]=Training.Worker
    [inference]=Inference.Api [gateway]=Gateway [portal]=Portal
)
declare -A SERVICE_HAS_GRPC=([ingestion]=1 [inference]=1 [gateway]=1)
declare -A SERVICE_SCALES=([ingestion]=1 [augmentation]=1 [training]=1 [inference]=1)

# service_replicas NAME
service_replicas() { cat "$STATE/services/$1.replicas" 2>/dev/null || printf 1; }

# replica_names NAME: "training", "training-2", ...
replica_names() {
    local number count
    count=$(service_replicas "$1")
    for ((number = 1; number <= count; number++)); do
        if ((number == 1)); then printf '%s\n' "$1"; else printf '%s-%s\n' "$1" "$number"; fi
    done
}

# all_replicas: every replica there should be, in the order of SERVICES.
all_replicas() {
    local name
    for name in "${SERVICES[@]}"; do replica_names "$name"; done
}

# existing_replicas: every replica that has ever been started here.
existing_replicas() {
    local folder
    for folder in "$STATE"/services/*/; do
        [[ ! -d $folder ]] || basename "$folder"
    done
}

replica_folder() { printf '%s/services/%s' "$STATE" "$1"; }
replica_service() { printf '%s' "${1%-[0-9]*}"; }
replica_pid() { read_pid "$(replica_folder "$1")/pid"; }
replica_port() { cat "$(replica_folder "$1")/$2-port" 2>/dev/null || printf 0; }

replica_is_ready() { [[ $(http_status "$(replica_port "$1" http)" /health/ready) == 200 ]]; }

replica_state() {
    if ! replica_pid "$1" >/dev/null; then
        printf stopped
    elif replica_is_ready "$1"; then
        printf ready
    else
        printf starting
    fi
}

# assign_ports: every replica knows every other's address before the first one starts.
assign_ports() {
    local replica folder
    local -a taken=()
    for replica in $(all_replicas); do
        folder=$(replica_folder "$replica")
        mkdir -p "$folder"
        if replica_pid "$replica" >/dev/null; then continue; fi
        taken+=("$(remembered_port "$folder/http-port" "${taken[@]}")")
        if [[ -n ${SERVICE_HAS_GRPC[$(replica_service "$replica")]-} ]]; then
            taken+=("$(remembered_port "$folder/grpc-port" "${taken[@]}")")
        fi
    done
}

# internal_key: by which the services know the Gateway; made once for each state folder.
internal_key() {
    local file=$STATE/services/internal-key
    if [[ ! -s $file ]]; then
        (umask 077 && head -c 32 /dev/urandom | base64 >"$file.new" && mv "$file.new" "$file")
    fi
    cat "$file"
}

# Secrets reach a service through its environment, never through a command line.
export_service_environment() {
    local name replica index
    set -a
    # shellcheck source=/dev/null
    . "$STATE/servers.env"
    set +a
    Internal__Key=$(internal_key)
    export Internal__Key
    export ASPNETCORE_ENVIRONMENT=Production DOTNET_gcServer=0 OMP_WAIT_POLICY=passive MELANOMA_STATE="$STATE" Training__CacheFolder="$STATE/cache/training"
    if [[ -e $STATE/services/no-bundled-model ]]; then
        export Training__BundledModel=''
    else
        export Training__BundledModel="${Training__BundledModel-$ROOT/models}"
    fi
    # The database tells nobody where its data lie; here it is known, unless a container or somebody else has them.
    if [[ -d $STATE/postgres/data ]]; then
        export Ingestion__Deliveries__DatabaseFolder="${Ingestion__Deliveries__DatabaseFolder-$STATE/postgres/data}"
    fi
    # Trainers that share cores must not each start a thread for every core: together they would be slower than one.
    local trainers cores
    trainers=$(service_replicas training)
    cores=$(nproc)
    export Training__Threads="${Training__Threads:-$((cores > trainers ? cores / trainers : 1))}"
    for name in "${SERVICES[@]}"; do
        index=0
        for replica in $(replica_names "$name"); do
            export "services__${name}__http__$index=http://127.0.0.1:$(replica_port "$replica" http)"
            if [[ -n ${SERVICE_HAS_GRPC[$name]-} ]]; then
                export "services__${name}__grpc__$index=http://127.0.0.1:$(replica_port "$replica" grpc)"
            fi
            index=$((index + 1))
        done
    done
}

start_replica() {
    local replica=$1 name folder executable
    name=$(replica_service "$replica")
    folder=$(replica_folder "$replica")
    executable=$(build_executable "${SERVICE_PROJECT[$name]}")
    if [[ -s $folder/log && $(stat -c %s "$folder/log") -gt 10000000 ]]; then mv "$folder/log" "$folder/log.old"; fi
    (
        export_service_environment
        export "Kestrel__Endpoints__http__Url=http://127.0.0.1:$(replica_port "$replica" http)"
        if [[ -n ${SERVICE_HAS_GRPC[$name]-} ]]; then
            export "Kestrel__Endpoints__grpc__Url=http://127.0.0.1:$(replica_port "$replica" grpc)"
        fi
        # Tensors come and go by the gigabyte; only glibc's first arena keeps their memory, which doubles the speed on a CPU.
        if [[ $name == training ]]; then export MALLOC_ARENA_MAX=1; fi
        cd "$(dirname "$executable")" || exit
        exec setsid "$executable" </dev/null >>"$folder/log" 2>&1 7>&-
    ) &
    write_pid "$folder/pid" $! || true
}

# run_command PROJECT ARGUMENT...: a service's own command, with the services' environment; stdout is passed on.
run_command() (
    local executable
    executable=$(build_executable "$1")
    shift
    export_service_environment
    cd "$(dirname "$executable")" || exit
    exec "$executable" "$@" </dev/null 7>&-
)

# await_replicas REPLICA...: until each is ready; shows the end of the log of one that is not.
await_replicas() {
    local replica
    for replica in "$@"; do
        if ! wait_until 120 replica_ready_or_dead "$replica" || ! replica_pid "$replica" >/dev/null; then
            say "$replica did not become ready, the end of its log:"
            tail -n 30 "$(replica_folder "$replica")/log" >&2
            return 1
        fi
    done
}

replica_ready_or_dead() { ! replica_pid "$1" >/dev/null || replica_is_ready "$1"; }

# stop_replicas REPLICA...: all are asked at once, then waited for.
stop_replicas() {
    local replica pid
    for replica in "$@"; do
        if pid=$(replica_pid "$replica"); then
            disown "$pid" 2>/dev/null || true # no notice from the shell when a child dies of the signal
            kill -TERM "$pid" 2>/dev/null || true
        fi
    done
    for replica in "$@"; do
        stop_process "$(replica_folder "$replica")/pid" TERM 45 KILL
    done
}

# replicas_json: what status shows.
replicas_json() {
    local replica separator='' pid
    printf '['
    for replica in $(all_replicas); do
        pid=$(replica_pid "$replica") || pid=null
        printf '%s{"name":"%s","service":"%s","state":"%s","pid":%s,"http":"http://127.0.0.1:%s"' \
            "$separator" "$replica" "$(replica_service "$replica")" "$(replica_state "$replica")" "$pid" "$(replica_port "$replica" http)"
        if [[ -n ${SERVICE_HAS_GRPC[$(replica_service "$replica")]-} ]]; then
            printf ',"grpc":"http://127.0.0.1:%s"' "$(replica_port "$replica" grpc)"
        fi
        printf '}'
        separator=,
    done
    printf ']'
}
