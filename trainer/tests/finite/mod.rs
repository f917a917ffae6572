//! What the tests of gradients share.

use candle_core::{Device, Result, Tensor, Var};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Values in -1..1.
pub fn random(shape: &[usize], seed: u64) -> Result<Var> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random_range(-1.0..1.0)).collect();
    Var::from_vec(values, shape, &Device::Cpu)
}

/// Largest absolute difference of two tensors, in units of the second's largest value.
#[allow(dead_code)] // not every test that shares this file asks for it
pub fn apart(a: &Tensor, b: &Tensor) -> Result<f32> {
    assert_eq!(a.dims(), b.dims());
    let largest = |t: Tensor| t.abs()?.flatten_all()?.max(0)?.to_scalar::<f32>();
    Ok(largest((a - b)?)? / largest(b.clone())?.max(1e-6))
}

/// Compares `d loss / d var` with central differences at some of the variable's elements.
pub fn check(name: &str, var: &Var, loss: &mut dyn FnMut() -> Result<Tensor>, probes: usize) -> Result<()> {
    let gradient = loss()?.backward()?.get(var).expect("a gradient").flatten_all()?.to_vec1::<f32>()?;
    let values = var.flatten_all()?.to_vec1::<f32>()?;
    let mut rng = ChaCha8Rng::seed_from_u64(17);
    let scale = gradient.iter().fold(1e-3f32, |m, g| m.max(g.abs()));
    let step = 2e-3f32;
    let mut wrong = 0;
    for _ in 0..probes {
        let i = rng.random_range(0..values.len());
        let mut at = |delta: f32| -> Result<f32> {
            let mut moved = values.clone();
            moved[i] += delta;
            var.set(&Tensor::from_vec(moved, var.shape(), &Device::Cpu)?)?;
            loss()?.to_scalar::<f32>()
        };
        let difference = (at(step)? - at(-step)?) / (2.0 * step);
        if (difference - gradient[i]).abs() > 0.02 * scale {
            wrong += 1; // a step across the kink of a maximum is wrong by right; a wrong gradient is wrong everywhere
        }
    }
    var.set(&Tensor::from_vec(values, var.shape(), &Device::Cpu)?)?;
    assert!(wrong * 20 <= probes, "{name}: {wrong} of {probes} gradients differ from finite differences");
    Ok(())
}
