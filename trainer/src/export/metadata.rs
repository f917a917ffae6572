//! The card inside an ONNX file, replaced without touching the network.

use super::CARD_KEY;
use super::onnx_proto::{ModelProto, StringStringEntryProto};
use prost::Message;

/// The file's bytes with another card in its metadata.
///
/// # Errors
/// When they are no ONNX model.
pub fn with_card(model: &[u8], card: &str) -> Result<Vec<u8>, prost::DecodeError> {
    let mut model = ModelProto::decode(model)?;
    model.metadata_props.retain(|entry| entry.key.as_deref() != Some(CARD_KEY));
    let entry = StringStringEntryProto { key: Some(CARD_KEY.into()), value: Some(card.into()) };
    model.metadata_props.insert(0, entry);
    Ok(model.encode_to_vec())
}
