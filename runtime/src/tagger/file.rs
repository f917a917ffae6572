//! Finding and reading the files of a model.

use super::{EngineChoice, Precision, TaggerError, TaggerOptions};
use crate::card::{Card, CardError};
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use tract_onnx::data_resolver::ModelDataResolver;
use tract_onnx::pb::ModelProto;
use tract_onnx::tract_hir::internal::*;

/// Largest file that is read: two orders above the networks that this is for.
pub(super) const MAX_BYTES: u64 = 512 << 20;

const FLOAT_FILE: &str = "model.onnx";
const INT8_FILE: &str = "model.int8.onnx";
const PACKED_FILE: &str = "model.bin";

/// A model as it lies on disk.
pub(super) struct ModelFile {
    pub path: PathBuf,
    pub card: Card,
    pub found: Found,
}

/// What the file holds.
pub(super) enum Found {
    Onnx(Box<ModelProto>),
    Packed(Vec<u8>),
}

/// Reads the model at `path`: a folder, an ONNX file or a packed one.
pub(super) fn read_model(path: &Path, options: &TaggerOptions) -> Result<ModelFile, TaggerError> {
    let io = |source| TaggerError::Io { path: path.into(), source };
    if !std::fs::metadata(path).map_err(io)?.is_dir() {
        return read_file(path, options);
    }
    let names = names(options);
    let file = names.iter().map(|name| path.join(name)).find(|file| file.is_file());
    let looked_for =
        if names.is_empty() { "a packed model in float, which there is not" } else { &*names.join(", ") };
    let file =
        file.ok_or_else(|| TaggerError::NoModel { path: path.into(), looked_for: looked_for.into() })?;
    let found = read_found(&file)?;
    let card = match (card_file(&path.join(Card::FILE_NAME))?, &found) {
        (Some(card), _) => Some(card),
        (None, Found::Onnx(proto)) => card_inside(&file, proto)?,
        (None, Found::Packed(_)) => None,
    };
    let card = card.ok_or_else(|| TaggerError::NoCard { path: file.clone() })?;
    Ok(ModelFile { path: file, card, found })
}

/// Files of a folder that will do, best first.
fn names(options: &TaggerOptions) -> Vec<&'static str> {
    let onnx: &[&str] = match options.precision {
        Precision::Auto => &[INT8_FILE, FLOAT_FILE],
        Precision::Float => &[FLOAT_FILE],
        Precision::Int8 => &[INT8_FILE],
    };
    let packed = (options.precision != Precision::Float).then_some(PACKED_FILE);
    match options.engine {
        EngineChoice::Auto => packed.into_iter().chain(onnx.iter().copied()).collect(),
        EngineChoice::Int8 => packed.into_iter().collect(),
        EngineChoice::Tract => onnx.to_vec(),
    }
}

/// A file stands for itself, and is refused by the engine that cannot run it.
fn read_file(path: &Path, options: &TaggerOptions) -> Result<ModelFile, TaggerError> {
    let found = read_found(path)?;
    let engine = match found {
        Found::Onnx(_) => EngineChoice::Tract,
        Found::Packed(_) => EngineChoice::Int8,
    };
    if options.engine != EngineChoice::Auto && options.engine != engine {
        return Err(TaggerError::OtherEngine { path: path.into(), needs: engine });
    }
    let inside = match &found {
        Found::Onnx(proto) => card_inside(path, proto)?,
        Found::Packed(_) => None,
    };
    let card = match inside {
        Some(card) => card,
        None => card_file(&path.with_file_name(Card::FILE_NAME))?
            .ok_or_else(|| TaggerError::NoCard { path: path.into() })?,
    };
    Ok(ModelFile { path: path.into(), card, found })
}

/// By what the file begins with.
fn read_found(path: &Path) -> Result<Found, TaggerError> {
    let bytes = read_limited(path)?;
    if bytes.starts_with(&crate::packed::MAGIC) {
        return Ok(Found::Packed(bytes));
    }
    Ok(Found::Onnx(Box::new(proto_of(path, &bytes)?)))
}

pub(super) fn read_proto(path: &Path) -> Result<ModelProto, TaggerError> {
    proto_of(path, &read_limited(path)?)
}

fn proto_of(path: &Path, mut bytes: &[u8]) -> Result<ModelProto, TaggerError> {
    let not_onnx = |reason: String| TaggerError::NotOnnx { path: path.into(), reason };
    let proto = super::guard(|| tract_onnx::onnx().proto_model_for_read(&mut bytes)).map_err(not_onnx)?;
    // Almost any few bytes are some protobuf message.
    if proto.graph.as_ref().is_none_or(|graph| graph.node.is_empty()) {
        return Err(not_onnx("it holds no graph".into()));
    }
    Ok(proto)
}

fn read_limited(path: &Path) -> Result<Vec<u8>, TaggerError> {
    let io = |source| TaggerError::Io { path: path.into(), source };
    let too_large = |bytes| TaggerError::TooLarge { path: path.into(), bytes, limit: MAX_BYTES };
    let file = File::open(path).map_err(io)?;
    let size = file.metadata().map_err(io)?.len();
    if size > MAX_BYTES {
        return Err(too_large(size));
    }
    let mut bytes = Vec::with_capacity(size as usize);
    // The file may grow, or be a device without a size.
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > MAX_BYTES { Err(too_large(bytes.len() as u64)) } else { Ok(bytes) }
}

fn card_inside(path: &Path, proto: &ModelProto) -> Result<Option<Card>, TaggerError> {
    let entry = proto.metadata_props.iter().find(|entry| entry.key == Card::METADATA_KEY);
    entry.map(|entry| checked(path, &entry.value)).transpose()
}

fn card_file(path: &Path) -> Result<Option<Card>, TaggerError> {
    if !path.is_file() {
        return Ok(None);
    }
    let json = String::from_utf8_lossy(&read_limited(path)?).into_owned();
    checked(path, &json).map(Some)
}

fn checked(path: &Path, json: &str) -> Result<Card, TaggerError> {
    let card = Card::parse(json).and_then(|card: Card| -> Result<Card, CardError> {
        card.validate()?;
        Ok(card)
    });
    card.map_err(|source| TaggerError::Card { path: path.into(), source })
}

/// Weights in files of their own: only beside the ONNX file, which may name any path.
pub(super) struct Beside(pub PathBuf);

impl ModelDataResolver for Beside {
    fn read_bytes_from_path(
        &self,
        buffer: &mut Vec<u8>,
        path: &Path,
        offset: usize,
        length: Option<usize>,
    ) -> TractResult<()> {
        let inside: Vec<_> =
            path.strip_prefix(&self.0).map(|path| path.components().collect()).unwrap_or_default();
        let [Component::Normal(name)] = inside[..] else {
            bail!("weights in {path:?}, which is not beside the file")
        };
        let bytes = read_limited(&self.0.join(name))?;
        let end = length.map_or(Some(bytes.len()), |length| offset.checked_add(length));
        let part = end.and_then(|end| bytes.get(offset..end));
        buffer.extend_from_slice(part.with_context(|| format!("{name:?} ends before the weights do"))?);
        Ok(())
    }
}
