"""The tags of musicnn's networks, in the order of their outputs, and the front end all of them share."""

MSD_TAGS = [
    "rock", "pop", "alternative", "indie", "electronic", "female vocalists", "dance", "00s", "alternative rock",
    "jazz", "beautiful", "metal", "chillout", "male vocalists", "classic rock", "soul", "indie rock", "Mellow",
    "electronica", "80s", "folk", "90s", "chill", "instrumental", "punk", "oldies", "blues", "hard rock",
    "ambient", "acoustic", "experimental", "female vocalist", "guitar", "Hip-Hop", "70s", "party", "country",
    "easy listening", "sexy", "catchy", "funk", "electro", "heavy metal", "Progressive rock", "60s", "rnb",
    "indie pop", "sad", "House", "happy",
]  # fmt: skip

MTT_TAGS = [
    "guitar", "classical", "slow", "techno", "strings", "drums", "electronic", "rock", "fast", "piano", "ambient",
    "beat", "violin", "vocal", "synth", "female", "indian", "opera", "male", "singing", "vocals", "no vocals",
    "harpsichord", "loud", "quiet", "flute", "woman", "male vocal", "no vocal", "pop", "soft", "sitar", "solo",
    "man", "classic", "choir", "voice", "new age", "dance", "male voice", "female vocal", "beats", "harp", "cello",
    "no voice", "weird", "country", "metal", "female voice", "choral",
]  # fmt: skip

# Frames and mel bands of one window: 187 frames of 16 ms are 2.992 s.
FRAMES = 187
MEL_BANDS = 96

FRONT_END = {
    "sample_rate": 16000,
    "n_fft": 512,
    "hop_length": 256,
    "mel_bands": MEL_BANDS,
    "f_min": 0,
    "f_max": 8000,
    "mel_scale": "slaney",
    "norm": "slaney",
    "power": 2,
    "window": "hann (periodic)",
    "centered": True,
    "pad": "zeros (librosa 0.11 default)",
    "compression": "log10(10000*x+1)",
}


def tags_of(teacher: str) -> list[str]:
    """Tags of a teacher by its name: `MSD_...` or `MTT_...`."""
    return MSD_TAGS if teacher.startswith("MSD") else MTT_TAGS
