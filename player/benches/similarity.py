#!/usr/bin/env python3
"""How well distances find what belongs together, by the share that tags have in them: writes the table of
docs/similar.md.

    player scan MUSIC --db library.db
    python player/benches/similarity.py --db library.db --manifest MUSIC/manifest.csv

MUSIC has a folder for each genre, and its manifest the columns "path" and "artist". Needs numpy.
"""

import argparse
import csv
import json
import pathlib
import sqlite3

import numpy as np

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs" / "similar.md"


def unit(rows):
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", required=True)
    parser.add_argument("--manifest", required=True)
    args = parser.parse_args()
    db = sqlite3.connect(args.db)
    name, thresholds = db.execute("SELECT name, thresholds FROM models ORDER BY id LIMIT 1").fetchone()
    thresholds = np.array(json.loads(thresholds))
    rows = db.execute("SELECT path, scores, embedding FROM files JOIN songs ON songs.id = song ORDER BY path").fetchall()
    paths = ["/".join(row[0].decode().split("/")[-2:]) for row in rows]
    scores = np.array([np.frombuffer(row[1], "<f4") for row in rows])
    embeddings = np.array([np.frombuffer(row[2], "<f4") for row in rows])
    with open(args.manifest, newline="") as file:
        artists = {row["path"]: row["artist"] for row in csv.DictReader(file)}
    artist = np.array([artists.get(path, path) for path in paths])
    genre = np.array([path.split("/")[0] for path in paths])
    levels = scores / (scores + thresholds) - 0.5
    same_artist = artist[:, None] == artist

    def row(share):
        vectors = np.hstack([np.sqrt(1 - share) * unit(embeddings), np.sqrt(share) * unit(levels)])
        near = vectors @ vectors.T
        np.fill_diagonal(near, -9)
        others = np.argsort(-np.where(same_artist, -9, near), axis=1)[:, :10]
        nearest = np.argsort(-near, axis=1)[:, :10]
        several = same_artist.sum(1) > 1
        by_artist = (artist[nearest] == artist[:, None]).any(1)[several].mean()
        return f"| {share:.2f} | {(genre[others] == genre[:, None]).mean():.3f} | {by_artist:.3f} |"

    chance = np.mean([(genre[artist != a] == g).mean() for a, g in zip(artist, genre)])
    table = [
        f"{len(paths)} songs, {len(set(artist))} artists, {len(set(genre))} genres, heard by {name}; by chance {chance:.3f} "
        "of the ten would be of the genre.",
        "",
        "| share of the tags | of the ten nearest by others, of the same genre | songs with their artist among the ten nearest |",
        "|---|---|---|",
        *[row(share) for share in (0, 0.25, 0.5, 0.75, 0.9, 1)],
    ]
    text = DOCS.read_text()
    begin, end = "<!-- measured: player/benches/similarity.py -->\n", "<!-- end -->"
    before, rest = text.split(begin)
    DOCS.write_text(before + begin + "\n".join(table) + "\n" + end + rest.split(end, 1)[1])
    print("\n".join(table))


if __name__ == "__main__":
    main()
