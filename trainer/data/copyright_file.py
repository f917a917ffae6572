"""What a Debian package's copyright file says about one of its files.

Where the file has stanzas (DEP-5, "Files: patterns"), the stanza whose pattern fits best speaks for the file. Patterns
name paths in the source package and files are installed elsewhere, so their ends are compared: "data/music/*" fits
usr/share/games/x/music/a.ogg by "music". The pattern with the most literal characters that fit wins, of equals the
last, as DEP-5 has it; without any the stanza "*" speaks. A file in free form gives the licences that it names.
"""

import fnmatch
import re

# Names by which free-form files give their licence away, in the order in which they are looked for.
KEYWORDS = [
    ("Expat", r"Permission is hereby granted, free of charge"),
    ("BSD", r"Redistribution and use in source and binary forms"),
    ("Zlib", r"software is provided 'as-is'"),
    ("CC-BY-SA", r"Attribution[- ]Share ?Alike|CC[- ]BY[- ]SA"),
    ("CC-BY", r"Creative Commons Attribution(?![- ]Share)|CC[- ]BY(?![- ](SA|NC|ND))"),
    ("CC0", r"CC0"),
    ("public-domain", r"public domain"),
    ("LGPL", r"LGPL|Lesser General Public"),
    ("GFDL", r"GFDL|Free Documentation License"),
    ("GPL-3", r"GPL-3|GPLv3|General\s+Public\s+License[^.]{0,120}version 3"),
    ("GPL-2", r"GPL-2|GPLv2|General\s+Public\s+License[^.]{0,160}version 2"),
    ("GPL", r"(?<!L)GPL|(?<!Lesser )General\s+Public\s+License"),
]


def stanzas(text):
    """Fields of every paragraph, lower-case name to text; of free-form files those with "Files:"."""
    found = []
    for paragraph in re.split(r"\n[ \t]*\n", text.replace("\r", "")):
        fields, last = {}, None
        for line in paragraph.split("\n"):
            field = re.match(r"([A-Za-z][A-Za-z-]*):(.*)", line)
            if field:
                last = field[1].lower().replace("licence", "license")
                fields[last] = field[2].strip()
            elif last and line[:1] in " \t":
                fields[last] += "\n" + line.strip()
        if "files" in fields:
            found.append(fields)
        elif found and "license" in fields and "license" not in found[-1] and "copyright" not in fields:
            found[-1]["license"] = fields["license"]
    return found


def literal(text):
    return len(re.sub(r"[*?]", "", text))


def fit(pattern, parts):
    """How many literal characters of the pattern's end fit the end of the path; None where it does not fit."""
    pattern = pattern.removeprefix("./").lower()
    if pattern == "*":
        return 0
    *folders, name = pattern.split("/")
    *path, file = [part.lower() for part in parts]
    wild = any(c in name for c in "*?")
    stem = lambda n: n.rsplit(".", 1)[0]
    score = 0
    if name in ("*", "", "*.*"):
        # A folder, at any depth; "data/*" alone is too common a name to say anything.
        best = None
        for end in range(len(path), 0, -1):
            n = 0
            while n < min(len(folders), end) and fnmatch.fnmatchcase(path[end - 1 - n], folders[-1 - n]):
                n += 1
            if n:
                best = max(best or 0, sum(literal(f) for f in folders[len(folders) - n:]))
        return best
    if fnmatch.fnmatchcase(file, name):
        score = literal(name) * 4
    elif fnmatch.fnmatchcase(stem(file), stem(name)) and literal(stem(name)) > 3:
        score = literal(stem(name)) * 3  # transcoded: the source has tune.xm, the package tune.ogg
    else:
        return None
    n = 0
    while n < min(len(folders), len(path)) and fnmatch.fnmatchcase(path[-1 - n], folders[-1 - n]):
        n += 1
    if wild and folders and n == 0 and literal(name) < 10:
        return None  # "src/*.ogg" says nothing of other folders; "src/music-ending.ogg*" names a file
    return score + sum(literal(f) for f in folders[len(folders) - n:])


def holders(text):
    """Names in a Copyright field, without years, addresses and markup."""
    names = []
    for line in text.split("\n"):
        line = re.sub(r"<[^>]*>|\([Cc]\)|©|Copyright:?|https?://\S+", " ", line)
        line = re.sub(r"\b(19|20)\d\d\b(\s*[-–,]\s*((19|20)\d\d|\d\d|present)\b)*|^[\s,;:.&-]+|[\s,;:.-]+$", " ", line)
        line = re.sub(r"\s+", " ", line).strip(" ,;:.-")
        if line and line.lower() not in ("none", "n/a", "unknown", "various") and line not in names:
            names.append(line)
    return "; ".join(names[:3]) + (" and others" if len(names) > 3 else "")


def patterns(files):
    """The patterns of a Files field; a name with spaces, against the rules but there, stands on a line of its own."""
    lines = [line.strip(" ,") for line in files.split("\n")]
    whole = [line.replace(" ", "?") for line in lines if " " in line and "," not in line]
    return [pattern for pattern in re.split(r"[\s,]+", files) if pattern] + whole


def speaks_for(text, path):
    """(licence, holder, evidence) of an installed path; evidence: "files", "default" or "text"."""
    parts = [part for part in path.split("/") if not part.endswith(".d")]
    best = None
    for stanza in stanzas(text):
        for pattern in patterns(stanza["files"]):
            n = fit(pattern, parts)
            if n is not None and stanza.get("license") and (best is None or n >= best[0]):
                best = (n, stanza)
    if best:
        licence = best[1]["license"].strip().split("\n")[0].strip()
        return licence, holders(best[1].get("copyright", "")), "files" if best[0] else "default"
    names = [name for name, word in KEYWORDS if re.search(word, text, re.I)]
    if "GPL-3" in names or "GPL-2" in names:
        names = [name for name in names if name != "GPL"]
    return " and ".join(names) or "see the copyright file", "", "text"
