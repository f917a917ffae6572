"""What of Debian's audio is taken for music, and which packages belong together."""

import re

# Jingles and effects are shorter than this, in seconds.
SHORTEST = 20.0

# (why, pattern of "package path"); looked for in this order.
LEFT_OUT = [
    ("stem beside its song", r"^fretsonfire-songs-.*/(guitar|rhythm)\.ogg$"),
    ("stem of a sequence", r"^plee-the-bear-data .*/(bonus|title-screen)/"),
    ("ambience", r"^0ad-data .*/audio/ambient/"),
    ("ambience", r"^ardentryst .*/Sounds/"),
    ("ambience", r"^btanks-data .*/sounds/"),
    ("ambience", r"^caveexpress-data .*/cave2\.ogg$"),
    ("ambience", r"^endless-sky-data .*/ambient/"),
    ("ambience", r"^flare-game .*(/environment/|/wind_ambient\.ogg$)"),
    ("ambience", r"^lugaru-data .*/(Wind|DesertAmbient)\.ogg$"),
    ("ambience", r"^megaglest-data .*/tilesets/"),
    ("ambience", r"^openarena-data .*/nightmare\.wav$"),
    ("ambience", r"^plee-the-bear-data .*/weather/"),
    ("ambience", r"^redeclipse-data .*(/ambience/|/morph/)"),
    ("ambience", r"^unknown-horizons .*/audio/sounds/"),
    ("ambience", r"^widelands-data .*/sound/"),
    ("effect", r"^hyperrogue-music .*/(tada|necromancy)\.ogg$"),
    ("effect", r"^supertuxkart-data .*/(steamLocomotive|static-radio|spaceship|lenautile_restaurant|sara_airport_pa)\.ogg$"),
    ("effect", r"^warmux-data .*/frog_music\.ogg$"),
    ("copyright file silent about music", r"^krank "),
    ("silence", r"^gnujump-data .*/silence\.ogg$"),
    ("speech", r"^supertuxkart-data .*/nolok_speech\.ogg$"),
    ("video", r"^freecol .*\.video\.ogg$"),
]

# Packages that share a composer, a game or tracks, so that no split may divide them; else the package's name says it.
FAMILIES = {
    "abagames": "gunroar-data mu-cade-data noiz2sa-data parsec47-data rrootage-data titanion-data "
                "torus-trooper-data tumiki-fighters-data",
    "fretsonfire": "fretsonfire-songs-muldjord fretsonfire-songs-sectoid",
    "openarena": "openarena-088-data openarena-data",
    "pajama-crisis": "orbital-eunuchs-sniper-data tuxmath-data tuxtype-data",
    "renpy": "renpy-demo renpy-thequestion",
    "singularity": "singularity-music starfighter-data",
    "supertux": "supertux-data supertuxkart-data",
}

# About an eighth of the time: orchestra, folk and thrash metal (widelands), death and heavy metal (fretsonfire),
# orchestra (unknown-horizons), rock and electronic (redeclipse, trackballs), reggae, rock and house (openclonk), funk
# and chip music (davegnukem), piano and ragtime (enigma), cello (freedink), blues (lincity-ng), a singer (performous).
VALIDATION = set("widelands fretsonfire unknown-horizons redeclipse trackballs openclonk davegnukem enigma freedink "
                 "lincity-ng performous".split())


def left_out(package, path):
    return next((why for why, pattern in LEFT_OUT if re.search(pattern, f"{package} {path}")), None)


def family(package):
    for name, members in FAMILIES.items():
        if package in members.split():
            return name
    return re.sub(r"(-data|-music|-music-ogg|-common|-common-sounds|-1\.16-music|-game)$", "", package)


def split(package):
    return "validation" if family(package) in VALIDATION else "train"
