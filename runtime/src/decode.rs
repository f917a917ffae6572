//! Audio files to PCM.
