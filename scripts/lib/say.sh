# shellcheck shell=bash
# What people read goes to stderr, so that stdout stays free for documents.

say() { printf '%s\n' "$*" >&2; }

# Exit codes: 1 something failed, 2 wrong usage, 69 a server or tool cannot be had on this machine.
die() {
    say "melanoma: $*"
    exit 1
}

die_unavailable() {
    say "melanoma: $*"
    exit 69
}

die_usage() {
    say "melanoma: $*"
    exit 2
}

# json_string TEXT: TEXT as a JSON string with its quotes.
json_string() {
    local text=$1
    text=${text//\\/\\\\}
    text=${text//\"/\\\"}
    text=${text//$'\n'/\\n}
    text=${text//$'\r'/\\r}
    text=${text//$'\t'/\\t}
    printf '"%s"' "$text"
}
