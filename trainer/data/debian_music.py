"""Makes debian-music.csv and debian-packages.csv, the list that `trainer fetch debian` goes by.

    python3 debian_music.py DEBS UNPACKED

DEBS is a folder of .deb files (apt-get download PACKAGE), UNPACKED a folder for what is unpacked from them; a package
that lies there already is not unpacked again. Needs dpkg-deb, ffprobe and, for the packages' places in the archive,
apt-cache. What is left out, the families and the split are in choices.py, with reasons.
"""

import csv
import glob
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections import Counter, defaultdict

import choices
import copyright_file

AUDIO = (".ogg", ".oga", ".opus", ".mp3", ".wav", ".flac", ".m4a")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unpack(deb, to):
    """Audio files (those in zips below NAME.d/) and the copyright file."""
    part = to + ".part"
    shutil.rmtree(part, ignore_errors=True)
    subprocess.run(["dpkg-deb", "-x", deb, part], check=True)
    for folder, _, files in os.walk(part):
        for name in files:
            path = os.path.join(folder, name)
            if name.lower().endswith((".zip", ".pk3", ".pk4", ".jar")):
                with zipfile.ZipFile(path) as archive:
                    for entry in archive.namelist():
                        if entry.lower().endswith(AUDIO):
                            archive.extract(entry, path + ".d")
            if not name.lower().endswith(AUDIO) and not path.endswith(f"/doc/{os.path.basename(to)}/copyright"):
                os.remove(path)
    os.rename(part, to)


def probe(path):
    """Seconds of the audio stream and its tags, lower-case; None where it cannot be read or is a video."""
    try:
        out = json.loads(run("ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json", path))
    except subprocess.CalledProcessError as error:
        print(f"unreadable: {path}: {error.stderr.strip()}")
        return None
    audio = [s for s in out["streams"] if s["codec_type"] == "audio"]
    if not audio or any(s["codec_name"] == "theora" for s in out["streams"]):
        return None
    tags = {}
    for source in (out["format"], audio[0]):
        tags.update({key.lower(): value.strip() for key, value in source.get("tags", {}).items()})
    return float(audio[0].get("duration") or out["format"]["duration"]), tags


def tag_artist(tags):
    name = re.sub(r"\s+", " ", tags.get("artist", "")).strip()
    return "" if re.fullmatch(r"<?unknown>?|n/a|various|-|\(none\)|artist|", name, re.I) else name


def main(debs, unpacked, family, shortest, names):
    """Writes the two lists `names` of what `family` (of a package and a path: a name, or None) takes."""
    packages, tracks, seen, left_out = [], [], {}, Counter()
    for deb in sorted(glob.glob(os.path.join(debs, "*.deb"))):
        package, version, arch = run("dpkg-deb", "-f", deb, "Package", "Version", "Architecture").split("\n")[:3]
        package, version, arch = (field.split(": ", 1)[-1] for field in (package, version, arch))
        home = os.path.join(unpacked, package)
        if not os.path.isdir(home):
            unpack(deb, home)
        with open(f"{home}/usr/share/doc/{package}/copyright", encoding="utf-8", errors="replace") as file:
            said = file.read()
        before = len(tracks)
        found = [os.path.relpath(os.path.join(d, f), home) for d, _, fs in os.walk(home) for f in fs]
        for path in sorted(p for p in found if p.lower().endswith(AUDIO)):
            of = family(package, path)
            if of is None:
                left_out["not chosen"] += 1
                continue
            file = os.path.join(home, path)
            probed = probe(file)
            if probed is None or probed[0] < shortest:
                left_out["short or no audio"] += 1
                continue
            sha = digest(file)
            if sha in seen:
                left_out["duplicate"] += 1
                print(f"duplicate: {package} {path} of {seen[sha]}")
                continue
            seen[sha] = f"{package} {path}"
            licence, holder, evidence = copyright_file.speaks_for(said, path)
            artist = tag_artist(probed[1])
            tracks.append(dict(
                package=package, path=path, sha256=sha, bytes=os.path.getsize(file), seconds=f"{probed[0]:.1f}",
                family=of, split=choices.split(package), licence=licence,
                licence_from=evidence, artist=artist or holder,
                artist_from="tag" if artist else ("copyright" if holder else ""),
                title=re.sub(r"\s+", " ", probed[1].get("title", ""))))
        if len(tracks) > before:
            shown = run("apt-cache", "show", f"{package}={version}")
            pool = re.search(r"^Filename: (\S+)", shown, re.M)[1]
            packages.append(dict(package=package, version=version, architecture=arch, pool=pool,
                                 bytes=os.path.getsize(deb), sha256=digest(deb)))
    for name, rows in zip(names, (packages, tracks)):
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name), "w", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    hours = defaultdict(float)
    for track in tracks:
        hours[track["split"]] += float(track["seconds"]) / 3600
    print(f"{len(tracks)} tracks, {len(packages)} packages, {dict(hours)} hours, left out: {dict(left_out)}")


if __name__ == "__main__":
    def music(package, path):
        return None if choices.left_out(package, path) else choices.family(package)

    debs, unpacked = sys.argv[1:]
    main(debs, unpacked, music, choices.SHORTEST, ("debian-packages.csv", "debian-music.csv"))
