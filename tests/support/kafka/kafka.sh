#!/usr/bin/env bash
# Apache Kafka for tests, from its Maven artifacts alone: one broker or a small cluster on loopback,
# gone without a trace when it is no longer needed. `kafka.sh help` says how to use it.
# Needs Linux, Java 17 or newer and, for the first fetch, Maven 3.

set -euo pipefail

readonly here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly root=$(cd "$here/../../.." && pwd)
readonly version=$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$here/pom.xml")
readonly cache=${GOLDEN_BELL_KAFKA_CACHE:-$root/target/kafka}/$version
readonly java=${JAVA_HOME:+$JAVA_HOME/bin/}java

# How long a start or a clean stop may take on a busy machine, in tenths of a second.
readonly patience=900

# A tool is missing: the caller may leave out what needs a broker.
readonly missing_tool=3

usage() {
    cat <<'TEXT'
kafka.sh fetch                 bring Kafka into target/kafka; at once when it is there already
kafka.sh prepare DIR PORT...   make DIR/1, DIR/2 ... for one broker on each port, formatted
kafka.sh start DIR PORT...     prepare, start in the background, wait until they serve
kafka.sh stop DIR              end the brokers of DIR that `start` started; the data stays
kafka.sh run DIR/NODE          run one prepared broker until standard input ends; see supervise()
kafka.sh tool CLASS ARG...     run a command line tool, such as org.apache.kafka.tools.TopicCommand

A broker listens for clients on 127.0.0.1:PORT and for the other controllers on PORT + 1. With
PORT:BACK:FRONT it also listens on BACK, and tells clients that come there to come to FRONT, where
somebody is to pass on what they say.
Three brokers or more keep three replicas of everything and need two in sync.
Exit code 3: Java 17 or Maven is missing.
TEXT
}

fail() {
    echo "kafka.sh: $1" >&2
    exit "${2:-1}"
}

# Prints the full version of the Java in use, such as 17.0.15.
java_version() {
    local full
    full=$("$java" -version 2>&1 | sed -n 's/.* version "\([^"]*\)".*/\1/p' | head -n 1) || full=
    [[ $full =~ ^[0-9]+ && ${BASH_REMATCH[0]} -ge 17 ]] || fail "needs Java 17 or newer" "$missing_tool"
    echo "$full"
}

class_path() {
    local jars=("$cache"/libs/*.jar)
    local IFS=:
    echo "${jars[*]}"
}

# A Kafka id: 128 random bits as 22 characters, of which the last carries two bits.
new_id() {
    local letters=ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 id= i
    for ((i = 0; i < 21; i++)); do
        id+=${letters:SRANDOM % ${#letters}:1}
    done
    echo "${id}A"
}

# --- fetch -------------------------------------------------------------------------------------

# Each of the three parts appears under its final name by one rename, so whatever is there is whole.
# The lock keeps a second caller waiting until the first has finished.
fetch() {
    local java_is
    java_is=$(java_version)
    mkdir -p "$cache"
    (
        flock 9
        fetch_jars
        format_template
        [[ -e $cache/$java_is.jsa ]] || archive_classes "$cache/$java_is.jsa"
    ) 9>"$cache/.lock"
}

# The jars belong to one pom.xml: a changed one brings them anew.
fetch_jars() {
    local wanted partial=$cache/libs.partial
    wanted=$(cksum <"$here/pom.xml")
    [[ -f $cache/libs/.pom && $(<"$cache/libs/.pom") == "$wanted" ]] && return
    command -v mvn >/dev/null || fail "needs Maven to bring Apache Kafka $version" "$missing_tool"
    rm -rf "$partial" "$cache/libs" "$cache/template" "$cache"/*.jsa
    mvn --quiet --batch-mode --file "$here/pom.xml" \
        org.apache.maven.plugins:maven-dependency-plugin:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$partial" 9>&- >&2 ||
        fail "Maven could not bring Apache Kafka $version"
    echo "$wanted" >"$partial/.pom"
    mv "$partial" "$cache/libs"
}

# Kafka formats a data folder once; every broker gets a copy with ids of its own (see prepare).
format_template() {
    local partial=$cache/template.partial
    [[ -e $cache/template ]] && return
    rm -rf "$partial"
    configure "$partial" 1 1 29000 >/dev/null
    "$java" -cp "$(class_path)" -XX:TieredStopAtLevel=1 -Dkafka.logs.dir="$partial" \
        -Dlog4j2.configurationFile="$here/log4j2.properties" kafka.tools.StorageTool format \
        --cluster-id "$(new_id)" --config "$partial/server.properties" 9>&- >"$partial/format.log" ||
        fail "Kafka could not format a data folder: $(<"$partial/format.log")"
    mv "$partial" "$cache/template"
}

# A class data archive made by one broker's life halves the time and the CPU of every later start.
# It is a matter of speed only, so a broker that does not come up here stops nothing.
archive_classes() {
    local archive=$1 scratch=$cache/archive.partial port pid
    rm -rf "$scratch"
    port=$((20000 + SRANDOM % 4000 * 2))
    prepare "$scratch" "$port" >/dev/null
    serve "$scratch/1" -XX:ArchiveClassesAtExit="$scratch/classes.jsa" 9>&- &
    pid=$!
    if wait_started "$scratch/1" 0 "$pid"; then
        kill -TERM "$pid"
        wait "$pid" || true
        [[ -e $scratch/classes.jsa ]] && mv "$scratch/classes.jsa" "$archive"
    fi
    kill -KILL "$pid" 2>/dev/null || true
    rm -rf "$scratch"
}

# --- prepare -----------------------------------------------------------------------------------

# configure FOLDER NODE PORT-OF-EACH-NODE...: writes server.properties.
configure() {
    local folder=$1 node=$2 text voters= replicas min_isr i doors
    shift 2
    local ports=("${@%%:*}")
    for ((i = 0; i < $#; i++)); do
        voters+=${voters:+,}$((i + 1))@127.0.0.1:$((ports[i] + 1))
    done
    IFS=: read -ra doors <<<"${!node}"
    if (($# >= 3)); then replicas=3 min_isr=2; else replicas=1 min_isr=1; fi
    text=$(<"$here/server.properties")
    text=${text//@NODE@/"$node"}
    text=${text//@VOTERS@/"$voters"}
    text=${text//@PORT@/"${ports[node - 1]}"}
    text=${text//@CONTROLLER_PORT@/"$((ports[node - 1] + 1))"}
    text=${text//@BACK@/"${doors[1]:+,BACK://127.0.0.1:${doors[1]}}"}
    text=${text//@FRONT@/"${doors[2]:+,BACK://127.0.0.1:${doors[2]}}"}
    text=${text//@DIR@/"$folder"}
    text=${text//@REPLICAS@/"$replicas"}
    text=${text//@MIN_ISR@/"$min_isr"}
    mkdir -p "$folder"
    echo "$text" >"$folder/server.properties"
}

prepare() {
    (($# >= 2)) || fail "prepare needs a folder and a port for each broker"
    local dir=$1 cluster node folder
    shift
    mkdir -p "$dir"
    dir=$(cd "$dir" && pwd)
    cluster=$(new_id)
    for ((node = 1; node <= $#; node++)); do
        folder=$dir/$node
        [[ -e $folder/server.properties ]] && continue
        mkdir -p "$folder/data"
        cp "$cache/template/data/bootstrap.checkpoint" "$folder/data/"
        sed -e "s/^node.id=.*/node.id=$node/" -e "s/^cluster.id=.*/cluster.id=$cluster/" \
            -e "s/^directory.id=.*/directory.id=$(new_id)/" \
            "$cache/template/data/meta.properties" >"$folder/data/meta.properties"
        configure "$folder" "$node" "$@"
    done
}

# --- run ---------------------------------------------------------------------------------------

# serve FOLDER JVM-OPTION...: becomes the broker. G1 for its short pauses: 4,000,000 events of 380
# bytes as fast as they go cost at most 22 ms each, with the serial collector 72. Java dies with the
# shell that started it, should somebody kill that one the hard way.
serve() {
    local folder=$1 archive guard=() speed=()
    shift
    archive=$cache/$(java_version).jsa
    [[ -e $archive ]] && speed=(-XX:SharedArchiveFile="$archive")
    [[ ${supervised:-} ]] && command -v setpriv >/dev/null && guard=(setpriv --pdeathsig KILL)
    exec "${guard[@]}" "$java" -cp "$(class_path)" "${speed[@]}" "$@" \
        -Xms128m -Xmx512m -XX:+UseG1GC -XX:-UsePerfData \
        -Djava.awt.headless=true -Djava.net.preferIPv4Stack=true \
        -Dkafka.logs.dir="$folder" -Dlog4j2.configurationFile="$here/log4j2.properties" \
        kafka.Kafka "$folder/server.properties" </dev/null >>"$folder/stdout.log" 2>&1
}

# How often the broker of a folder has come up so far.
started() {
    local times
    times=$(grep -c 'Kafka Server started' "$1/broker.log" 2>/dev/null) || true
    echo "${times:-0}"
}

# wait_started FOLDER STARTS-BEFORE PID
wait_started() {
    local folder=$1 before=$2 pid=$3 i
    for ((i = 0; i < patience; i++)); do
        (($(started "$folder") > before)) && return
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    tail -n 40 "$folder/stdout.log" "$folder/broker.log" >&2 || true
    return 1
}

# Runs one broker for a process at the other end of standard input. That one writes a word a line:
# `pause`, `resume`, `kill`, `stop`; the first two are answered by the same word. When input ends,
# however the other process ended, the broker is killed and its folder removed.
supervise() {
    local folder=$1 supervised=yes broker commands
    [[ -e $folder/server.properties ]] || fail "$folder is not prepared"
    folder=$(cd "$folder" && pwd)
    exec 3<&0
    serve "$folder" 3<&- &
    broker=$!
    obey "$folder" "$broker" <&3 &
    commands=$!
    # Bash would report each kill, which is nothing to report.
    exec 3<&- >&- 2>/dev/null
    trap ': >"$folder/abandoned"; kill -KILL "$broker"' HUP INT TERM
    while kill -0 "$broker" 2>/dev/null; do
        wait "$broker" || true
    done
    kill -KILL "$commands" 2>/dev/null || true
    if [[ -e $folder/abandoned && ! ${GOLDEN_BELL_KEEP_BROKER:-} ]]; then
        rm -rf "$folder"
        rmdir "$(dirname "$folder")" 2>/dev/null || true
    fi
}

obey() {
    local folder=$1 broker=$2 word
    while read -r word; do
        case $word in
            pause) kill -STOP "$broker" && echo pause ;;
            resume) kill -CONT "$broker" && echo resume ;;
            stop) kill -TERM "$broker" ;;
            kill) kill -KILL "$broker" && return ;;
        esac
    done
    : >"$folder/abandoned"
    kill -KILL "$broker"
}

# --- start and stop ----------------------------------------------------------------------------

# The process of a broker that `start` started; nothing when it has ended since.
process_of() {
    local folder=$1 pid
    [[ -e $folder/pid ]] || return 0
    pid=$(<"$folder/pid")
    grep -qs -F "$folder/server.properties" "/proc/$pid/cmdline" && echo "$pid" || true
}

start() {
    local dir=$1 folder before=() pids=() i
    prepare "$@"
    dir=$(cd "$dir" && pwd)
    shift
    for ((i = 1; i <= $#; i++)); do
        folder=$dir/$i
        [[ $(process_of "$folder") ]] && fail "a broker is running in $folder"
        before[i]=$(started "$folder")
        (trap '' HUP && serve "$folder") &
        pids[i]=$!
        echo "${pids[i]}" >"$folder/pid"
    done
    for ((i = 1; i <= $#; i++)); do
        wait_started "$dir/$i" "${before[i]}" "${pids[i]}" || {
            stop "$dir"
            fail "broker $i of $dir did not start"
        }
    done
    printf '127.0.0.1:%s\n' "$@" | paste -sd ,
}

stop() {
    local dir folder pid i
    dir=$(cd "$1" && pwd)
    for folder in "$dir"/*/; do
        pid=$(process_of "${folder%/}")
        [[ $pid ]] && kill -TERM "$pid"
    done
    for folder in "$dir"/*/; do
        for ((i = 0; i < patience; i++)); do
            pid=$(process_of "${folder%/}")
            [[ $pid ]] || break
            # Three controllers that stop together may wait for each other: 10 s are enough.
            ((i < 100)) || kill -KILL "$pid" 2>/dev/null || true
            sleep 0.1
        done
        rm -f "$folder/pid"
    done
}

tool() {
    exec "$java" -Xmx256m -XX:TieredStopAtLevel=1 -cp "$(class_path)" "$@"
}

command=${1:-help}
shift || true
case $command in
    fetch | prepare | start | tool) fetch ;;&
    fetch) ;;
    prepare) prepare "$@" ;;
    start) start "$@" ;;
    stop) stop "$@" ;;
    run) supervise "$@" ;;
    tool) tool "$@" ;;
    help | --help | -h) usage ;;
    *) usage >&2 && exit 2 ;;
esac
