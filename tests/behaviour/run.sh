#!/bin/bash
# The whole-program behaviour tests, as one kind of user:
#
#   tests/behaviour/run.sh BIN root|user REPORT.xml
#
# `user`, started by root: a fresh ordinary user is made and removed again, and programs and tests are copied to a
# folder that it can read. Started by an ordinary user: that user is fresh enough. The report is JUnit XML.
set -euo pipefail

usage() {
    echo "usage: tests/behaviour/run.sh BIN root|user REPORT.xml" >&2
    exit 2
}

[ $# -eq 3 ] || usage
bin=$(realpath "$1") mode=$2 report=$(realpath "$3")
tests=$(realpath "$(dirname "$0")")
pytest=(/usr/bin/python3 -m pytest -q -p no:cacheprovider -o junit_family=xunit2)
export PYTHONDONTWRITEBYTECODE=1

case $mode in
root)
    [ "$(id -u)" -eq 0 ] || { echo "run.sh: error: mode root needs root" >&2; exit 3; }
    exec "${pytest[@]}" "$tests" --bin="$bin" --junit-xml="$report"
    ;;
user)
    if [ "$(id -u)" -ne 0 ]; then
        exec "${pytest[@]}" "$tests" --bin="$bin" --junit-xml="$report"
    fi
    ;;
*) usage ;;
esac

user=gantry-t$$
folder=$(mktemp -d /tmp/gantry-user-XXXXXX)
# shellcheck disable=SC2317,SC2329
clean() {
    userdel "$user" 2> /dev/null || true
    rm -rf "$folder"
}
trap clean EXIT
useradd --no-create-home --shell /bin/sh "$user"
mkdir "$folder/bin" "$folder/home"
cp "$bin"/gantry* "$folder/bin/"
cp -r "$tests" "$folder/tests"
chmod -R a+rX "$folder"
chown "$user:" "$folder/home"
status=0
(cd "$folder" && setpriv --reuid "$(id -u "$user")" --regid "$(id -g "$user")" --clear-groups \
    env -i PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 HOME="$folder/home" PYTHONDONTWRITEBYTECODE=1 \
    "${pytest[@]}" tests --bin="$folder/bin" --junit-xml="$folder/home/report.xml") || status=$?
cp "$folder/home/report.xml" "$report"
exit "$status"
