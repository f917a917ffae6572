//! The card: parsing, printing, checking.
#![cfg(feature = "onnx")]

use proptest::prelude::*;
use runtime::card::{Axis, Card, CardError, FrontEnd, InputSpec, OutputSpec};
use runtime::mel::{Compression, MelConfig, MelNorm, MelScale, PadMode};
use serde_json::{Map, Value};

/// A card of another project's making, word for word but for the list of tags.
const OTHERS: &str = r#"{
 "name": "MSD_musicnn",
 "input": {"name": "logmel", "layout": ["batch", "frames", "mel_bands"], "frames": 187, "hop_frames": 187},
 "outputs": {"tags": "tags", "embedding": "penultimate"},
 "front_end": {"sample_rate": 16000, "n_fft": 512, "hop_length": 256, "mel_bands": 96, "f_min": 0, "f_max": 8000,
  "mel_scale": "slaney", "norm": "slaney", "power": 2, "window": "hann (periodic)", "centered": true,
  "pad": "zeros (librosa 0.11 default)", "compression": "log10(10000*x+1)"},
 "tags": ["rock", "Mellow", "Hip-Hop"],
 "parameters": 790000, "licence": "ISC", "source": "PyPI musicnn 0.1.0, folder MSD_musicnn"
}"#;

fn ours() -> Card {
    Card {
        name: "k2c1".into(),
        format: 1,
        input: InputSpec {
            name: "melgram".into(),
            layout: vec![Axis::Batch, Axis::MelBands, Axis::Frames],
            frames: 1279,
            hop_frames: 256,
            sliding: true,
            codes: true,
            other: Map::new(),
        },
        outputs: OutputSpec {
            tags: "tags".into(),
            embedding: Some("embedding".into()),
            attention: None,
            other: Map::new(),
        },
        front_end: MelConfig::MINIM.into(),
        tags: vec!["a".into(), "b".into()],
        thresholds: Some(vec![0.5, 0.25]),
        architecture: Some(serde_json::json!({"widths": [96, 43]})),
        parameters: Some(100_000),
        quantisation: None,
        data: None,
        metrics: None,
        licence: Some("MIT".into()),
        source: None,
        other: Map::new(),
    }
}

#[test]
fn a_card_of_another_project_is_read_as_it_is() {
    let card = Card::parse(OTHERS).unwrap();
    card.validate().unwrap();
    assert_eq!(card.front_end.mel_config().unwrap(), MelConfig::MUSICNN);
    assert_eq!(card.input.layout, [Axis::Batch, Axis::Frames, Axis::MelBands]);
    assert!(!card.input.sliding && !card.input.codes);
    assert_eq!((card.format, card.parameters), (1, Some(790_000)));
}

#[test]
fn printing_keeps_what_was_parsed() {
    let mut json: Value = serde_json::from_str(OTHERS).unwrap();
    json["mood"] = serde_json::json!({"deep": [1, null, "x"]});
    json["input"]["dtype"] = "float32".into();
    json["outputs"]["logits"] = "logits".into();
    json["front_end"]["library"] = "librosa".into();
    let card = Card::parse(&json.to_string()).unwrap();
    let printed = card.to_json().unwrap();
    assert_eq!(Card::parse(&printed).unwrap(), card);
    let printed: Value = serde_json::from_str(&printed).unwrap();
    assert_kept(&json, &printed);
    assert_eq!(Card::parse(&ours().to_json().unwrap()).unwrap(), ours());
}

fn assert_kept(before: &Value, after: &Value) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            before.iter().for_each(|(key, value)| assert_kept(value, after.get(key).expect(key)));
        }
        (Value::Number(before), Value::Number(after)) => assert_eq!(before.as_f64(), after.as_f64()),
        _ => assert_eq!(before, after),
    }
}

#[test]
fn each_field_is_checked() {
    let wrong = |change: &dyn Fn(&mut Card)| {
        let mut card = ours();
        change(&mut card);
        card.validate().expect_err("accepted").to_string()
    };
    ours().validate().unwrap();
    type Case<'c> = (&'c str, &'c dyn Fn(&mut Card));
    let cases: &[Case<'_>] = &[
        ("format is 2", &|c| c.format = 2),
        ("input.name is empty", &|c| c.input.name.clear()),
        ("input.layout", &|c| c.input.layout = vec![Axis::Batch, Axis::Frames, Axis::Frames]),
        ("input.layout", &|c| c.input.layout.truncate(2)),
        ("input.layout", &|c| c.input.layout.push(Axis::Batch)),
        ("input.frames is 0", &|c| c.input.frames = 0),
        ("input.frames is 18446744073709551615", &|c| c.input.frames = usize::MAX),
        ("input.hop_frames is 0", &|c| c.input.hop_frames = 0),
        ("outputs.tags", &|c| c.outputs.tags.clear()),
        ("outputs.embedding", &|c| c.outputs.embedding = Some(String::new())),
        ("tags is empty", &|c| c.tags.clear()),
        ("tags[1] is empty", &|c| c.tags[1] = " ".into()),
        ("tags[1] \"A\" is there twice", &|c| c.tags[1] = "A".into()),
        ("thresholds 1 of them for 2 tags", &|c| c.thresholds = Some(vec![0.5])),
        ("thresholds[1]", &|c| c.thresholds = Some(vec![0.5, f32::NAN])),
        ("front_end.power is 1,", &|c| c.front_end.power = 1.0),
        ("front_end.window is \"hamming\"", &|c| c.front_end.window = "hamming".into()),
        ("front_end.window is \"hanning\"", &|c| c.front_end.window = "hanning".into()),
        ("front_end.window is \"hann (Symmetric)\"", &|c| c.front_end.window = "hann (Symmetric)".into()),
        ("front_end.centered", &|c| c.front_end.centered = false),
        ("front_end.mel_scale", &|c| c.front_end.mel_scale = "bark".into()),
        ("front_end.norm is \"l2\"", &|c| c.front_end.norm = Some("l2".into())),
        ("front_end.pad", &|c| c.front_end.pad = "edge".into()),
        ("front_end.compression is \"ln(x)\"", &|c| c.front_end.compression = "ln(x)".into()),
        ("front_end.compression", &|c| c.front_end.compression = "log10(a*x+1)".into()),
        ("front_end: n_fft is 300", &|c| c.front_end.n_fft = 300),
        ("front_end: bands from", &|c| c.front_end.f_max = 7000.0),
        ("front_end.mel_bands is 1000", &|c| c.front_end.mel_bands = 1000),
        ("front_end.sample_rate is 4000000000", &|c| c.front_end.sample_rate = 4_000_000_000),
    ];
    for (message, change) in cases {
        let error = wrong(change);
        assert!(error.contains(message), "{error:?} should contain {message:?}");
    }
}

#[test]
fn what_is_missing_is_named() {
    let json: Value = serde_json::from_str(OTHERS).unwrap();
    for (object, key) in
        [("", "name"), ("", "tags"), ("input", "frames"), ("front_end", "norm"), ("front_end", "pad")]
    {
        let mut json = json.clone();
        let inside = if object.is_empty() { &mut json } else { &mut json[object] };
        inside.as_object_mut().unwrap().remove(key).unwrap();
        let error = Card::parse(&json.to_string()).unwrap_err().to_string();
        assert!(error.contains(key), "{error:?} should contain {key:?}");
    }
    for text in ["", "{", "[]", "null", "{\"name\": 3}"] {
        assert!(matches!(Card::parse(text), Err(CardError::Json(_))), "{text}");
    }
}

#[test]
fn other_words_for_the_same_front_end() {
    let mut front_end = FrontEnd::from(MelConfig::MINIM);
    front_end.compression = "Decibel".into();
    front_end.window = "Hann".into();
    front_end.norm = Some("none".into());
    front_end.pad = "constant".into();
    let want = MelConfig { norm: MelNorm::None, pad_mode: PadMode::Zeros, ..MelConfig::MINIM };
    assert_eq!(front_end.mel_config().unwrap(), want);
    front_end.compression = "log10( 1e4 * x + 1.0 )".into();
    assert_eq!(front_end.mel_config().unwrap().compression, Compression::Log10 { scale: 1e4, bias: 1.0 });
}

fn any_config() -> impl Strategy<Value = MelConfig> {
    let positive = prop_oneof![1e-30f32..1.0, 1.0f32..1e30];
    let compression = prop_oneof![
        Just(Compression::Decibel),
        (positive.clone(), positive).prop_map(|(scale, bias)| Compression::Log10 { scale, bias }),
    ];
    let numbers = (1u32..=384_000, 1usize..10_000, 1usize..10_000, 1usize..1_000, 0f32..1e5, 0f32..1e5);
    let names = (any::<bool>(), any::<bool>(), any::<bool>(), compression);
    (numbers, names).prop_map(
        |((sample_rate, n_fft, hop_length, mel_bands, f_min, f_max), (htk, norm, zeros, c))| MelConfig {
            sample_rate,
            n_fft,
            hop_length,
            mel_bands,
            f_min,
            f_max,
            mel_scale: if htk { MelScale::Htk } else { MelScale::Slaney },
            norm: if norm { MelNorm::Slaney } else { MelNorm::None },
            pad_mode: if zeros { PadMode::Zeros } else { PadMode::Reflect },
            compression: c,
        },
    )
}

proptest! {
    #[test]
    fn a_printed_front_end_is_the_same_spectrogram(config in any_config()) {
        let json = serde_json::to_string(&FrontEnd::from(config)).unwrap();
        let back: FrontEnd = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(back.mel_config().unwrap(), config);
    }

    #[test]
    fn no_text_makes_the_card_panic(text in ".{0,300}", field in 0usize..4) {
        let _ = Card::parse(&text);
        let mut card = ours();
        match field {
            0 => card.front_end.compression = text,
            1 => card.front_end.window = text,
            2 => card.front_end.pad = text,
            _ => card.tags[0] = text,
        }
        let _ = card.validate();
    }
}
