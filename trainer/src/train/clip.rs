//! Gradients kept from being too long.

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor, Var};

/// Scales all gradients of `parameters` by `most / max(norm, most)`, where `norm` is the Euclidean norm of all of them
/// together. The factor stays on the device: nothing waits for it.
///
/// # Errors
/// When candle fails.
pub fn clip_norm(gradients: &mut GradStore, parameters: &[(String, Var)], most: f64) -> Result<()> {
    let mut squares: Option<Tensor> = None;
    for (_, var) in parameters {
        if let Some(gradient) = gradients.get(var) {
            let own = gradient.detach().sqr()?.sum_all()?;
            squares = Some(match squares {
                Some(so_far) => (so_far + own)?,
                None => own,
            });
        }
    }
    let Some(squares) = squares else { return Ok(()) };
    let norm = squares.sqrt()?;
    let most = Tensor::full(most as f32, (), norm.device())?;
    let factor = most.div(&norm.maximum(&most)?)?;
    for (_, var) in parameters {
        if let Some(gradient) = gradients.remove(var) {
            gradients.insert(var, gradient.detach().broadcast_mul(&factor)?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    /// Gradients 3 and 4: norm 5.
    fn clipped(most: f64) -> Vec<f32> {
        let make = |v: f32| Var::from_slice(&[v], 1, &Device::Cpu).unwrap();
        let parameters = vec![("a".to_string(), make(3.0)), ("b".to_string(), make(4.0))];
        let [a, b] = [&parameters[0].1, &parameters[1].1].map(|v| (v.sqr().unwrap() * 0.5).unwrap());
        let mut gradients = (a + b).unwrap().sum_all().unwrap().backward().unwrap();
        clip_norm(&mut gradients, &parameters, most).unwrap();
        parameters.iter().map(|(_, v)| gradients.get(v).unwrap().to_vec1::<f32>().unwrap()[0]).collect()
    }

    #[test]
    fn long_gradients_are_shortened_together_and_short_ones_left() {
        assert_eq!(clipped(5.1), [3.0, 4.0]);
        let got = clipped(1.0);
        assert!((got[0] - 0.6).abs() < 1e-6 && (got[1] - 0.8).abs() < 1e-6, "{got:?}");
    }

    #[test]
    fn what_is_not_a_number_is_not_hidden() {
        let var = Var::from_slice(&[f32::NAN], 1, &Device::Cpu).unwrap();
        let parameters = vec![("a".to_string(), var.clone())];
        let mut gradients = var.sqr().unwrap().sum_all().unwrap().backward().unwrap();
        clip_norm(&mut gradients, &parameters, 1.0).unwrap();
        assert!(gradients.get(&var).unwrap().to_vec1::<f32>().unwrap()[0].is_nan());
    }
}
