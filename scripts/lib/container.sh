# shellcheck shell=bash
# Containers publish on loopback only and keep their data in a named volume. Secrets travel in a mode-600 env file.

# container_runtime: prints docker or podman when it really answers, not merely when the program is there.
container_runtime() {
    local runtime
    [[ ${MELANOMA_NO_CONTAINERS-} != 1 ]] || return 1
    for runtime in docker podman; do
        if command -v "$runtime" >/dev/null && timeout 10 "$runtime" info >/dev/null 2>&1; then
            printf '%s' "$runtime"
            return 0
        fi
    done
    return 1
}

# container_name FOLDER: one name per state folder.
container_name() { printf 'melanoma-%s-%s' "$(basename "$1")" "$(printf '%s' "$1" | sha256sum | cut -c1-10)"; }

container_running() { [[ $(timeout 20 "$1" inspect -f '{{.State.Running}}' "$2" 2>/dev/null) == true ]]; }

# container_start RUNTIME NAME ENV_FILE VOLUME_TARGET IMAGE [RUN OPTIONS...]
container_start() {
    local runtime=$1 name=$2 env_file=$3 target=$4 image=$5
    shift 5
    "$runtime" rm -f "$name" >/dev/null 2>&1 || true
    "$runtime" run -d --name "$name" --hostname "$name" --label org.melanoma.state=1 --env-file "$env_file" \
        -v "$name:$target" "$@" "$image" </dev/null >/dev/null 9>&-
}

container_stop() {
    timeout 60 "$1" stop "$2" >/dev/null 2>&1 || true
    timeout 60 "$1" rm -f "$2" >/dev/null 2>&1 || true
}

container_delete_volume() { timeout 60 "$1" volume rm -f "$2" >/dev/null 2>&1 || true; }
