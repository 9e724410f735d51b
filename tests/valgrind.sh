#!/bin/sh
# valgrind.sh BUILD-DIR [NAME...]: runs the unit tests of base and actions (or those whose program names begin
# with NAME) under valgrind's memcheck. The build must be one without sanitizers: cmake --preset debug.
set -eu

if [ $# -lt 1 ]; then
    echo "usage: $0 BUILD-DIR [NAME...]" >&2
    exit 2
fi
build=$1
shift
if ! command -v valgrind >/dev/null; then
    echo "$0: valgrind is not installed; apt-get install valgrind" >&2
    exit 3
fi
if grep -q '^GANTRY_SANITIZE:[A-Z]*=..*' "$build/CMakeCache.txt"; then
    echo "$0: '$build' has sanitizers, which valgrind cannot run; use the debug preset" >&2
    exit 2
fi
[ $# -gt 0 ] || set -- unit_base_ unit_actions_

ran=0
failed=
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for name in "$@"; do
    for program in "$build"/tests/"$name"*; do
        [ -f "$program" ] && [ -x "$program" ] || continue
        ran=$((ran + 1))
        # Children that fork without exec are ours up to their _exit(); programs they exec are not.
        result=0
        valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,possible \
            --child-silent-after-fork=yes --trace-children=no --num-callers=20 "$program" >"$log" 2>&1 || result=$?
        name_of=$(basename "$program")
        if [ "$result" -eq 0 ]; then
            echo "ok $name_of"
        elif [ "$result" -ne 99 ] && grep -q 'unhandled .* syscall' "$log" &&
            grep -q "^valgrind/$name_of " "$(dirname "$0")/skips.txt"; then
            # The memory errors up to the unknown system call would have been 99; ctest runs the test itself.
            echo "left out $name_of: $(sed -n "s|^valgrind/$name_of  *||p" "$(dirname "$0")/skips.txt")"
        else
            failed="$failed $name_of"
            echo "not ok $name_of"
            grep -v -e '^--' -e '^\[ RUN' -e '^\[  *OK' "$log" | head -80
        fi
    done
done
if [ "$ran" -eq 0 ]; then
    echo "$0: no test program in '$build/tests'; build it first" >&2
    exit 2
fi
if [ -n "$failed" ]; then
    echo "failed:$failed" >&2
    exit 1
fi
