# shellcheck shell=bash
# Builds and runs the test projects, one after the other, and sums up.

TEST_PROJECTS=(Melanoma.UnitTests Melanoma.IntegrationTests Melanoma.EndToEndTests)

# Packages that single tests want; a test whose tool cannot be had is skipped with its reason.
declare -A TEST_TOOLS=(
    [rabbitmq-server]=/usr/lib/rabbitmq/bin/rabbitmq-server
    [python3-grpcio]=/usr/lib/python3/dist-packages/grpc
    [protobuf-compiler]=/usr/bin/protoc
    [protobuf-compiler-grpc]=/usr/bin/grpc_python_plugin
    [jq]=/usr/bin/jq
)

bring_test_tools() {
    local package
    local -a missing=()
    for package in "${!TEST_TOOLS[@]}"; do
        if [[ ! -e ${TEST_TOOLS[$package]} ]] && apt_offers "$package"; then missing+=("$package"); fi
    done
    if ((${#missing[@]} > 0)); then
        say "Installing for the tests: ${missing[*]} (nothing is started)"
        apt_install "${missing[@]}" || say 'They could not be installed; the tests that need them are skipped'
    fi
}

# CsCheck begins each property with the case of this seed and draws the others anew in each run, whatever the number of threads: the variable
# fixes the first case only. With --all it is not set, so that the first case is a new one too. A failure prints the seed of its case either way.
TEST_FIRST_CASE=0N0XIzNsQ0O2

# Traits say where a test belongs: form=faults and form=long stay out of the everyday run.
command_test() {
    local -a filter=(--filter-not-trait form=faults --filter-not-trait form=long)
    local project log passed=0 failed=0 skipped=0 code broken=0
    while (($# > 0)); do
        case $1 in
            --all) filter=() && export MELANOMA_TEST_ALL=1 ;;
            --faults) filter=(--filter-trait form=faults) ;;
            *) die_usage "test knows --all, --faults and --json, not $1" ;;
        esac
        shift
    done
    bring_test_tools
    build Melanoma.sln all
    sdk_up
    log=$(mktemp)
    if ((${#filter[@]} > 0)); then export CsCheck_Seed=$TEST_FIRST_CASE; fi
    # The tests start servers of their own; the stack's state is none of their business.
    unset MELANOMA_STATE
    for project in "${TEST_PROJECTS[@]}"; do
        say "Running $project"
        code=0
        "$(build_executable "$project")" --progress off --no-ansi --ignore-exit-code 8 "${filter[@]}" </dev/null 2>&1 | tee "$log" >&2 || code=$?
        passed=$((passed + $(test_count succeeded "$log")))
        failed=$((failed + $(test_count failed "$log")))
        skipped=$((skipped + $(test_count skipped "$log")))
        if ((code != 0)) && (($(test_count failed "$log") == 0)); then
            say "$project ended with $code"
            broken=1
        fi
    done
    rm -f "$log"
    # A runner that died counts, also when none of its tests is known to have failed.
    ((!broken)) || failed=$((failed + 1))
    if ((passed + failed == 0)); then
        say 'No test ran.'
        failed=1
    fi
    if ((JSON)); then
        printf '{"passed":%s,"failed":%s,"skipped":%s}\n' "$passed" "$failed" "$skipped"
    else
        printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
    fi
    ((failed == 0))
}

# test_count WORD FILE: from the closing lines of Microsoft.Testing.Platform.
test_count() {
    local count
    count=$(sed -n "s/^ *$1: \([0-9][0-9]*\).*/\1/p" "$2" | tail -n 1)
    printf '%s' "${count:-0}"
}
