# SPDX-License-Identifier: Apache-2.0
# Building. Sourced by ./cb.

# A clone in another folder finds what this one has compiled.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1

# build_preset PRESET [target…]
build_preset() {
    local preset=$1 started=$SECONDS
    shift
    if [ ! -f "build/$preset/build.ninja" ]; then
        quietly "configure $preset" cmake --preset "$preset"
    fi
    local targets=()
    [ $# -gt 0 ] && targets=(--target "$@")
    quietly "build $preset" cmake --build "build/$preset" "${targets[@]}"
    echo "built $preset in $((SECONDS - started)) s"
}

# quietly WHAT command…: shows the output only when it fails.
quietly() {
    local what=$1 log
    shift
    mkdir -p build
    log=$(mktemp -p build)
    if ! "$@" >"$log" 2>&1 </dev/null; then
        grep -nE 'error|Error|FAILED|fatal' "$log" | head -n 20 >&2 || true
        tail -n 40 "$log" >&2
        echo "failed: $what" >&2
        return 1
    fi
    rm -f "$log"
}
