#!/usr/bin/env bash
# Asks a Melanoma Gateway about a picture. For research, not a medical device. Needs curl 7.76 and jq.
# Exit codes: 0 answered; 1 refused, asking again does not help; 2 called wrongly; 75 busy or away, ask again later with the same idempotency key.
set -euo pipefail
if (($# < 2 || $# > 3)) || [[ -z ${MELANOMA_API_KEY-} ]]; then
    echo 'Usage: MELANOMA_API_KEY=... classify.sh http[s]://HOST:PORT PICTURE [CASE_REFERENCE]' >&2
    exit 2
fi
[[ -r $2 ]] || { echo "$2 cannot be read" >&2 && exit 1; }
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

# A list of processes shows arguments to everybody, so the key comes through a pipe.
# A system of yours stores the idempotency key with its order: the same one gets the same answer, however often it has to ask.
headers() {
    printf '%s\n' "x-api-key: $MELANOMA_API_KEY" "idempotency-key: ${MELANOMA_IDEMPOTENCY_KEY:-$(cat /proc/sys/kernel/random/uuid)}" 'content-type: application/octet-stream'
    [[ -z ${1-} ]] || printf '%s\n' "x-case-reference: $1"
}

# curl repeats by itself what is worth repeating (408, 429, 500, 502, 503, 504), after the delay of Retry-After where a busy server gives one.
status=$(curl --silent --show-error --output "$answer" --write-out '%{http_code}' --retry 4 --retry-connrefused --retry-max-time 60 --max-time 60 \
    --header @<(headers "${3-}") --data-binary @"$2" "$1/v1/classify") || status=000
case $status in
    200)
        jq -r '"decision: \([.decision, .reasons[].code] | join(", "))", "diagnosis: \(.diagnosis)", "melanoma probability: \(.melanomaProbability * 10000 | round / 10000)",
            "model version: \(.modelVersion)", "prediction id: \(.predictionId)", "notice: \(.notice)"' "$answer"
        ;;
    *)
        jq -r '"\(.grpcStatus // .title // "Refused"): \(.detail // .message)"' "$answer" >&2 2>/dev/null || echo "HTTP status $status" >&2
        [[ $status =~ ^(000|408|429|502|503|504)$ ]] && exit 75
        exit 1
        ;;
esac
