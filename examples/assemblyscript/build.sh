#!/bin/sh
# Builds the modules of the AssemblyScript examples (as their compiler makes them: they
# are not rewritten yet), and what they are expected to print, with another implementation
# of the same program on promises. Needs node and npm; the same version of the compiler
# yields the same bytes.
set -e
cd "$(dirname "$0")"
COMPILER=assemblyscript@0.28.20

command -v npm >/dev/null || { echo "npm is missing" >&2; exit 1; }
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
trap 'exit 1' INT TERM
npm install --prefix "$WORK" --no-audit --no-fund --loglevel=error "$COMPILER" >"$WORK/log" 2>&1 || {
  echo "npm could not install $COMPILER:" >&2
  cat "$WORK/log" >&2
  exit 1
}

# module OUTPUT SOURCE [COMPILER FLAG]...
module() {
  output=$1 source=$2
  shift 2
  "$WORK/node_modules/.bin/asc" "$source.ts" --lib ../../fiberlib/assemblyscript --use abort=wasi/fail "$@" -o "$WORK/$output.wasm"
  install -m 644 "$WORK/$output.wasm" "$output.wasm"
}

module pipeline pipeline --exportStart _start -O
# Without optimization, with names.
module pipeline.debug pipeline --exportStart _start -O0 --debug
# Small: the check of the stack is a function.
module pipeline.small pipeline --exportStart _start -Oz
# Other runtimes: one that collects garbage only when it is told to, one that never does.
module pipeline.minimal pipeline --exportStart _start -O --runtime minimal --stackSize 16384
module pipeline.stub pipeline --exportStart _start -O --runtime stub
# The smallest: the optimizer must not know better what the library passes to it.
module first first --exportStart _start -O3 --converge
module corners corners -O
# Without the stack that the collector would look at.
module corners.nostack corners -O --runtime minimal

node pipeline.mjs >"$WORK/expected"
install -m 644 "$WORK/expected" pipeline.expected
