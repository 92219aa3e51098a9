# shellcheck shell=bash
# The .NET 10 SDK: found, or installed from the system's packages.

# sdk_find: makes dotnet one that has a 10.0 SDK. It may be a wrapper, so it is asked where the SDK lies.
sdk_find() {
    local dotnet sdk
    for dotnet in "$(command -v dotnet || true)" "${DOTNET_ROOT-}/dotnet" /usr/lib/dotnet/dotnet /usr/share/dotnet/dotnet "${HOME-/root}/.dotnet/dotnet"; do
        [[ -x $dotnet ]] || continue
        sdk=$("$dotnet" --list-sdks 2>/dev/null | sed -n 's/^10\.[^[]*\[\(.*\)\/sdk\]$/\1/p' | tail -n 1)
        if [[ -n $sdk && -x $sdk/dotnet ]]; then
            export DOTNET_ROOT=$sdk
            [[ $dotnet == "$(command -v dotnet || true)" ]] || export PATH="$sdk:$PATH"
            return 0
        fi
    done
    return 1
}

sdk_up() {
    export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
    if sdk_find; then return 0; fi
    if apt_offers dotnet-sdk-10.0; then
        say '.NET: installing the package dotnet-sdk-10.0'
        apt_install dotnet-sdk-10.0 && sdk_find && return 0
    fi
    die_unavailable 'no .NET 10 SDK; this installs it: curl -fsSL https://dot.net/v1/dotnet-install.sh | bash -s -- --channel 10.0'
}
