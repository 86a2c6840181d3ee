#!/bin/sh
# Runs the harness on a machine with a Hopper GPU that has PyTorch for CUDA, Triton and cuda-bindings, and no package
# index.  Wheels were made by `python -m benchmarks.hopper wheels -o WHEELS` on one that has; from the root:
#   sh benchmarks/hopper/remote.sh WHEELS --quick --budget 540 -o results.json
set -eu
wheels=$1
shift
python=${PYTHON:-python3}
site=$(mktemp -d)
trap 'rm -rf "$site"' EXIT
"$python" -m pip install --quiet --no-index --no-deps --no-compile --no-cache-dir --target "$site" "$wheels"/*.whl
# dsv3c runs from the root without being installed; what asks for its version finds it here
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
mkdir -p "$site/dsv3c-$version.dist-info"
printf 'Metadata-Version: 2.1\nName: dsv3c\nVersion: %s\n' "$version" > "$site/dsv3c-$version.dist-info/METADATA"
PYTHONPATH="$site${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1 "$python" -m benchmarks.hopper "$@"
