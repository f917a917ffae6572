//! What the tests of gradients share: seeded tensors, and finite differences sharp enough for smooth functions.

use candle_core::backprop::GradStore;
use candle_core::{Device, Result, Tensor, Var};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Uniform in -1..1, from `seed` alone.
pub fn random(shape: &[usize], seed: u64) -> Result<Var> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random_range(-1.0..1.0)).collect();
    Var::from_vec(values, shape, &Device::Cpu)
}

/// The elements in order.
pub fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap()
}

/// The largest |a - b|.
#[allow(dead_code)] // not every test that shares this file asks for it
pub fn largest_difference(a: &Tensor, b: &Tensor) -> f32 {
    assert_eq!(a.dims(), b.dims());
    values(a).iter().zip(values(b)).fold(0.0, |most, (a, b)| most.max((a - b).abs()))
}

/// Gradients of `sum of weigh * y`.
#[allow(dead_code)] // nor for this
pub fn gradients(y: &Tensor, weigh: &Tensor) -> Result<GradStore> {
    (y * weigh)?.sum_all()?.backward()
}

/// Holds the gradient of `sum of weigh * f()` in `var` to differences of fourth order at every element, or at `probes`
/// of them spread evenly; the tolerance is relative to the tensor's largest gradient.
#[allow(dead_code)] // nor for this
pub fn check_smooth(name: &str, var: &Var, weigh: &Tensor, probes: usize, f: &dyn Fn() -> Result<Tensor>) {
    const STEP: f32 = 2e-2;
    const TOLERANCE: f64 = 1e-3;
    let gradient = values(gradients(&f().unwrap(), weigh).unwrap().get(var).expect("a gradient"));
    let (start, weigh) = (values(var), values(weigh));
    let scale = gradient.iter().fold(1e-2, |most: f64, g| most.max(f64::from(g.abs())));
    let set =
        |values: Vec<f32>| var.set(&Tensor::from_vec(values, var.shape(), &Device::Cpu).unwrap()).unwrap();
    let loss = |i: usize, delta: f32| -> (f64, f64) {
        let mut moved = start.clone();
        moved[i] += delta;
        let at = moved[i];
        set(moved);
        let sum =
            values(&f().unwrap()).iter().zip(&weigh).map(|(y, w)| f64::from(*y) * f64::from(*w)).sum::<f64>();
        (f64::from(at), sum)
    };
    for i in (0..start.len()).step_by(start.len().div_ceil(probes)) {
        // By the steps that were really made: a float cannot move by exactly as much as one would like.
        let slope = |delta| {
            let ((high, up), (low, down)) = (loss(i, delta), loss(i, -delta));
            (up - down) / (high - low)
        };
        let difference = (4.0 * slope(STEP) - slope(2.0 * STEP)) / 3.0;
        let gradient = f64::from(gradient[i]);
        assert!(
            (difference - gradient).abs() <= TOLERANCE * scale,
            "{name}[{i}]: gradient {gradient}, finite difference {difference}, largest gradient {scale}"
        );
    }
    set(start);
}
