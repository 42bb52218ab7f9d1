#!/bin/sh
# Builds a base image with Java 17 from Debian packages, where no image can be pulled.
# Needs Debian, root, debootstrap and a Docker engine; takes about a minute.
#
#   tools/trackproof/testbed/conductor/container/recipe/make-base-image.sh [tag]
set -eu

tag="${1:-trackproof/jre-base:17}"
suite="bookworm"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT

debootstrap --variant=minbase --include=openjdk-17-jre-headless,ca-certificates \
    "$suite" "$folder/rootfs"
rm -rf "$folder"/rootfs/var/cache/apt/archives/*.deb "$folder"/rootfs/var/lib/apt/lists/*
tar -C "$folder/rootfs" -c . | docker import - "$tag"
