//! A training run on disk: one safetensors file from which it continues exactly.

use super::batches::LabelledClip;
use super::config::TrainConfig;
use super::time::StepTime;
use crate::net::{Architecture, Standardise};
use candle_core::{Device, Tensor};
use safetensors::tensor::{SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// What one epoch came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// Counted from 1.
    pub epoch: usize,
    /// Mean loss of the epoch's steps.
    pub train_loss: f64,
    /// Loss on the validation clips, by the running moments.
    pub validation_loss: Option<f64>,
    /// Mean AUC on the validation clips.
    pub validation_auc: Option<f64>,
    /// Mean rank correlation with a teacher's labels over the validation clips' segments, where labels are a teacher's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_agreement: Option<f64>,
    /// Wall-clock seconds, of the part after the last resumption.
    pub seconds: f64,
    /// What they were spent on.
    #[serde(default)]
    pub time: StepTime,
}

impl EpochRecord {
    /// What epochs are compared by: agreement with a teacher where the labels are one's, else the AUC.
    pub fn merit(&self) -> Option<f64> {
        self.validation_agreement.or(self.validation_auc)
    }

    /// [`Self::merit`] with its name, for people.
    pub fn merit_text(&self) -> String {
        match (self.validation_agreement, self.validation_auc) {
            (Some(agreement), _) => format!("validation agreement {agreement:.4}"),
            (None, Some(auc)) => format!("validation AUC {auc:.4}"),
            (None, None) => "validation AUC -".into(),
        }
    }
}

/// Everything of a run that is not a tensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    /// Settings.
    pub config: TrainConfig,
    /// Shape of the network.
    pub architecture: Architecture,
    /// Tags in order.
    pub tags: Vec<String>,
    /// Input standardisation, measured on the training clips.
    pub standardise: Standardise,
    /// SHA-256 over the training clips' codes and labels, so that a run is not resumed on other data.
    pub data: String,
    /// Epochs finished.
    pub epoch: usize,
    /// Steps done of the epoch under way.
    pub step: usize,
    /// Loss summed over these steps.
    pub loss_sum: f64,
    /// Steps of the optimiser.
    pub optimiser_steps: usize,
    /// Finished epochs.
    pub history: Vec<EpochRecord>,
    /// Epoch (from 1) whose weights are kept as the best, and its merit: [`EpochRecord::merit`], or the negative validation loss
    /// without one.
    pub best: Option<(usize, f64)>,
}

impl RunState {
    /// A run that has not begun.
    pub fn new(
        config: TrainConfig,
        architecture: Architecture,
        tags: Vec<String>,
        standardise: Standardise,
        data: String,
    ) -> Self {
        Self {
            config,
            architecture,
            tags,
            standardise,
            data,
            epoch: 0,
            step: 0,
            loss_sum: 0.0,
            optimiser_steps: 0,
            history: Vec::new(),
            best: None,
        }
    }
}

/// A run's state with its tensors: parameters and buffers by name, the optimiser's under `adam.`, the best epoch's
/// under `best.`.
pub struct Checkpoint {
    /// What is not a tensor.
    pub state: RunState,
    /// All tensors, float32 on the CPU.
    pub tensors: HashMap<String, Tensor>,
}

/// Why a checkpoint could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The file is not one of ours, or damaged.
    #[error("{} is not a usable checkpoint: {reason}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

const STATE_KEY: &str = "minim.run";

impl Checkpoint {
    /// Writes the checkpoint beside its place, then renames it there: a crash leaves the old one.
    ///
    /// # Errors
    /// When a tensor cannot be read or the file system refuses.
    pub fn write(&self, path: &Path) -> Result<(), CheckpointError> {
        let unusable = |reason: String| CheckpointError::Unusable { path: path.into(), reason };
        let mut names: Vec<&String> = self.tensors.keys().collect();
        names.sort();
        let bytes: Vec<(&String, &[usize], Vec<u8>)> = names
            .into_iter()
            .map(|name| {
                let tensor = &self.tensors[name];
                let values = tensor
                    .flatten_all()
                    .and_then(|t| t.to_vec1::<f32>())
                    .map_err(|e| unusable(e.to_string()))?;
                Ok((name, tensor.dims(), values.iter().flat_map(|v| v.to_le_bytes()).collect()))
            })
            .collect::<Result<_, CheckpointError>>()?;
        let views = bytes.iter().map(|(name, dims, bytes)| {
            TensorView::new(safetensors::Dtype::F32, dims.to_vec(), bytes).map(|view| (name.as_str(), view))
        });
        let views = views.collect::<Result<Vec<_>, _>>().map_err(|e| unusable(e.to_string()))?;
        let state = serde_json::to_string(&self.state).map_err(|e| unusable(e.to_string()))?;
        let metadata = HashMap::from([(STATE_KEY.to_string(), state)]);
        let file = safetensors::serialize(views, Some(metadata)).map_err(|e| unusable(e.to_string()))?;
        crate::files::write_atomically(path, &file)
            .map_err(|source| CheckpointError::Io { path: path.into(), source })
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    /// When there is none, or it is damaged.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let unusable = |reason: String| CheckpointError::Unusable { path: path.into(), reason };
        let file = std::fs::read(path).map_err(|source| CheckpointError::Io { path: path.into(), source })?;
        let (_, metadata) = SafeTensors::read_metadata(&file).map_err(|e| unusable(e.to_string()))?;
        let state = metadata.metadata().as_ref().and_then(|m| m.get(STATE_KEY));
        let state = state.ok_or_else(|| unusable(format!("no `{STATE_KEY}` in its metadata")))?;
        let state = serde_json::from_str(state).map_err(|e| unusable(e.to_string()))?;
        let tensors = SafeTensors::deserialize(&file).map_err(|e| unusable(e.to_string()))?;
        let tensors = tensors
            .iter()
            .map(|(name, view)| {
                if view.dtype() != safetensors::Dtype::F32 {
                    return Err(unusable(format!("`{name}` is not float32")));
                }
                let values: Vec<f32> =
                    view.data().as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
                let tensor = Tensor::from_vec(values, view.shape(), &Device::Cpu)
                    .map_err(|e| unusable(e.to_string()))?;
                Ok((name.to_string(), tensor))
            })
            .collect::<Result<_, CheckpointError>>()?;
        Ok(Self { state, tensors })
    }

    /// The tensors below `prefix`, without it.
    pub fn below(&self, prefix: &str) -> HashMap<String, Tensor> {
        self.tensors
            .iter()
            .filter_map(|(n, t)| Some((n.strip_prefix(prefix)?.to_string(), t.clone())))
            .collect()
    }
}

/// SHA-256 of the clips' lengths, a sample of their codes and their labels: enough to tell another corpus, or another
/// order, without reading all of a corpus larger than memory.
pub fn fingerprint(clips: &[LabelledClip<'_>]) -> String {
    let mut hash = Sha256::new();
    for clip in clips {
        hash.update((clip.codes.len() as u64).to_le_bytes());
        let middle = clip.codes.len() / 2;
        hash.update(&clip.codes[middle..(middle + 64).min(clip.codes.len())]);
        clip.labels.iter().for_each(|l| hash.update(l.to_bits().to_le_bytes()));
        for (span, labels) in clip.windows.iter() {
            hash.update(span.start.to_le_bytes());
            hash.update(span.end.to_le_bytes());
            labels.iter().for_each(|l| hash.update(l.to_bits().to_le_bytes()));
        }
    }
    crate::text::to_hex(&hash.finalize())
}
