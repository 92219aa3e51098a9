#!/usr/bin/env bash
# Makes Python stubs from the protos of this checkout: ./make-stubs.sh [FOLDER], by default stubs/ beside this script.
# Debian: apt install protobuf-compiler protobuf-compiler-grpc python3-grpcio python3-protobuf
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
protos=$here/../../Melanoma.Contracts/Protos
out=${1-$here/stubs}
mkdir -p "$out"
protoc --proto_path="$protos" --python_out="$out" --grpc_python_out="$out" --plugin=protoc-gen-grpc_python="$(command -v grpc_python_plugin)" \
    "$protos"/google/api/*.proto "$protos"/melanoma/v1/*.proto
echo "Stubs are in $out"
