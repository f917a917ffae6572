//! Damaged ONNX files: loading and tagging end in a result, whatever bytes are wrong.
#![cfg(feature = "onnx")]

use proptest::prelude::*;
use runtime::tagger::{Tagger, TaggerOptions};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

fn fixture(which: usize) -> &'static [u8] {
    static FILES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/models");
    let names = ["tiny-k2c1/model.onnx", "tiny-k2c1/model.int8.onnx", "tiny-fixed.onnx"];
    let read = || names.iter().map(|name| std::fs::read(models.join(name)).unwrap()).collect();
    &FILES.get_or_init(read)[which]
}

/// Loads the bytes and tags 200 frames; says whether both went well.
fn survives(bytes: &[u8], fuse: bool) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("model.onnx");
    std::fs::write(&path, bytes).unwrap();
    let Ok(tagger) = Tagger::load_with(&path, &TaggerOptions { fuse, ..Default::default() }) else {
        return false;
    };
    let frames: Vec<f32> = (0..200 * tagger.mel_config().mel_bands).map(|i| -((i % 80) as f32)).collect();
    tagger.tag_frames(&frames).is_ok()
}

/// Where weights are not: their bytes may be anything, and most of a file is weights.
fn structure(bytes: &[u8]) -> Vec<usize> {
    let text = |i: usize| {
        bytes[i.saturating_sub(6)..(i + 7).min(bytes.len())].iter().filter(|b| b.is_ascii_graphic()).count()
    };
    (0..bytes.len()).filter(|&i| text(i) >= 4).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, max_shrink_iters: 20, ..ProptestConfig::default() })]
    #[test]
    fn flipped_bytes_are_survived(
        which in 0usize..3, fuse in any::<bool>(), flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = fixture(which).to_vec();
        let places = structure(&bytes);
        for (place, value) in flips {
            bytes[places[place.index(places.len())]] = value;
        }
        survives(&bytes, fuse);
    }

    #[test]
    fn cut_files_are_survived(which in 0usize..3, end in any::<prop::sample::Index>(), start in 0usize..40) {
        let bytes = fixture(which);
        prop_assert!(!survives(&bytes[..end.index(bytes.len())], true));
        survives(&bytes[start..], true);
    }
}

#[test]
fn whole_files_are_fine() {
    for which in 0..3 {
        assert!(survives(fixture(which), true) && survives(fixture(which), false));
    }
}
