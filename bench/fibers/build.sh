#!/bin/sh
# Builds the shapes twice from the same sources: with fiberlib's fiber.h, and with a
# runtime of their own. Nothing is rewritten yet. The same versions of the tools yield the
# same bytes.
#
# Debian packages: clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32
set -e
cd "$(dirname "$0")"
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
SHAPES="itersum treesum sieve skynet c10m state"

# variant NAME HEADERS [SOURCE]...
variant() {
  name=$1 headers=$2
  shift 2
  objects=
  for source in shape $SHAPES "$@"; do
    object=$WORK/$(basename "$source").o
    clang-19 --target=wasm32-wasi --sysroot=/usr -O2 -Wall -Wextra "-I$headers" -c "$source.c" -o "$object"
    objects="$objects $object"
  done
  clang-19 --target=wasm32-wasi --sysroot=/usr -mexec-model=reactor -Wl,--strip-debug $objects -o "$WORK/$name.wasm"
  install -m 644 "$WORK/$name.wasm" "$name.wasm"
}

variant library ../../fiberlib/include
variant asyncify asyncify asyncify/fiber
