#!/bin/sh
# Cuts the letters that plots need out of DejaVu Sans 2.37: Latin with its accents, Greek, Cyrillic, a few signs.
# Needs fonttools (pip install fonttools==4.68.0) and the font, by default where Debian's fonts-dejavu-core puts it.
set -eu
font=${1:-/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf}
pyftsubset "$font" \
    --unicodes=U+0020-007E,U+00A0-017F,U+0386-03CE,U+0400-045F,U+2010-2026,U+2212 \
    --layout-features= --drop-tables+=GDEF,GPOS,GSUB,FFTM --no-hinting --notdef-outline --notdef-glyph \
    --output-file="$(dirname "$0")/DejaVuSans-subset.ttf"
