//! A trial of a search: trained up to a rung, from where it stopped at the one before.

use super::drive::{RungRecord, Trial};
use crate::compare::record::CHECKPOINT;
use crate::material::{Material, Watch};
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Trains a trial in `folder` up to `until` epochs in all. Nothing when `stop` came before. The test clips are not looked
/// at.
///
/// # Errors
/// Why there is no network, or no validation AUC.
pub fn train_until(
    material: &Material<'_>,
    trial: &Trial,
    folder: &Path,
    until: usize,
    stop: &AtomicBool,
    watch: &dyn Watch,
) -> Result<Option<RungRecord>, String> {
    let mut progress = watch.begin(&trial.to_string(), until);
    let (state, stopped) = material
        .fit_until(&trial.run, until, &folder.join(CHECKPOINT), stop, &mut *progress)
        .map_err(|e| e.to_string())?;
    if stopped {
        return Ok(None);
    }
    let history = state.history.iter().filter(|record| record.epoch <= until);
    let best = history.clone().filter_map(|record| Some((record.epoch, record.merit()?)));
    let best =
        best.filter(|(_, auc)| auc.is_finite()).fold(None, |best: Option<(usize, f64)>, now| match best {
            Some(so_far) if so_far.1 >= now.1 => best,
            _ => Some(now),
        });
    let (best_epoch, validation_auc) =
        best.ok_or("no tag has both a positive and a negative validation clip")?;
    Ok(Some(RungRecord {
        epochs: until,
        trained: history.clone().count(),
        validation_auc,
        best_epoch,
        seconds: history.map(|record| record.seconds).sum(),
    }))
}
