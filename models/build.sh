#!/bin/sh
# Rebuilds models/k2c1-msd50 and models/k2c1-msd50-0.1m from nothing: see docs/models.md.
#
#     models/build.sh [k2c1-msd50 | k2c1-msd50-0.1m | both] [WORK]
#
# WORK (data/msd50) takes what is fetched and made, about 7 GB. Every step goes on where it was stopped. Environment:
#     SONGS    folder with the sung songs of models/songs.csv; without it only speech is laid over the music
#     MIRROR   a mirror of Debian, such as https://deb.debian.org/debian; without it apt gets the packages
#     PYTHON   a Python with numpy and onnx; without it one is made in WORK/venv by pip
#     HOURS    hours of remixed sound (24)
#     OUT      where the models go (models)
set -eu
cd "$(dirname "$0")/.."
which=${1:-both}
work=${2:-data/msd50}
hours=${HOURS:-24}
out=${OUT:-models}
mkdir -p "$work"
cargo build -p trainer
trainer=${CARGO_TARGET_DIR:-target}/debug/trainer
mirror=${MIRROR:+--mirror $MIRROR}

# 1. The music, and speech to lay over it. The options of $mirror are words of their own.
# shellcheck disable=SC2086
"$trainer" fetch debian --to "$work/debian" $mirror
# shellcheck disable=SC2086
"$trainer" fetch voices --to "$work/voices" $mirror

# 2. The teachers.
if [ ! -e "$work/teachers/ENSEMBLE/card.json" ]; then
    python=${PYTHON:-}
    if [ -z "$python" ]; then
        python3 -m venv "$work/venv"
        "$work/venv/bin/pip" install -q -r trainer/teachers/requirements.txt
        python=$work/venv/bin/python
    fi
    "$python" trainer/teachers/make_teachers.py --to "$work/teachers" --ensemble
fi

# 3. New sound of it: changed, mixed, with voices.
set -- --voices "manifest:$work/voices/manifest.csv"
if [ -n "${SONGS:-}" ]; then
    # Paths of a manifest are relative to it, so the list goes where the songs are named from.
    awk -v songs="$(cd "$SONGS" && pwd)" 'NR == 1 { print; next } { print songs "/" $0 }' models/songs.csv >"$work/songs.csv"
    set -- --voices "manifest:$work/songs.csv" "$@"
fi
"$trainer" remix --corpus "debian:$work/debian" "$@" --hours "$hours" --piece-seconds 12.1 \
    --voice-share 0.45 --mix-share 0.15 --no-test --to "$work/remix"

# 4. What the teacher hears in it, and in the songs as they are.
"$trainer" label --no-test --teacher "$work/teachers/ENSEMBLE" --corpus "manifest:$work/remix/manifest.csv" \
    --out "$work/remix-labels.csv"
set -- --corpus "manifest:$work/remix-labels.csv"
if [ -n "${SONGS:-}" ]; then
    "$trainer" label --no-test --teacher "$work/teachers/ENSEMBLE" --corpus "manifest:$work/songs.csv" \
        --out "$work/songs-labels.csv"
    set -- "$@" --corpus "manifest:$work/songs-labels.csv"
fi

# 5. The students.
train() {
    config=$1 name=$2
    shift 2
    "$trainer" train --config "$config" "$@" --cache "$work/features" --out "$work/runs/$name" --overwrite
    mkdir -p "$out/$name"
    for file in model.onnx model.int8.onnx card.json; do
        cp "$work/runs/$name/$file" "$out/$name/$file.new"
        mv "$out/$name/$file.new" "$out/$name/$file"
    done
    "$trainer" card --model "$out/$name" --data models/msd50.json --readme
}
case $which in
k2c1-msd50 | both) train models/k2c1-msd50.toml k2c1-msd50 "$@" ;;
esac
case $which in
k2c1-msd50-0.1m | both) train models/k2c1-msd50-0.1m.toml k2c1-msd50-0.1m "$@" ;;
esac
