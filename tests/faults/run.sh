#!/bin/bash
# Does the suite notice? Each *.patch here puts one fault, of one line, into the sources; with it the tests of its area
# must fail. Works on a copy of the tree, one patch at a time, in one incremental build.
#
#   tests/faults/run.sh                 all of them; ends with "N passed, N failed" (passed: the fault was noticed)
#   tests/faults/run.sh NAME...         those whose file name begins with NAME
#   tests/faults/run.sh --check         only whether each patch still applies and is one line: seconds, no build
#
# The first lines of a patch, before the diff: "# what is wrong then", and "# area: NAME" with an area of areas() below.
set -euo pipefail
cd "$(dirname "$0")/../.."
source_dir=$PWD

fail() {
    echo "faults: error: $*" >&2
    exit 3
}

# What is built and run for an area: targets, then an expression for the names of ctest.
areas() {
    case "$1" in
    expr)
        echo "unit_actions_test_expr unit_actions_test_expr_cases unit_actions_test_value unit_actions_test_token unit_base_test_glob gantry"
        echo "^(unit/actions/test_(expr|expr_cases|value|token)|unit/base/test_glob|differential/expr-table)\$"
        ;;
    call)
        echo "unit_actions_test_plan unit_actions_test_plan_call"
        echo "^unit/actions/test_plan(_call)?\$"
        ;;
    group)
        echo "unit_actions_test_plan unit_actions_test_plan_call unit_runner_service_test_groups gantry-service"
        echo "^unit/(actions/test_plan(_call)?|runner/service/test_groups)\$"
        ;;
    match)
        echo "unit_actions_test_event unit_actions_test_event_match unit_actions_test_cron"
        echo "^unit/actions/test_(event|event_match|cron)\$"
        ;;
    workflow)
        echo "unit_actions_test_workflow unit_actions_test_workflow_call unit_actions_test_workflow_case unit_actions_test_token gantry"
        echo "^(unit/actions/test_(workflow|workflow_call|workflow_case|token)|differential/workflow-table)\$"
        ;;
    event)
        echo "unit_actions_test_event unit_actions_test_event_match"
        echo "^unit/actions/test_event(_match)?\$"
        ;;
    plan)
        echo "unit_actions_test_plan unit_actions_test_plan_call"
        echo "^unit/actions/test_plan(_call)?\$"
        ;;
    *) return 1 ;;
    esac
}

area_of() { sed -n 's/^# area: //p' "$1"; }

check() { # one patch: its head, one line, and that it applies
    local patch=$1 changed
    [ -n "$(sed -n '1s/^# ..*/x/p' "$patch")" ] || { echo "$patch: the first line is not '# what is wrong then'"; return 1; }
    areas "$(area_of "$patch")" > /dev/null || { echo "$patch: no '# area: NAME' that run.sh knows"; return 1; }
    changed=$(grep -cE '^[-+]([^-+]|[-+]([^-+]|$)|$)' "$patch" || true)
    if [ "$changed" -ne 2 ] || [ "$(grep -c '^@@' "$patch")" -ne 1 ]; then
        echo "$patch: changes more than one line"
        return 1
    fi
    git apply --check "$patch" 2> /dev/null || { echo "$patch: does not apply"; return 1; }
}

check_all() {
    local patch bad=0 n=0
    for patch in tests/faults/*.patch; do
        check "$patch" || bad=$((bad + 1))
        n=$((n + 1))
    done
    echo "$((n - bad)) passed, $bad failed"
    [ "$bad" -eq 0 ] && [ "$n" -gt 0 ]
}

copy_tree() { # copy_tree FOLDER: what git knows, as it is in the working tree
    git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' f; do [ ! -f "$f" ] || printf '%s\0' "$f"; done |
        tar --null -T - -cf - | tar -xf - -C "$1"
    mkdir -p "$1/build"
    [ ! -d "$source_dir/build/differential" ] || ln -s "$source_dir/build/differential" "$1/build/differential"
}

configure() { # a debug build without sanitizers and -Werror: a fault may leave a variable unused
    local launcher=()
    command -v ccache > /dev/null && launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache)
    cmake -S "$1" -B "$1/build/faults" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DGANTRY_TESTS=ON "${launcher[@]}" > "$1/log" 2>&1 ||
        { cat "$1/log" >&2; fail "cannot configure the copy"; }
}

build() { # build FOLDER AREA
    # shellcheck disable=SC2046 # a list of targets
    ninja -C "$1/build/faults" -j2 $(areas "$2" | sed -n 1p) > "$1/log" 2>&1
}

suite() { # suite FOLDER AREA: 0 = all of it passed
    (cd "$1" && ctest --test-dir build/faults -R "$(areas "$2" | sed -n 2p)" --stop-on-failure --no-tests=error) > "$1/log" 2>&1
}

put() { # put FOLDER PATCH [-R]; the copy is in no repository
    (cd "$1" && GIT_CEILING_DIRECTORIES=/ git apply ${3:+"$3"} "$source_dir/$2") > "$1/log" 2>&1
}

try_patch() { # prints the line of one patch; 0 = the fault was noticed
    local folder=$1 patch=$2 name area what
    name=$(basename "$patch" .patch)
    area=$(area_of "$patch")
    what=$(sed -n '1s/^# //p' "$patch")
    put "$folder" "$patch" || { echo "FAILED $name: does not apply"; return 1; }
    if ! build "$folder" "$area"; then
        tail -n 20 "$folder/log" >&2
        echo "FAILED $name: does not build"
    elif suite "$folder" "$area"; then
        echo "FAILED $name: nobody notices: $what"
    else
        echo "ok $name ($(sed -n 's/.* Test *#[0-9]*: \([^ ]*\) .*\*\*\*.*/\1/p' "$folder/log" | head -n 1)): $what"
        put "$folder" "$patch" -R
        return 0
    fi
    put "$folder" "$patch" -R
    return 1
}

main() {
    local folder patch passed=0 failed=0 wanted=("$@") patches=() area
    [ ${#wanted[@]} -gt 0 ] || wanted=("")
    for patch in "${wanted[@]}"; do
        patches+=(tests/faults/"$patch"*.patch)
    done
    for patch in "${patches[@]}"; do
        [ -f "$patch" ] || fail "no fault is called $patch"
        check "$patch" || fail "repair it, or make it anew"
    done
    folder=$(mktemp -d /var/tmp/gantry-faults-XXXXXX)
    # shellcheck disable=SC2064 # the folder of now
    trap "rm -rf '$folder'" EXIT
    copy_tree "$folder"
    configure "$folder"
    # Without a fault everything passes, else a failure would prove nothing.
    for area in $(for patch in "${patches[@]}"; do area_of "$patch"; done | sort -u); do
        build "$folder" "$area" || { cat "$folder/log" >&2; fail "the copy does not build"; }
        suite "$folder" "$area" || { cat "$folder/log" >&2; fail "the tests of '$area' fail without a fault"; }
    done
    for patch in "${patches[@]}"; do
        if try_patch "$folder" "$patch"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    done
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}

if [ "${1:-}" = --check ]; then check_all; else main "$@"; fi
