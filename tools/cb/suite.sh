# SPDX-License-Identifier: Apache-2.0
# Tests, benchmarks, soaks. Sourced by ./cb.

passed=0
failed=0
skipped=0
skips=()
# What the machine does not allow (cgroups, containers, namespaces) is no component that could not be fetched: it is told,
# and fails no run.
forbidden=0

# count_gtest NAME LOG EXIT: adds what a GoogleTest program says to the sums.
count_gtest() {
    local name=$1 log=$2 code=$3 good bad missed
    good=$(sed -nE 's/^\[  PASSED  \] ([0-9]+) tests?\.$/\1/p' "$log" | tail -n 1)
    bad=$(sed -nE 's/^\[  FAILED  \] ([0-9]+) tests?, listed below:$/\1/p' "$log" | tail -n 1)
    missed=$(sed -nE 's/^\[  SKIPPED \] ([0-9]+) tests?, listed below:$/\1/p' "$log" | tail -n 1)
    if [ "$code" -ne 0 ] && [ "${bad:-0}" -eq 0 ]; then
        bad=1 # it died
    fi
    passed=$((passed + ${good:-0}))
    failed=$((failed + ${bad:-0}))
    local not_allowed
    not_allowed=$(grep -cE '(here|somebody else): skipped' "$log" || true)
    forbidden=$((forbidden + not_allowed))
    skipped=$((skipped + ${missed:-0} - not_allowed))
    if [ "${missed:-0}" -gt 0 ]; then
        skips+=("$(grep -E '^[^[].*(names no folder|not installed|not given|skipped)' "$log" | sort -u | head -n 3 | tr '\n' ';') ($name)")
    fi
    if [ "$code" -ne 0 ]; then
        echo "FAILED $name" >&2
        grep -vE '^\[ +(OK|RUN) +\]|^\[-+\]' "$log" | tail -n 60 >&2
    fi
    printf '  %-34s %4s passed %3s failed\n' "$name" "${good:-0}" "${bad:-0}"
}

# run_programs PRESET PROGRAM…
run_programs() {
    local preset=$1 program log code
    shift
    for program in "$@"; do
        [ -x "build/$preset/bin/$program" ] || { echo "missing: build/$preset/bin/$program" >&2; failed=$((failed + 1)); continue; }
        log="build/$preset/$program.log"
        code=0
        timeout 900 "build/$preset/bin/$program" >"$log" 2>&1 </dev/null || code=$?
        count_gtest "$preset/$program" "$log" "$code"
    done
}

# check NAME command…: one test that is a command.
check() {
    local name=$1 log
    shift
    log=$(mktemp -p build)
    if "$@" >"$log" 2>&1 </dev/null; then
        passed=$((passed + 1))
        printf '  %-34s    1 passed   0 failed\n' "$name"
    else
        failed=$((failed + 1))
        echo "FAILED $name" >&2
        tail -n 40 "$log" >&2
    fi
    rm -f "$log"
}

# A skip where the machine allows no namespaces is told, not hidden.
two_hosts() {
    local code=0
    tests/load_command/two_hosts.sh || code=$?
    if [ "$code" -eq 77 ]; then
        forbidden=$((forbidden + 1))
        skips+=("load between two hosts: needs root and network namespaces")
        code=0
    fi
    return "$code"
}

# Reports of runs with known figures, opened in Chromium.
report_in_a_browser() {
    if [ -z "${CB_PLAYWRIGHT:-}" ]; then
        skipped=$((skipped + 1))
        skips+=("the report in a browser: playwright-core could not be fetched")
    elif ! command -v "${CHROMIUM:-chromium}" >/dev/null 2>&1; then
        skipped=$((skipped + 1))
        skips+=("the report in a browser: chromium is not installed")
    else
        check "the report in a browser" timeout 600 node tests/report_page/page.mjs build/release/bin/made_run build/report_page
    fi
}

# Kafka's jars, kafkajs and playwright-core, once, in .cache/. What cannot be had is told; its tests skip by name.
fetch_peers() {
    local cache=$PWD/.cache
    mkdir -p "$cache"
    if [ ! -f "$cache/kafka-libs.done" ] || ! cmp -s tests/peers/pom.xml "$cache/kafka-libs.done"; then
        rm -rf "$cache/kafka-libs"
        if mvn -q -B -f tests/peers/pom.xml org.apache.maven.plugins:maven-dependency-plugin:3.6.0:copy-dependencies \
            -DoutputDirectory="$cache/kafka-libs" >"$cache/maven.log" 2>&1 </dev/null; then
            cp tests/peers/pom.xml "$cache/kafka-libs.done"
        else
            echo "Apache Kafka cannot be fetched from Maven Central (.cache/maven.log says why)" >&2
        fi
    fi
    if [ ! -f "$cache/kafkajs.done" ] || ! cmp -s tests/peers/kafkajs/package.json "$cache/kafkajs.done"; then
        mkdir -p "$cache/kafkajs"
        cp tests/peers/kafkajs/package.json "$cache/kafkajs/"
        if (cd "$cache/kafkajs" && npm install --silent --no-audit --no-fund >"$cache/npm.log" 2>&1 </dev/null); then
            cp tests/peers/kafkajs/package.json "$cache/kafkajs.done"
        else
            echo "kafkajs and hdr-histogram-js cannot be fetched from the npm registry (.cache/npm.log says why)" >&2
        fi
    fi
    if [ ! -f "$cache/playwright.done" ] || ! cmp -s tests/report_page/package.json "$cache/playwright.done"; then
        mkdir -p "$cache/playwright"
        cp tests/report_page/package.json "$cache/playwright/"
        if (cd "$cache/playwright" && npm install --silent --no-audit --no-fund >"$cache/npm.log" 2>&1 </dev/null); then
            cp tests/report_page/package.json "$cache/playwright.done"
        else
            echo "playwright-core cannot be fetched from the npm registry (.cache/npm.log says why)" >&2
        fi
    fi
    tests/conformance/fetch_kafka.sh "$cache/kafka" || true
    [ -f "$cache/kafka-libs.done" ] && export CB_KAFKA_LIBS="$cache/kafka-libs"
    [ -f "$cache/kafkajs.done" ] && export CB_KAFKAJS="$cache/kafkajs"
    [ -f "$cache/playwright.done" ] && export CB_PLAYWRIGHT="$cache/playwright"
    export CB_KAFKA_MESSAGES="$cache/kafka/messages" CB_KAFKA_ERRORS="$cache/kafka/errors.txt"
    return 0
}

unit_tests="base_tests wire_tests record_tests metrics_tests document_tests analysis_tests storage_tests protocol_tests net_tests watch_tests
 runstore_tests report_tests fault_tests broker_tests proxy_tests load_tests experiment_tests admin_tests app_tests
 moving_text_tests moving_log_tests moving_http_tests moving_store_tests moving_bus_tests moving_service_tests moving_accounting_tests
 moving_announcement_tests moving_matching_tests moving_tracking_tests moving_billing_tests moving_operate_tests"
concurrent_tests="net_tests admin_tests"

# same_victims COMMON… [-- VARIATION…]…: the main job with each variation agrees with the ledger, and the same messages are
# hit by all of them.
same_victims() {
    local common=() words hash first=""
    while [ $# -gt 0 ] && [ "$1" != -- ]; do common+=("$1"); shift; done
    while [ $# -gt 0 ]; do
        shift
        words=()
        while [ $# -gt 0 ] && [ "$1" != -- ]; do words+=("$1"); shift; done
        reconcile "${common[@]}" "${words[@]}" || return 1
        hash=$victims
        if [ "${first:=$hash}" != "$hash" ]; then
            echo "other victims than of the first variation: $hash, not $first" >&2
            return 1
        fi
    done
    echo "the same victims in all of them"
}

# reconcile OPTION…: the main job, all effects at once; its output, the time, and in `victims` whom it hit.
reconcile() {
    local began=$SECONDS code=0 log
    log=$(mktemp -p build)
    echo "mainjob --only all-at-once $*"
    build/release/bin/mainjob --only all-at-once "$@" >"$log" 2>&1 </dev/null || code=$?
    grep -vE '^$|^[0-9]+ messages a phase|^%' "$log"
    victims=$(sed -nE 's/^victims ([0-9a-f]{16})$/\1/p' "$log")
    rm -f "$log"
    echo "$((SECONDS - began)) s"
    [ "$code" -eq 0 ] && [ -n "$victims" ]
}

# reconcile_unknown OPTION…: as reconcile, and some messages must be of unknown outcome and have arrived.
reconcile_unknown() {
    local log code=0
    log=$(mktemp -p build)
    reconcile "$@" >"$log" || code=$?
    cat "$log"
    grep -qE '^all-at-once .* [0-9]+, [1-9][0-9]* arrived ' "$log" || { echo "no answer was lost" >&2; code=1; }
    rm -f "$log"
    return "$code"
}

formatted() { git ls-files '*.cpp' '*.hpp' | xargs clang-format-16 --dry-run -Werror; }

# docs/tested-with.md: what the real clients of this run were.
write_tested_with() {
    local os
    os=$(sed -nE 's/^PRETTY_NAME="(.*)"/\1/p' /etc/os-release)
    cat <<TEXT
# Tested with

Written by \`./cb test\` when every test with a real client has passed.

| client | version | what it does in the suite |
| --- | --- | --- |
| librdkafka | $(pkg-config --modversion rdkafka) | every acks and codec, idempotence, groups (eager, cooperative), transactions, topics |
| kcat | $(kcat -V 2>&1 | sed -nE 's/^Version ([0-9.]+).*/\1/p') | every codec; TLS with client certificates; SASL PLAIN and SCRAM |
| Apache Kafka's Java client and tools | $(sed -nE 's/.*<version>([0-9]+\.[0-9]+\.[0-9]+)<.*/\1/p' tests/peers/pom.xml | head -n 1) | codecs, idempotence, transactions, groups, admin; producing under faults; its broker under load |
| kafkajs | $(sed -nE 's/.*"kafkajs": "([0-9.]+)".*/\1/p' tests/peers/kafkajs/package.json) | codecs, idempotence, transactions, groups, admin |
| HdrHistogram (Java) | $(grep -A1 '>HdrHistogram<' tests/peers/pom.xml | sed -nE 's/.*<version>(.*)<.*/\1/p') | interval logs, read and written; HistogramLogProcessor |
| hdr-histogram-js | $(sed -nE 's/.*"hdr-histogram-js": "([0-9.]+)".*/\1/p' tests/peers/kafkajs/package.json) | interval logs, read and written |

On $os.
TEXT
}

run_suite() {
    ensure_packages build test check
    fetch_peers &
    local fetching=$!
    build_preset release
    wait "$fetching" || true
    fetch_peers
    echo "release"
    # shellcheck disable=SC2086
    run_programs release $unit_tests conformance_tests tidy_tests hostile_tests load_kafka_tests load_command_tests run_command_tests \
        watch_system_tests peer_tests moving_system_tests
    [ "$skipped" -eq 0 ] && [ "$failed" -eq 0 ] && write_tested_with >docs/tested-with.md
    check "formatting" formatted
    check "main job (short)" build/release/bin/mainjob --messages 2000 --seed 7 --delay 3000
    local short=(--messages 3000 --seed 9 --delay 3000)
    check "main job, batching varied" same_victims "${short[@]}" --draw-by position -- --linger 0 --batch-messages 3 \
        -- --linger 50 --batch-messages 500
    check "main job, producers varied" same_victims "${short[@]}" --draw-by content -- --producers 1 -- --producers 4
    check "main job, not idempotent" reconcile_unknown "${short[@]}" --not-idempotent --batch-messages 20 --lose-ack 5
    if [ -n "${CB_KAFKA_LIBS:-}" ]; then
        check "main job, Java producer" build/release/bin/mainjob --messages 3000 --seed 8 --delay 5000 --only all-at-once \
            --java "$CB_KAFKA_LIBS"
    else
        skipped=$((skipped + 1))
        skips+=("main job with the Java producer: Apache Kafka could not be fetched")
    fi
    check "load on one host, server on another" two_hosts
    report_in_a_browser
    echo "address and undefined-behaviour sanitizers"
    # shellcheck disable=SC2086
    build_preset asan $unit_tests && run_programs asan $unit_tests
    echo "thread sanitizer"
    # shellcheck disable=SC2086
    build_preset tsan $concurrent_tests && run_programs tsan $concurrent_tests
    if [ $((skipped + forbidden)) -gt 0 ]; then
        echo "$skipped tests were skipped because something is not there, $forbidden because the machine does not allow it: ${skips[*]}"
        if [ "${CI:-}" = true ] && [ "$skipped" -gt 0 ]; then
            echo "under CI what is not there is a failure" >&2
            failed=$((failed + skipped))
        fi
    fi
    echo "./cb test: $((SECONDS - started)) s"
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
    exit
}

run_main_job() { build/release/bin/mainjob "$@"; }

run_fuzz() {
    local seconds=${1:-30} target seed
    build_preset fuzz
    echo "canary: it must be found"
    if build/fuzz/bin/canary_fuzz -max_total_time=60 -artifact_prefix=build/fuzz/ >build/fuzz/canary.log 2>&1; then
        echo "the canary was not found: the other targets prove nothing" >&2
        return 1
    fi
    for target in frame_fuzz walker_fuzz batch_fuzz scenario_fuzz; do
        seed=()
        [ -f "fuzz/${target%_fuzz}_seed.yaml" ] && seed=("-seed_inputs=fuzz/${target%_fuzz}_seed.yaml")
        echo "$target: $seconds s"
        build/fuzz/bin/$target "-max_total_time=$seconds" -rss_limit_mb=2048 -artifact_prefix=build/fuzz/ "${seed[@]}" \
            >"build/fuzz/$target.log" 2>&1 || { tail -n 30 "build/fuzz/$target.log"; return 1; }
    done
    echo "nothing found"
}

run_check() {
    build_preset asan
    echo "every header alone"
    git ls-files 'src/*.hpp' | while read -r header; do
        echo "#include \"${header#src/}\"" | clang++-16 -std=c++20 -fsyntax-only -Isrc -Ibuild/asan/generated -msse4.2 \
            -DBOOST_ASIO_HAS_CO_AWAIT=1 -DBOOST_ASIO_HAS_STD_COROUTINE=1 -DBOOST_ASIO_SEPARATE_COMPILATION -x c++ - ||
            { echo "does not compile alone: $header" >&2; exit 1; }
    done
    echo "clang-tidy"
    git ls-files 'src/*.cpp' | grep -v /tests/ | xargs -P 2 -n 4 clang-tidy-16 -p build/asan --quiet
}

# soak_reconcile [SEED…]: the three seeds of the bar unless others are given.
soak_reconcile() {
    local seed differ=0 java=(--java "$CB_KAFKA_LIBS") all
    [ $# -gt 0 ] || set -- 1 2 3
    for seed in "$@"; do
        # Late by more than a Java process takes to end: only what another message overtakes is seen to be late.
        all=(--seed "$seed" --delay 8000 --messages)
        echo "# seed $seed: librdkafka, Java"
        reconcile "${all[@]}" 1000000 || differ=1
        reconcile "${all[@]}" 1000000 "${java[@]}" || differ=1
        echo "# seed $seed: batching varied"
        same_victims "${all[@]}" 200000 --draw-by position -- --linger 0 --batch-messages 10 -- --linger 100 || differ=1
        same_victims "${all[@]}" 200000 --draw-by position "${java[@]}" -- --linger 0 --batch-messages 10 \
            -- --linger 100 --batch-messages 1000 || differ=1
        echo "# seed $seed: producers and connections varied, both clients; answers lost, so that batches are sent again"
        same_victims "${all[@]}" 200000 --draw-by content -- --producers 1 -- --producers 4 -- --producers 16 \
            -- --producers 4 "${java[@]}" -- --lose-ack 1 --batch-messages 100 -- --lose-ack 1 "${java[@]}" || differ=1
        echo "# seed $seed: without idempotence, some answers lost"
        reconcile_unknown "${all[@]}" 200000 --not-idempotent --batch-messages 100 --lose-ack 1 || differ=1
        reconcile_unknown "${all[@]}" 200000 --not-idempotent --lose-ack 1 "${java[@]}" || differ=1
    done
    [ "$differ" -eq 0 ] && echo "all agree" || { echo "NOT ALL AGREE"; return 1; }
}

run_soak() {
    case "${1:-}" in
        reconcile)
            shift
            build_preset release chaosbroker mainjob
            fetch_peers
            [ -n "${CB_KAFKA_LIBS:-}" ] || { echo "without Apache Kafka's client this proves half" >&2; exit 4; }
            soak_reconcile "$@"
            ;;
        kill)
            build_preset release chaosbroker peer_tests
            CB_KILLS=${2:-200} build/release/bin/peer_tests --gtest_filter='restart.what_was_acknowledged*'
            ;;
        moving)
            shift
            build_preset release chaosbroker moving moving_system_tests
            CB_JOURNEYS=${CB_JOURNEYS:-10000} CB_SEEDS="${*:-1 2 3}" build/release/bin/moving_system_tests \
                --gtest_filter='*chaos.*'
            ;;
        load)
            ensure_packages bench
            build_preset release chaosbroker
            CB_SOAK_MINUTES=${2:-10} bench/load.sh plateau
            ;;
        *)
            echo "./cb soak load [MINUTES]      400,000 users with a connection each for ten minutes: memory must stay as it is"
            echo "./cb soak kill [N]            N times kill -9 (200) under traffic with --data: exactly what the ledger says"
            echo "./cb soak reconcile [SEED…]   1,000,000 messages, all effects at 20 %, three seeds, reconciled message by"
            echo "                              message; batching, producers and idempotence varied"
            echo "./cb soak moving [SEED…]      10,000 journeys under the mix and kill -9, safe and naive: the audits, and what"
            echo "                              the ledger explains; three seeds"
            ;;
    esac
}

run_bench() {
    case "${1:-}" in
        broker) build_preset release; fetch_peers; shift; bench/broker.sh "$@" ;;
        load) ensure_packages bench; build_preset release chaosbroker; shift; bench/load.sh "$@" ;;
        metrics) build_preset release metrics_bench; shift; build/release/bin/metrics_bench "$@" ;;
        load_texts) build_preset release load_texts_bench; shift; build/release/bin/load_texts_bench "$@" ;;
        moving) ensure_packages bench; build_preset release chaosbroker moving; shift; bench/moving.sh "$@" ;;
        moving_store) build_preset release moving_store_bench; shift; build/release/bin/moving_store_bench "$@" ;;
        rewriting) build_preset release rewriting_bench; shift; build/release/bin/rewriting_bench "$@" ;;
        rules) build_preset release chaosbroker bench_client; shift; bench/rules.sh "$@" ;;
        instructions) ensure_packages bench; build_preset release rewriting_bench; bench/instructions.sh ;;
        watch) build_preset release chaosbroker known_use watch_bench; shift; build/release/bin/watch_bench "$@" ;;
        moving_http) ensure_packages bench; build_preset release moving_http_bench; shift; bench/moving_http.sh "$@" ;;
        effects) build_preset release chaosbroker; fetch_peers; shift; bench/effects.sh "$@" ;;
        *)
            echo "./cb bench broker     this broker beside Apache Kafka, one client, one machine"
            echo "./cb bench load       400,000 users against nginx; requests per CPU second beside wrk, h2load, ab"
            echo "./cb bench load peers the same scenario by Gatling and Locust"
            echo "./cb bench effects    what a rule costs: the broker's CPU a message"
            echo "./cb bench moving_http  requests per core-second of moving's HTTP server, memory of idle connections"
            echo "./cb bench rules      rules changed 1,000 times a second under full traffic"
            echo "./cb bench instructions  the same in instructions, without sockets and without noise"
            echo "./cb bench metrics    what a histogram costs: recording, merging, encoding"
            echo "./cb bench watch      what watch finds beside what programs say of themselves, and what 200 instances cost"
            echo "./cb bench rewriting  the same without sockets: pipeline, rules and log alone"
            echo "./cb bench moving     journeys a second, reads a core, idle memory, memory a connection"
            echo "./cb bench moving_store  what SQLite and PostgreSQL cost moving: reads, commits, outbox, inbox"
            echo "./cb bench load_texts the texts and judgements of load, without sockets"
            ;;
    esac
}
