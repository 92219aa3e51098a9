# shellcheck shell=bash
# The .NET 10 SDK: found, or installed from the system's packages.

# sdk_find: puts a dotnet that has a 10.0 SDK first in PATH.
sdk_find() {
    local folder
    local -a folders=()
    if command -v dotnet >/dev/null; then folders+=("$(dirname "$(readlink -f "$(command -v dotnet)")")"); fi
    [[ -z ${DOTNET_ROOT-} ]] || folders+=("$DOTNET_ROOT")
    folders+=(/usr/lib/dotnet /usr/share/dotnet /usr/local/share/dotnet "${HOME-/root}/.dotnet")
    for folder in "${folders[@]}"; do
        if [[ -x $folder/dotnet && $'\n'$("$folder/dotnet" --list-sdks 2>/dev/null) == *$'\n'10.* ]]; then
            export DOTNET_ROOT=$folder PATH="$folder:$PATH"
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
