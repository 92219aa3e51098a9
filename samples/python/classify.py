"""Asks a Melanoma Gateway about a picture. For research, not a medical device.

    ./make-stubs.sh && MELANOMA_API_KEY=... python3 classify.py http[s]://HOST:PORT PICTURE [CASE_REFERENCE]

Exit codes: 0 answered; 1 refused, asking again does not help; 2 called wrongly; 75 busy or away, ask again later with the same idempotency key.
"""
import json
import os
import sys
import urllib.parse
import uuid

import grpc

sys.path.insert(0, os.environ.get("MELANOMA_STUBS", os.path.join(os.path.dirname(os.path.abspath(__file__)), "stubs")))
from melanoma.v1 import classifier_pb2, classifier_pb2_grpc  # noqa: E402

LATER = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.DEADLINE_EXCEEDED)
# The client repeats by itself what is worth repeating, after the delay that a busy server asks for.
RETRIES = {"methodConfig": [{"name": [{"service": "melanoma.v1.Classifier"}], "retryPolicy": {
    "maxAttempts": 5, "initialBackoff": "0.2s", "maxBackoff": "5s", "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"]}}]}
OPTIONS = [
    ("grpc.enable_retries", 1),
    ("grpc.service_config", json.dumps(RETRIES)),
    # Only what fits in here is ever repeated: the default is 256 KiB, a picture may have 20 MB.
    ("grpc.per_rpc_retry_buffer_size", 21 * 1024 * 1024),
]


def connect(address):
    url = urllib.parse.urlsplit(address)
    if url.scheme == "https":
        return grpc.secure_channel(url.netloc, grpc.ssl_channel_credentials(), OPTIONS)
    return grpc.insecure_channel(url.netloc, OPTIONS)


def main():
    if len(sys.argv) not in (3, 4) or not os.environ.get("MELANOMA_API_KEY"):
        print(__doc__, file=sys.stderr)
        return 2
    with open(sys.argv[2], "rb") as file:
        request = classifier_pb2.ClassifyRequest(image=file.read(), case_reference=(sys.argv[3:] or [None])[0])
    # A system of yours stores the idempotency key with its order: the same one gets the same answer, however often it has to ask.
    idempotency_key = os.environ.get("MELANOMA_IDEMPOTENCY_KEY") or str(uuid.uuid4())
    metadata = (("x-api-key", os.environ["MELANOMA_API_KEY"]), ("idempotency-key", idempotency_key))
    with connect(sys.argv[1]) as channel:
        try:
            answer = classifier_pb2_grpc.ClassifierStub(channel).Classify(request, metadata=metadata, timeout=60)
        except grpc.RpcError as refusal:
            print("%s: %s" % (refusal.code().name, refusal.details()), file=sys.stderr)
            return 75 if refusal.code() in LATER else 1
    print("decision: " + ", ".join([classifier_pb2.Decision.Name(answer.decision)] + [reason.code for reason in answer.reasons]))
    print("diagnosis: %s\nmelanoma probability: %.4f" % (answer.diagnosis, answer.melanoma_probability))
    print("model version: %s\nprediction id: %s\nnotice: %s" % (answer.model_version, answer.prediction_id, answer.notice))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except OSError as problem:
        sys.exit(str(problem))
