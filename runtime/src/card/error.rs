//! What can be wrong with a card.

use crate::mel::MelError;

/// Why a card cannot be used; names the field.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CardError {
    /// Not JSON, a key is missing or a value has the wrong type.
    #[error("not a card: {0}")]
    Json(#[source] serde_json::Error),
    /// A value makes no sense.
    #[error("{field} {reason}")]
    Field {
        /// Path of the field, as in `input.layout`.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A value may make sense but this code does not do it.
    #[error("{field} is {value}, which is not supported; supported: {supported}")]
    Unsupported {
        /// Path of the field, as in `front_end.window`.
        field: String,
        /// What the card says.
        value: String,
        /// What it may say.
        supported: &'static str,
    },
    /// The front end describes no spectrogram.
    #[error("front_end: {0}")]
    FrontEnd(#[from] MelError),
}

impl CardError {
    pub(super) fn field(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Field { field: field.into(), reason: reason.into() }
    }

    pub(super) fn unsupported(field: &str, value: impl ToString, supported: &'static str) -> Self {
        Self::Unsupported { field: field.into(), value: value.to_string(), supported }
    }
}
