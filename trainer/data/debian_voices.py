"""Makes debian-voices.csv and debian-voice-packages.csv, the list that `trainer fetch voices` goes by: speech, to be laid
over music by `trainer remix`.

    python3 debian_voices.py DEBS UNPACKED

as debian_music.py. Every speaker is a family; a file shorter than SHORTEST says too little to be worth reading.
"""

import os
import re
import sys

import debian_music

SHORTEST = 0.8

# (package, pattern of the path, family); the pattern's groups complete the family's name. Robots are left out.
SPEAKERS = [
    ("fillets-ng-data-cs", r"/sound/.*-([mv])-[^/]*\.ogg$", "fillets-cs-{}"),
    ("fillets-ng-data-nl", r"/sound/.*-([mv])-[^/]*\.ogg$", "fillets-nl-{}"),
    ("hedgewars-data", r"/Sounds/voices/(?!Robot)([^/]+)/[^/]*\.ogg$", "hedgewars-{}"),
]


def speaker(package, path):
    for of, pattern, family in SPEAKERS:
        if of == package and (found := re.search(pattern, path)):
            return family.format(found[1])
    return None


if __name__ == "__main__":
    debs, unpacked = sys.argv[1:]
    debian_music.main(debs, unpacked, speaker, SHORTEST, ("debian-voice-packages.csv", "debian-voices.csv"))
