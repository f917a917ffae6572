//! On a GPU: every network gives the CPU's logits and gradients, and its gradients are those of finite differences.
//!
//! `cargo test -p trainer --features cuda --test gradients_cuda`. Without the feature the tests are skipped by name, but
//! for one that holds what they do to the CPU.

use candle_core::{Device, Result, Tensor};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::HashMap;
use trainer::net::{Architecture, Budget, Dice, Layer, Model, Net, Network, PAPER_POOLS, load};
use trainer::train::loss::masked_bce;

const TAGS: usize = 3;
const CLIPS: usize = 4;

/// The real layers, kernels, pools and window, but few channels.
fn small(model: Model) -> Architecture {
    let mut a = Architecture::new(model, Budget::M0_1, 96, &PAPER_POOLS, TAGS).unwrap();
    let narrow = |width: usize| if width == 1 || width == 96 { width } else { 5 };
    let (last, bands) = (a.layers.len() - 1, 96);
    let mut flattened = false;
    for (i, layer) in a.layers.iter_mut().enumerate() {
        match layer {
            Layer::Time(l) => {
                // k1c2's first fully connected layer takes all bands of every channel.
                let first_of_k1c2 = model == Model::K1c2 && !std::mem::replace(&mut flattened, true);
                l.inputs = if first_of_k1c2 { 5 * bands } else { narrow(l.inputs) };
                l.outputs = if i == last { TAGS } else { 5 };
            }
            Layer::Plane(l) => (l.inputs, l.outputs) = (narrow(l.inputs), 5),
            Layer::Recurrent(l) => (l.inputs, l.outputs) = (5, 5),
            Layer::LastState { width } | Layer::Attention { width } => *width = 5,
        }
    }
    a.check().unwrap();
    a
}

fn random(shape: &[usize], seed: u64, device: &Device) -> Result<Tensor> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::from_vec(values, shape, &Device::Cpu)?.to_device(device)
}

struct Trial {
    network: Net,
    x: Tensor,
    targets: Tensor,
}

impl Trial {
    fn new(model: Model, device: &Device) -> Result<Self> {
        let architecture = small(model);
        let x = random(&[CLIPS, 96, architecture.receptive_field()], 1, device)?;
        let targets = random(&[CLIPS, TAGS, 1], 2, device)?.affine(0.5, 0.5)?;
        Ok(Self { network: Net::new(&architecture, 3, device)?, x, targets })
    }

    fn logits(&mut self) -> Result<Tensor> {
        self.network.forward_train(&self.x, Dice { seed: 7, step: 11 })
    }

    fn loss(&mut self) -> Result<Tensor> {
        let logits = self.logits()?;
        masked_bce(&logits, &self.targets, &self.targets.ones_like()?)
    }

    fn gradients(&mut self) -> Result<HashMap<String, Vec<f32>>> {
        let gradients = self.loss()?.backward()?;
        let named = self.network.parameters().into_iter().map(|(name, var)| {
            let gradient = gradients.get(&var).expect("a gradient").to_device(&Device::Cpu)?;
            Ok((name, gradient.flatten_all()?.to_vec1::<f32>()?))
        });
        named.collect()
    }
}

fn largest(values: impl Iterator<Item = f32>) -> f32 {
    values.fold(0.0, |top, v| top.max(v.abs()))
}

fn equals_the_cpu(model: Model, device: &Device) -> Result<()> {
    let (mut here, mut there) = (Trial::new(model, &Device::Cpu)?, Trial::new(model, device)?);
    let numbers = |t: &mut Trial| -> Result<Vec<f32>> {
        t.logits()?.to_device(&Device::Cpu)?.flatten_all()?.to_vec1::<f32>()
    };
    let (a, b) = (numbers(&mut here)?, numbers(&mut there)?);
    let difference = largest(a.iter().zip(&b).map(|(a, b)| a - b));
    assert!(difference < 1e-3, "{model}: logits differ by {difference}");
    let (a, b) = (here.gradients()?, there.gradients()?);
    for (name, a) in &a {
        let scale = largest(a.iter().copied()).max(1e-3);
        let difference = largest(a.iter().zip(&b[name]).map(|(a, b)| a - b));
        assert!(difference < 5e-3 * scale, "{model} {name}: gradients differ by {difference} of {scale}");
    }
    // What is moved from one to the other and back is the same network.
    let values: HashMap<String, Tensor> = there
        .network
        .parameters()
        .into_iter()
        .map(|(n, v)| (n, v.as_detached_tensor()))
        .chain(there.network.buffers())
        .collect();
    load(&mut here.network, &values)?;
    let evaluate = |t: &Trial| -> Result<Vec<f32>> {
        t.network.forward(&t.x)?.to_device(&Device::Cpu)?.flatten_all()?.to_vec1::<f32>()
    };
    let difference = largest(evaluate(&here)?.iter().zip(evaluate(&there)?).map(|(a, b)| a - b));
    assert!(difference < 1e-3, "{model}: evaluated logits differ by {difference}");
    Ok(())
}

fn equals_finite_differences(model: Model, device: &Device) -> Result<()> {
    let mut trial = Trial::new(model, device)?;
    let gradients = trial.gradients()?;
    let mut rng = ChaCha8Rng::seed_from_u64(17);
    for (name, var) in trial.network.parameters() {
        let values = var.to_device(&Device::Cpu)?.flatten_all()?.to_vec1::<f32>()?;
        let gradient = &gradients[&name];
        let scale = largest(gradient.iter().copied()).max(1e-3);
        let (probes, step) = (12, 2e-3f32);
        let mut wrong = 0;
        for _ in 0..probes {
            let i = rng.random_range(0..values.len());
            let mut at = |delta: f32| -> Result<f32> {
                let mut moved = values.clone();
                moved[i] += delta;
                var.set(&Tensor::from_vec(moved, var.shape(), device)?)?;
                trial.loss()?.to_scalar::<f32>()
            };
            let difference = (at(step)? - at(-step)?) / (2.0 * step);
            // A step across the kink of a maximum is wrong by right; a wrong gradient is wrong everywhere.
            wrong += usize::from((difference - gradient[i]).abs() > 0.03 * scale);
        }
        var.set(&Tensor::from_vec(values, var.shape(), device)?)?;
        assert!(wrong * 4 <= probes, "{model} {name}: {wrong} of {probes} differ from finite differences");
    }
    Ok(())
}

#[test]
fn a_second_network_on_the_cpu_is_the_same() -> Result<()> {
    Model::ALL.into_iter().try_for_each(|model| equals_the_cpu(model, &Device::Cpu))
}

#[test]
#[cfg_attr(not(feature = "cuda"), ignore = "needs --features cuda and an NVIDIA GPU")]
fn networks_on_a_gpu_equal_those_on_the_cpu() -> Result<()> {
    let device = Device::new_cuda(0)?;
    Model::ALL.into_iter().try_for_each(|model| equals_the_cpu(model, &device))
}

#[test]
#[cfg_attr(not(feature = "cuda"), ignore = "needs --features cuda and an NVIDIA GPU")]
fn networks_on_a_gpu_equal_finite_differences() -> Result<()> {
    let device = Device::new_cuda(0)?;
    Model::ALL.into_iter().try_for_each(|model| equals_finite_differences(model, &device))
}
