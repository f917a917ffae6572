#!/bin/sh
# Rebuilds models/k2c1-msd50 and models/k2c1-msd50-0.1m from nothing: see docs/models.md.
#
#     models/build.sh [k2c1-msd50 | k2c1-msd50-0.1m | both] [WORK]
#
# WORK (data/msd50) takes what is fetched and made. Every step goes on where it was stopped. Environment:
#     SONGS    folder with the sung songs of models/songs.csv; without it only speech is laid over the music
#     MIRROR   a mirror of Debian, such as https://deb.debian.org/debian; without it apt gets the packages
#     PYTHON   a Python with numpy and onnx; without it one is made in WORK/venv by pip
#     HOURS    hours of remixed sound (24)
#     LIMIT    gigabytes of music to fetch at most (all)
#     EPOCHS   of training (as the models' .toml say)
#     OUT      where the models go (models)
set -eu
cd "$(dirname "$0")/.."
which=${1:-both}
work=${2:-data/msd50}
hours=${HOURS:-24}
out=${OUT:-models}
case $which in
k2c1-msd50 | k2c1-msd50-0.1m | both) ;;
*)
    echo "models/build.sh: no model '$which': k2c1-msd50, k2c1-msd50-0.1m or both" >&2
    exit 2
    ;;
esac
if [ -n "${SONGS:-}" ] && [ ! -d "$SONGS" ]; then
    echo "models/build.sh: SONGS=$SONGS is no folder" >&2
    exit 2
fi
mkdir -p "$work"
cargo build -p trainer
trainer=${CARGO_TARGET_DIR:-target}/debug/trainer
mirror=${MIRROR:+--mirror $MIRROR}
limit=${LIMIT:+--limit $LIMIT}

# timed STEP PATH COMMAND...: what a step took goes into WORK/took.csv, from which models/write_docs.py makes the table.
[ -e "$work/took.csv" ] || echo "step,seconds,bytes" >"$work/took.csv"
timed() {
    step=$1 path=$2
    shift 2
    start=$(date +%s)
    "$@"
    echo "$step,$(($(date +%s) - start)),$(($(du -sk "$path" | cut -f1) * 1024))" >>"$work/took.csv"
}

# 1. The music, and speech to lay over it. The options of $mirror and $limit are words of their own.
# shellcheck disable=SC2086
timed "fetch music" "$work/debian" "$trainer" fetch debian --to "$work/debian" $mirror $limit
# shellcheck disable=SC2086
timed "fetch speech" "$work/voices" "$trainer" fetch voices --to "$work/voices" $mirror

# 2. The teachers.
if [ ! -e "$work/teachers/ENSEMBLE/card.json" ]; then
    python=${PYTHON:-}
    if [ -z "$python" ]; then
        python3 -m venv "$work/venv"
        "$work/venv/bin/pip" install -q -r trainer/teachers/requirements.txt
        python=$work/venv/bin/python
    fi
    timed "make the teachers" "$work/teachers" \
        "$python" trainer/teachers/make_teachers.py --to "$work/teachers" --ensemble
fi

# 3. New sound of it: changed, mixed, with voices.
set -- --voices "manifest:$work/voices/manifest.csv"
if [ -n "${SONGS:-}" ]; then
    # Paths of a manifest are relative to it, so the list gets the songs' whole paths.
    awk -v songs="$(cd "$SONGS" && pwd)" 'NR == 1 { print; next } { print songs "/" $0 }' models/songs.csv >"$work/songs.csv"
    set -- --voices "manifest:$work/songs.csv" "$@"
fi
timed "remix $hours hours" "$work/remix" "$trainer" remix --corpus "debian:$work/debian" "$@" --hours "$hours" \
    --piece-seconds 12.1 --voice-share 0.45 --mix-share 0.15 --no-test --to "$work/remix"

# 4. What the teachers hear in it, in the songs as they are, and in the music as it is. ENSEMBLE is the better teacher and
# takes three times as long. It differs from MSD_musicnn in 12 tags only, so MSD_musicnn alone labels the music that is for
# training, with the other 38.
label() { # NAME TEACHER CORPUS OPTIONS...
    name=$1 teacher=$2 corpus=$3
    shift 3
    timed "label $name by $teacher" "$work/$name.csv" "$trainer" label --no-test --teacher "$work/teachers/$teacher" \
        --corpus "$corpus" --out "$work/$name.csv" "$@"
}
label remix-labels ENSEMBLE "manifest:$work/remix/manifest.csv"
label music-validation ENSEMBLE "debian:$work/debian" --split validation
label music-train MSD_musicnn "debian:$work/debian" --split train --without-tags "rock,pop,electronic,female vocalists,\
dance,metal,male vocalists,instrumental,ambient,female vocalist,guitar,country"
set -- --corpus "manifest:$work/remix-labels.csv" --corpus "manifest:$work/music-train.csv" \
    --corpus "manifest:$work/music-validation.csv"
if [ -n "${SONGS:-}" ]; then
    label songs-labels ENSEMBLE "manifest:$work/songs.csv"
    set -- "$@" --corpus "manifest:$work/songs-labels.csv"
fi

# 5. The students.
train() {
    config=$1 name=$2
    shift 2
    timed "train $name" "$work/runs/$name" "$trainer" train --config "$config" "$@" ${EPOCHS:+--epochs "$EPOCHS"} \
        --cache "$work/features" --out "$work/runs/$name" --overwrite
    mkdir -p "$out/$name"
    for file in model.onnx model.int8.onnx card.json; do
        cp "$work/runs/$name/$file" "$out/$name/$file.new"
        mv "$out/$name/$file.new" "$out/$name/$file"
    done
    "$trainer" card --model "$out/$name" --name "$name" --licence "MIT OR Apache-2.0" --data models/msd50.json --readme
}
case $which in
k2c1-msd50 | both) train models/k2c1-msd50.toml k2c1-msd50 "$@" ;;
esac
case $which in
k2c1-msd50-0.1m | both) train models/k2c1-msd50-0.1m.toml k2c1-msd50-0.1m "$@" ;;
esac
