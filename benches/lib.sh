# shellcheck shell=bash
# What the benchmarks have in common: a place that goes with all that was started in it, the servers to measure, and
# how time and memory are read. To be sourced. COUNTERSIGN is the program to measure; `make bench` sets it.
shopt -s inherit_errexit

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
program=$(realpath "${COUNTERSIGN:?the program to measure; or use make bench}")
readonly top program
pids=() stages=() databases=()

# --- the place -------------------------------------------------------------------------------------

# begin NAME [PARENT]: makes the directory $work. What is to be synced to a disk wants another parent than /tmp.
begin() {
    work=$(mktemp -d "${2:-/tmp}/countersign-$1.XXXXXX")
    trap end EXIT
}

end() {
    local it
    for it in "${pids[@]}"; do
        kill "$it" 2>/dev/null || true
        # What it still writes is not in the way of removing the place.
        wait "$it" 2>/dev/null || true
    done
    for it in "${stages[@]}"; do end_stage "$it"; done
    for it in "${databases[@]}"; do [[ ! -f $it/pid ]] || "$top/test-registry/database" stop "$it"; done
    rm -rf "$work"
}

# start FILE COMMAND…: until it has written a line there. Its id is in $started, its complaints in FILE.log.
start() {
    local file=$1 polls
    shift
    "$@" >"$file" 2>"$file.log" &
    started=$!
    pids+=("$started")
    for ((polls = 0; polls < 200; polls++)); do
        [[ ! -s $file ]] || return 0
        sleep 0.05
    done
    echo "$1 does not start" >&2
    cat "$file.log" >&2
    return 1
}

# --- servers ---------------------------------------------------------------------------------------

# start_stage DIR OPTIONS…: a registry and a trust server, as test-registry/start takes them.
start_stage() {
    local stage=$1
    shift
    stages+=("$stage")
    "$top/test-registry/start" "$@" "$stage" >&2
}

# enter_stage DIR: its variables, for this shell.
enter_stage() {
    # shellcheck disable=SC1091  # made by test-registry/start
    source "$1/env"
}

end_stage() { [[ ! -f $1/pids ]] || "$top/test-registry/stop" "$1"; }

# start_database KIND DIR: and its variables, for this shell.
start_database() {
    databases+=("$2")
    "$top/test-registry/database" start "$1" "$2"
    # shellcheck disable=SC1091  # made by the line above
    source "$2/env"
}

# start_ours OPTIONS…: countersign serve, its address in $ours and its id in $ours_pid.
start_ours() {
    start "$work/ours" "$program" serve -q "$@"
    ours=$(<"$work/ours") ours_pid=$started
}

# beside NAME RUNS COUNT: reads of the server of that name at $TRUST_SERVER and of ours, and COUNT publications on each,
# by turns. PUBLISH is the load generator; `make bench` sets it.
beside() {
    local server run
    for server in "$TRUST_SERVER" "$ours"; do
        notary -s "$server" --tlscacert "$TEST_CA" -d "$work/$RANDOM" init -p bench.example.com/a >/dev/null
    done
    for ((run = 1; run <= $2; run++)); do
        reads "$1" "$TRUST_SERVER"
        reads countersign "$ours"
        publishes "$1" "$TRUST_SERVER" "$3"
        publishes countersign "$ours" "$3"
    done
    printf '%-14s %s KiB at most\n' countersign "$(most_memory "$ours_pid")"
}

# reads NAME SERVER
reads() {
    local rate
    rate=$(wrk -t2 -c16 -d5s "$2/v2/bench.example.com/a/_trust/tuf/timestamp.json" | awk '/^Requests/ { print $2 }')
    printf '%-14s %10.0f timestamps/s\n' "$1" "$rate"
}

# publishes NAME SERVER COUNT
publishes() {
    # shellcheck disable=SC2086  # a command and its words
    printf '%-14s %s\n' "$1" "$(${PUBLISH:?the load generator; or use make bench} "$2" "$TEST_CA" "$3" || echo 'gave up')"
}

# --- measuring -------------------------------------------------------------------------------------

# Nanoseconds.
now() { date +%s%N; }

# since TIME: milliseconds.
since() { echo $((($(now) - $1) / 1000000)); }

# median_us RUNS COMMAND…: microseconds.
median_us() {
    local times=$1 run began
    shift
    for ((run = 0; run < times; run++)); do
        began=$(now)
        "$@" >/dev/null 2>&1
        echo $((($(now) - began) / 1000))
    done | sort -n | sed -n "$((times / 2 + 1))p"
}

# median_ms RUNS BEFORE-EACH COMMAND: milliseconds of a command that needs no shell, to a tenth.
median_ms() {
    local prepare=()
    [[ -z $2 ]] || prepare=(--prepare "$2")
    hyperfine --shell=none --show-output --warmup 2 --runs "$1" "${prepare[@]}" --export-json "$work/times.json" "$3" \
        >"$work/hyperfine.log" 2>&1 || { tail -n 5 "$work/hyperfine.log" >&2; return 1; }
    jq '.results[0].median * 10000 | round / 10' "$work/times.json"
}

# medians_by_turns RUNS BEFORE-EACH COMMAND…: milliseconds of each command, to a tenth, a line each. They take turns, for
# a machine is not as fast at one moment as at another. A command may begin with variables, NAME=VALUE; the shell that
# runs BEFORE-EACH, which is not timed, has them too.
medians_by_turns() { python3 -c "$by_turns" "$@"; }

by_turns=$(
    cat <<'PYTHON'
import os, shlex, statistics, subprocess, sys, time

def parts(command):
    words, variables = shlex.split(command), {}
    while "=" in words[0]:
        name, variables[name] = words[0].split("=", 1)[0], words.pop(0).split("=", 1)[1]
    return words, {**os.environ, **variables}

def run(words, environment):
    subprocess.run(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)

def took(words, environment):
    if before_each:
        run(["sh", "-c", before_each], environment)
    began = time.perf_counter()
    run(words, environment)
    return (time.perf_counter() - began) * 1000

runs, before_each = int(sys.argv[1]), sys.argv[2]
commands = [parts(command) for command in sys.argv[3:]]
rounds = [[took(*command) for command in commands] for _ in range(runs + 2)][2:]
for times in zip(*rounds):
    print(round(statistics.median(times), 1))
PYTHON
)
readonly by_turns

# median_mib RUNS COMMAND…: the peak memory of each run, to a tenth.
median_mib() {
    local times=$1 run
    shift
    rm -f "$work/memory"
    for ((run = 0; run < times; run++)); do
        /usr/bin/time -f %M -a -o "$work/memory" "$@" >/dev/null 2>&1
    done
    jq -s 'sort | .[length / 2 | floor] / 102.4 | round / 10' "$work/memory"
}

# most_memory PID: KiB, so far.
most_memory() { awk '/VmHWM/ { print $2 }' "/proc/$1/status"; }
