# shellcheck shell=bash
# Builds in Release, and only when a source is newer than the last good build.

BUILD_OUTPUT=$ROOT/artifacts/cpu/bin

# build_executable PROJECT [NAME]
build_executable() { printf '%s/%s/release_linux-x64/%s' "$BUILD_OUTPUT" "$1" "${2:-$1}"; }

# build_is_current STAMP: no file or folder outside the outputs has changed since.
build_is_current() {
    [[ -e $1 ]] || return 1
    [[ -z $(find "$ROOT" -mindepth 1 \( -path "$ROOT/artifacts" -o -path "$ROOT/.git" -o -name .melanoma -o -path "$STATE" -o -name node_modules -o -name TestResults -o -name __pycache__ \) \
        -prune -o -newer "$1" -print -quit 2>/dev/null) ]]
}

# build SOLUTION NAME: the services (Melanoma.Services.slnf) or everything (Melanoma.sln).
build() (
    mkdir -p "$ROOT/artifacts"
    exec 6>"$ROOT/artifacts/build.lock"
    flock 6
    local stamp=$ROOT/artifacts/built-$2 log=$ROOT/artifacts/build-$2.log
    if build_is_current "$stamp"; then return 0; fi
    sdk_up
    say "Building $1 (the first time takes a few minutes)"
    rm -f "$stamp"
    : >"$stamp.started"
    if ! (cd "$ROOT" && MSBUILDDISABLENODEREUSE=1 dotnet build "$1" -c Release -v quiet -nologo </dev/null >"$log" 2>&1 6>&- 7>&-); then
        grep -E 'error|warn' "$log" | sort -u | head -n 40 >&2 || true
        die "the build failed, all of its output is in $log"
    fi
    mv "$stamp.started" "$stamp"
)
