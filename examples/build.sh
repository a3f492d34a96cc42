#!/bin/sh
# Builds the modules of the examples (as their compilers make them: they are not
# rewritten yet), and what each is expected to print, with native builds of the
# same sources. The same versions of the tools yield the same bytes.
#
# Debian packages:
#   C        clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32 libc6-dev
#   Crystal  crystal lld libclang-rt-14-dev-wasm32 wasi-libc
set -e
cd "$(dirname "$0")"
PATH=/usr/bin:/bin
export PATH

# Always the same folder: the Crystal compiler writes the paths of sources and
# of its cache into what it builds.
WORK=/tmp/watfiber-examples
mkdir "$WORK" || { echo "another build is under way, or was cut short; if the latter, remove $WORK" >&2; exit 1; }
trap 'rm -rf "$WORK"' EXIT
trap 'exit 1' INT TERM
CRYSTAL_CACHE_DIR=$WORK/cache
export CRYSTAL_CACHE_DIR

# --- C ---

DEFINE= # what the next modules are compiled with

# c_module SOURCE LEVEL OUTPUT [LINKER FLAG]...
# Compiled and linked in two steps: a clang that is asked to optimize while it
# links runs any wasm-opt that it finds.
c_module() {
  source=$1 level=$2 output=$3
  shift 3
  clang-19 --target=wasm32-wasi --sysroot=/usr "-O$level" -Wall -Wextra -I../fiberlib/include $DEFINE -c "c/$source.c" -o "$WORK/$source.o"
  clang-19 --target=wasm32-wasi --sysroot=/usr "$@" -Wl,--strip-debug "$WORK/$source.o" -o "$WORK/$output.wasm" -lm
  install -m 644 "$WORK/$output.wasm" "c/$output.wasm"
}

# c_lines SOURCE: with the lines of the source, and no path of this machine.
c_lines() {
  clang-19 --target=wasm32-wasi --sysroot=/usr -O1 -gline-tables-only -fdebug-compilation-dir=. -Wall -Wextra -I../fiberlib/include -c "c/$1.c" -o "$WORK/$1.o"
  clang-19 --target=wasm32-wasi --sysroot=/usr "$WORK/$1.o" -o "$WORK/$1.wasm"
  install -m 644 "$WORK/$1.wasm" "c/$1.wasm"
}

# c_expected SOURCE [ARGUMENT]...
c_expected() {
  source=$1
  shift
  clang-19 -O2 -ffp-contract=off -Ic/native -idirafter ../fiberlib/include "c/$source.c" -o "$WORK/$source" -lm
  "$WORK/$source" "$@" >"c/$source.expected"
}

c_module kernels 0 kernels-O0 -mexec-model=reactor
c_module kernels 2 kernels-O2 -mexec-model=reactor
c_module generator 2 generator
c_module fibers 2 fibers
c_module resume 2 resume
c_module pingpong 2 pingpong
c_module sieve 2 sieve
c_module skynet 2 skynet
c_module channels 2 channels
c_module select 2 select
c_module locks 2 locks
c_module sleepers 2 sleepers
c_module silent 2 silent
c_module lines 2 lines
c_module echo 2 echo
c_module contexts 2 contexts
c_module swap 2 swap
c_module regions 2 regions
c_module regions 0 regions.stackfirst -Wl,--stack-first -Wl,-z,stack-size=65536
c_module many 2 many
c_module order 2 order
c_module deep 0 deep
c_lines deadlock
c_lines where
c_lines wide
c_module gc 2 gc
c_module faults 1 faults -mexec-model=reactor -Wl,--max-memory=4194304 -Wl,--export=__data_end -Wl,--export=__heap_base
c_module faults 1 faults.stackfirst -mexec-model=reactor -Wl,--stack-first -Wl,-z,stack-size=65536
c_module bare 2 bare -nostdlib -Wl,--no-entry
c_module timers 2 timers -nostdlib -Wl,--no-entry
c_module server 2 server -mexec-model=reactor
DEFINE=-DFIBERS
c_module server 2 server.fibers -mexec-model=reactor
DEFINE=
c_expected kernels
c_expected generator
c_expected fibers
c_expected resume
c_expected pingpong
c_expected sieve
c_expected skynet
c_expected channels
c_expected select
c_expected locks
c_expected lines <c/lines.input
c_expected contexts
c_expected swap
c_expected regions

# --- Crystal ---

# crystal_module SOURCE [COMPILER FLAG]...
# --cross-compile makes one LLVM module of the program. With more than one, the
# name of the module that functions are imported from gets lost.
crystal_module() {
  source=$1
  shift
  (cd "$CRYSTAL" && crystal build "$source.cr" "$@" --cross-compile --target wasm32-wasi -o "$source" >/dev/null)
}

# crystal_link SOURCE OUTPUT [LINKER FLAG]...
crystal_link() {
  source=$1 output=$2
  shift 2
  wasm-ld-14 "$CRYSTAL/$source.wasm" -o "$WORK/linked.wasm" "$@" -L/usr/lib/wasm32-wasi -lc \
    /usr/lib/llvm-14/lib/clang/14.0.6/lib/wasi/libclang_rt.builtins-wasm32.a
  install -m 644 "$WORK/linked.wasm" "crystal/$output.wasm"
}

crystal_expected() {
  (cd "$CRYSTAL" && crystal build "$1.cr" -o "$1.native")
  "$CRYSTAL/$1.native" >"crystal/$1.expected" 2>/dev/null
}

mkdir -p "$WORK/examples" "$WORK/fiberlib"
cp -R crystal "$WORK/examples"
cp -R ../fiberlib/crystal "$WORK/fiberlib"
CRYSTAL=$WORK/examples/crystal
for name in first pipeline bench; do
  crystal_module $name --release
  crystal_link $name $name --strip-debug
  crystal_expected $name
done
# The stack below the data, so that its overflow traps; no names.
crystal_link bench bench.stackfirst --strip-all --stack-first -z stack-size=1048576
# As the compiler makes it without --release: thousands of functions and locals.
crystal_module pipeline
crystal_link pipeline pipeline.debug --strip-debug
# With the fiber library in place of a runtime of the program's own.
CRYSTAL=$WORK/fiberlib/crystal
cp crystal/pipeline.cr "$CRYSTAL"
crystal_module pipeline --release
crystal_link pipeline pipeline.library --strip-debug
# Standard input that says nothing for a while.
cp crystal/console.cr "$CRYSTAL"
crystal_module console --release
crystal_link console console.library --strip-debug
(cd "$CRYSTAL" && crystal build console.cr -o console.native)
(sleep 1; cat crystal/console.input) | "$CRYSTAL/console.native" >crystal/console.expected
# Many that sleep at once.
cp crystal/sleepers.cr "$CRYSTAL"
crystal_module sleepers --release
crystal_link sleepers sleepers.library --strip-debug
crystal_expected sleepers
