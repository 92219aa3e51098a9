# shellcheck shell=bash
# System packages: installed without starting, enabling or changing the system's own services.

can_use_apt() { [[ $EUID -eq 0 ]] && command -v apt-get >/dev/null && [[ ${MELANOMA_NO_APT-} != 1 ]]; }

apt_offers() {
    can_use_apt || return 1
    local candidate
    candidate=$(apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: //p')
    if [[ -z $candidate || $candidate == '(none)' ]]; then
        [[ -n ${APT_UPDATED-} ]] && return 1
        apt-get update -qq >/dev/null 2>&1 || true
        APT_UPDATED=1
        apt_offers "$1"
        return
    fi
}

# apt_install PACKAGE...: one at a time on this machine; a failed download is tried once more after an update of the lists.
apt_install() (
    exec 8>/run/lock/melanoma-apt.lock
    flock 8
    local policy=/usr/sbin/policy-rc.d cluster=/etc/postgresql-common/createcluster.d/melanoma.conf saved='' made_dir='' log
    log=$(mktemp)
    if [[ -e $policy ]]; then
        saved=$policy.melanoma-saved
        mv "$policy" "$saved"
    fi
    if [[ ! -d ${cluster%/*} ]]; then
        made_dir=1
        mkdir -p "${cluster%/*}"
    fi
    # shellcheck disable=SC2317 # called by the trap
    restore() {
        rm -f "$policy" "$cluster" "$log"
        [[ -z $saved ]] || mv "$saved" "$policy"
        [[ -z $made_dir ]] || rmdir --ignore-fail-on-non-empty -p "${cluster%/*}" 2>/dev/null || true
    }
    trap restore EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    printf 'create_main_cluster = false\n' >"$cluster"

    local before
    before=$(systemd_units)
    export DEBIAN_FRONTEND=noninteractive
    local -a command=(apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=300 "$@")
    if ! "${command[@]}" </dev/null >"$log" 2>&1 8>&-; then
        apt-get update -qq >>"$log" 2>&1 8>&- || true
        if ! "${command[@]}" </dev/null >>"$log" 2>&1 8>&-; then
            tail -n 20 "$log" >&2
            return 1
        fi
    fi

    # A unit that came with these packages must not start at the next boot either.
    if command -v systemctl >/dev/null; then
        local unit
        while read -r unit; do
            [[ -z $unit ]] || systemctl disable --quiet "$unit" >/dev/null 2>&1 || true
        done < <(comm -13 <(printf '%s\n' "$before") <(systemd_units))
    fi
)

systemd_units() {
    find /lib/systemd/system /usr/lib/systemd/system -maxdepth 1 \( -name 'postgresql*' -o -name 'rabbitmq*' -o -name 'epmd*' \) -printf '%f\n' 2>/dev/null | sort -u
}
