#!/usr/bin/env python3
"""Writes the tables of docs/models.md between their markers; Python's standard library is enough.

    models/write_docs.py tried TRIED.csv      what was tried and what it gave
    models/write_docs.py took TOOK.csv        time and disk of models/build.sh

TRIED.csv has the columns name, what, run, songs, packages: what differs, the run's folder, what `trainer eval --json`
printed for songs that people tagged (with --beside TEACHER), and for music that a teacher labelled. TOOK.csv is what
models/build.sh leaves in its WORK folder: step, seconds, bytes.
"""

import csv
import json
import os
import pathlib
import sys

DOCS = pathlib.Path(__file__).parent.parent / "docs" / "models.md"
# The tags in which ENSEMBLE differs from MSD_musicnn, which labels the held-out packages here; as in models/build.sh.
TWELVE = {
    "rock", "pop", "electronic", "female vocalists", "dance", "metal", "male vocalists", "instrumental", "ambient",
    "female vocalist", "guitar", "country",
}


def put(name, lines):
    """Replaces what stands between the markers of a table."""
    begin, end = f"<!-- {name}: by models/write_docs.py -->", f"<!-- end of {name} -->"
    text = DOCS.read_text(encoding="utf-8")
    if text.count(begin) != 1 or text.count(end) != 1:
        sys.exit(f"{DOCS}: no markers of {name}")
    head, rest = text.split(begin)
    tail = rest.split(end)[1]
    new = DOCS.with_suffix(".new")
    new.write_text(head + begin + "\n" + "\n".join(lines) + "\n" + end + tail, encoding="utf-8")
    os.replace(new, DOCS)


def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def within(value, interval):
    return f"{value:.3f} ({interval[0]:.3f} - {interval[1]:.3f})"


def tried(path):
    lines = [
        "| | what differs | int8 file | agreement on validation windows | AUC on songs | of the teacher's excess "
        "| int8 | correlation on packages | int8 "
        "| 38 tags |",
        "|---|---|---:|---:|---|---|---:|---|---:|---:|",
    ]
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        run, songs, packages = pathlib.Path(row["run"]), read(row["songs"]), read(row["packages"])
        best = max(epoch["validation_agreement"] for epoch in read(run / "run.json")["history"])
        beside = songs["beside"]
        segments = next(a for a in packages["agreement"] if a["over"] == "segments")
        shared = [tag["correlation"] for tag in segments["tags"] if tag["tag"] not in TWELVE]
        correlation, small = segments["mean_correlation"], segments["int8"]["mean_correlation"]
        lines.append(
            f"| {row['name']} | {row['what']} | {(run / 'model.int8.onnx').stat().st_size / 1000:.0f} kB | {best:.3f} "
            f"| {within(songs['mean_auc'], songs['mean_auc_ci95'])} | {within(beside['ratio'], beside['ratio_ci95'])} "
            f"| {songs['int8']['auc_difference']:+.4f} "
            f"| {within(correlation, segments['mean_correlation_ci95'])} | {small - correlation:+.4f} "
            f"| {sum(shared) / len(shared):.3f} |"
        )
    first = read(rows[0]["songs"])["beside"]
    lines.append(f"| {first['model']} | the teacher itself | | | "
                 f"{within(first['beside_mean_auc'], first['beside_mean_auc_ci95'])} | 1 | | | | |")
    put("tried", lines)


def disk(size):
    return f"{size / 1e9:.2f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"


def took(path):
    steps = {}
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            # A step that was stopped and went on has a row for each part.
            seconds = steps.get(row["step"], (0, 0))[0] + float(row["seconds"])
            steps[row["step"]] = (seconds, float(row["bytes"]))
    lines = ["| step | minutes | on disk |", "|---|---:|---:|"]
    for step, (seconds, size) in steps.items():
        lines.append(f"| {step} | {seconds / 60:.1f} | {disk(size)} |")
    minutes, size = sum(s for s, _ in steps.values()) / 60, sum(b for _, b in steps.values())
    lines.append(f"| together | {minutes:.0f} | {disk(size)} |")
    put("took", lines)


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("tried", "took"):
        sys.exit(__doc__)
    {"tried": tried, "took": took}[sys.argv[1]](sys.argv[2])
