#!/bin/sh
# Builds the images of compose.yaml from Debian packages, Conductor's published jar, and the wheel of
# this checkout with locked versions. Needs a Docker engine and a Python with `trackproof[dev]`.
#
#   BASE    an image of Debian 12; by default one is made with debootstrap (Debian, root)
#
# `nox -s compose` calls it. Conductor's image has a tag of its own, so that the backend `auto` of
# the laboratory does not find it.
set -eu

here="$(cd "$(dirname "$0")" && pwd)"
root="$(cd "$here/../../.." && pwd)"
base="${BASE:-trackproof/debian:bookworm}"
context="$(mktemp -d)"
trap 'rm -rf "$context"' EXIT

if ! docker image inspect "$base" >/dev/null 2>&1; then
    debootstrap --variant=minbase bookworm "$context/rootfs"
    rm -rf "$context"/rootfs/var/cache/apt/archives/*.deb "$context"/rootfs/var/lib/apt/lists/*
    tar -C "$context/rootfs" -c . | docker import - "$base"
    rm -rf "$context/rootfs"
fi

cp "$here/Dockerfile" "$here/postgres.sh" "$context"
(cd "$root" && python -m hatchling build -t wheel -d "$context/wheel")
install_packages() {
    # For the Python of Debian 12, whatever this one is.
    python -m uv pip install --quiet --target "$context/packages" --only-binary :all: \
        --python-version 3.11.2 --python-platform "$(uname -m)-manylinux_2_28" "$@"
}
install_packages --require-hashes --requirement "$root/requirements/legacy.txt"
install_packages --no-deps "$context"/wheel/*.whl

build() {
    DOCKER_BUILDKIT=0 docker build --quiet --force-rm --build-arg BASE="$base" --target "$1" --tag "$2" "$context"
}

build java trackproof/compose-java:17
build postgres trackproof/compose-postgres:15
build redis trackproof/compose-redis:7
build product trackproof/product:0.1.0
python - <<'PYTHON'
from trackproof.testbed.conductor.container.image import build_image

tag = "trackproof/compose-conductor:3.15.0"
build_image("3.15.0", base="trackproof/compose-java:17", report=print, tag=tag)
PYTHON
