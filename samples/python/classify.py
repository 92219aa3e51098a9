"""Asks a Melanoma Gateway about pictures. For research, not a medical device.

    ./make-stubs.sh && MELANOMA_API_KEY=... python3 classify.py localhost:8081 IMAGE...

Needs grpcio and protobuf (Debian: python3-grpcio python3-protobuf).
"""
import os
import random
import sys
import time

import grpc

sys.path.insert(0, os.environ.get("MELANOMA_STUBS", os.path.join(os.path.dirname(os.path.abspath(__file__)), "stubs")))
from melanoma.v1 import classifier_pb2, classifier_pb2_grpc  # noqa: E402

ATTEMPTS = 6


def classify(classifier, image, key):
    """Repeats when the service is busy or away; every other failure is the caller's."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return classifier.Classify(
                classifier_pb2.ClassifyRequest(image=image, case_reference="sample"), metadata=(("x-api-key", key),), timeout=60)
        except grpc.RpcError as failure:
            trailers = dict(failure.trailing_metadata() or ())
            busy = failure.code() == grpc.StatusCode.RESOURCE_EXHAUSTED and "grpc-retry-pushback-ms" in trailers
            if attempt == ATTEMPTS or not (busy or failure.code() == grpc.StatusCode.UNAVAILABLE):
                raise
            delay = float(trailers["grpc-retry-pushback-ms"]) / 1000 if busy else 0.1 * 2**attempt
            time.sleep(delay * random.uniform(0.75, 1.25))


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    # The default limit of a message is 4 MB; pictures may have 20.
    options = [("grpc.max_send_message_length", 21 * 1024 * 1024)]
    with grpc.insecure_channel(sys.argv[1], options) as channel:
        classifier = classifier_pb2_grpc.ClassifierStub(channel)
        for path in sys.argv[2:]:
            with open(path, "rb") as file:
                image = file.read()
            try:
                answer = classify(classifier, image, os.environ["MELANOMA_API_KEY"])
            except grpc.RpcError as failure:
                sys.exit("%s: %s %s" % (path, failure.code().name, failure.details()))
            print("%s: %s (model version %s, answer %s)" % (path, answer.diagnosis, answer.model_version, answer.prediction_id))
            for item in answer.probabilities:
                print("  %-28s %6.2f %%" % (item.diagnosis, 100 * item.probability))


if __name__ == "__main__":
    main()
