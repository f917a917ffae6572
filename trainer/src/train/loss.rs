//! Binary cross-entropy over tags, some of which may not be labelled.

use candle_core::{DType, Result, Tensor};

/// Mean binary cross-entropy of `logits` [batch, tags, windows] against `targets` [batch, tags] in 0..1, each weighted by
/// `weights` [batch, tags] (0 where a tag is not labelled); a scalar, divided by the sum of the weights in use.
///
/// Written as max(x, 0) - x t + log(1 + exp(-|x|)), which stays finite for any logit.
///
/// # Errors
/// When shapes do not fit.
pub fn masked_bce(logits: &Tensor, targets: &Tensor, weights: &Tensor) -> Result<Tensor> {
    let windows = logits.dim(2)?;
    let (targets, weights) = (targets.unsqueeze(2)?, weights.unsqueeze(2)?);
    let soft = (logits.abs()?.neg()?.exp()? + 1.0)?.log()?;
    let each = ((logits.relu()? - logits.broadcast_mul(&targets)?)? + soft)?;
    let total = (weights.sum_all()?.to_dtype(DType::F32)? * windows as f64)?.clamp(1e-9, f64::MAX)?;
    each.broadcast_mul(&weights)?.sum_all()?.div(&total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    fn loss(logits: &[f32], targets: &[f32], weights: &[f32]) -> f32 {
        let t = |v: &[f32]| Tensor::from_slice(v, (1, v.len()), &Device::Cpu).unwrap();
        masked_bce(&t(logits).unsqueeze(2).unwrap(), &t(targets), &t(weights)).unwrap().to_scalar().unwrap()
    }

    #[test]
    fn equals_the_definition_and_leaves_out_what_has_no_label() {
        let want = -(0.7f32 * (1.0 / (1.0 + (-1.5f32).exp())).ln()
            + 0.3 * (1.0 - 1.0 / (1.0 + (-1.5f32).exp())).ln());
        assert!((loss(&[1.5], &[0.7], &[1.0]) - want).abs() < 1e-6);
        assert!((loss(&[1.5, 40.0], &[0.7, 0.0], &[1.0, 0.0]) - want).abs() < 1e-6);
        assert_eq!(loss(&[3.0], &[0.0], &[0.0]), 0.0);
    }

    #[test]
    fn extreme_logits_stay_finite() {
        assert!((loss(&[1e4, -1e4], &[0.0, 1.0], &[1.0, 1.0]) - 1e4).abs() < 1.0);
        assert_eq!(loss(&[1e4, -1e4], &[1.0, 0.0], &[1.0, 1.0]), 0.0);
    }
}
