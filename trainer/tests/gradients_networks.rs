//! Gradients of whole networks against finite differences: every parameter of all five.

mod differences;
mod small;

use candle_core::{Device, Result, Tensor, Var};
use differences::{random, values};
use small::{MODELS, narrow};
use trainer::net::{Architecture, Budget, Dice, Layer, Model, Net, Network, PAPER_POOLS};
use trainer::train::loss::masked_bce;

const TAGS: usize = 3;

/// The network with its own kernels and layers, but planes, pools and channels small enough to probe. Dropout stays.
fn tiny(model: Model) -> Architecture {
    let plain = |bands| Architecture::new(model, Budget::M0_1, bands, &PAPER_POOLS, TAGS).unwrap();
    let (mut a, frames, pools, hidden): (_, _, &[[usize; 2]], &[usize]) = match model {
        Model::K1c2 => (plain(96), 36, &[[1, 2], [1, 3], [1, 2], [1, 3]], &[2, 3, 3, 2, 4, 3]),
        Model::K2c1 => {
            let mut a = Architecture::k2c1(Budget::M0_1, 6, &[2, 2, 1, 1], TAGS).unwrap();
            narrow(&mut a, &[4, 4, 4, 5, 5, 5, 5]);
            return a;
        }
        Model::K2c2 => (plain(96), 48, &[[2, 2], [1, 2], [2, 2], [2, 3], [1, 2]], &[2, 3, 3, 4, 3]),
        Model::Crnn | Model::CrnnAttention => {
            (plain(96), 34, &[[2, 2], [3, 2], [1, 1], [2, 2]], &[2, 3, 3, 4, 3, 3, 3])
        }
    };
    a.mel_bands = pools.iter().map(|pool| pool[0]).product();
    a.window_frames = Some(frames);
    if a.pad_frames != [0, 0] {
        a.pad_frames = [3, 3];
    }
    if model == Model::K1c2 {
        a.mel_bands = 4;
    }
    let planes = a.layers.iter_mut().filter_map(|l| if let Layer::Plane(l) = l { Some(l) } else { None });
    for (layer, &pool) in planes.zip(pools) {
        layer.pool = pool;
    }
    narrow(&mut a, hidden);
    a
}

/// Compares `d loss / d var` with central differences at up to `PROBES` elements. A maximum that changes its place
/// within a step makes a kink, where both are right and differ: a few may.
fn check(name: &str, var: &Var, loss: &mut dyn FnMut() -> Result<Tensor>) -> Result<()> {
    const PROBES: usize = 20;
    let gradient = values(loss()?.backward()?.get(var).expect("a gradient"));
    let start = values(var);
    let scale = gradient.iter().fold(1e-3f32, |most, g| most.max(g.abs()));
    let (mut probes, mut wrong) = (0, 0);
    for i in (0..start.len()).step_by(start.len().div_ceil(PROBES)) {
        let mut at = |delta: f32| -> Result<f32> {
            let mut moved = start.clone();
            moved[i] += delta;
            var.set(&Tensor::from_vec(moved, var.shape(), &Device::Cpu)?)?;
            loss()?.to_scalar::<f32>()
        };
        // Of two steps one is enough: the long one is too rough where the loss bends, and short ones drown in rounding.
        let mut near = |step: f32| -> Result<bool> {
            let difference = (at(step)? - at(-step)?) / (2.0 * step);
            Ok((difference - gradient[i]).abs() <= 0.02 * scale)
        };
        probes += 1;
        wrong += usize::from(!near(4e-3)? && !near(1e-3)?);
    }
    var.set(&Tensor::from_vec(start, var.shape(), &Device::Cpu)?)?;
    assert!(wrong * 10 <= probes, "{name}: {wrong} of {probes} gradients differ from finite differences");
    Ok(())
}

fn whole_network(model: Model) -> Result<()> {
    let architecture = tiny(model);
    let mut network = Net::new(&architecture, 3, &Device::Cpu)?;
    // Two windows, and norms that do not all scale by one: some turn the order of values around.
    let frames = architecture.receptive_field() + architecture.stride();
    let x = random(&[6, architecture.mel_bands, frames], 9)?.as_detached_tensor(); // data: nobody asks for its gradient
    for (i, (name, var)) in network.parameters().into_iter().enumerate() {
        if name.ends_with("gamma") || name.ends_with("beta") || name.ends_with("bias") {
            let drawn = random(var.dims(), 20 + i as u64)?;
            let drawn = if name.ends_with("gamma") {
                (drawn.sign()? + drawn.affine(0.5, 0.0)?)?
            } else {
                drawn.affine(0.3, 0.0)?
            };
            var.set(&drawn)?;
        }
    }
    let targets = random(&[6, TAGS, 1], 10)?.affine(0.5, 0.5)?;
    let labelled = random(&[6, TAGS, 1], 11)?.ge(-0.5)?.to_dtype(candle_core::DType::F32)?;
    let parameters = network.parameters();
    assert!(parameters.len() > architecture.layers.len());
    for (name, var) in parameters {
        let mut loss = || {
            let logits = network.forward_train(&x, Dice { seed: 1, step: 0 })?;
            masked_bce(&logits, &targets, &labelled)
        };
        check(&format!("{model} {name}"), &var, &mut loss)?;
    }
    Ok(())
}

#[test]
fn k1c2() -> Result<()> {
    whole_network(Model::K1c2)
}

#[test]
fn k2c1() -> Result<()> {
    whole_network(Model::K2c1)
}

#[test]
fn k2c2() -> Result<()> {
    whole_network(Model::K2c2)
}

#[test]
fn crnn() -> Result<()> {
    whole_network(Model::Crnn)
}

#[test]
fn crnn_attention() -> Result<()> {
    whole_network(Model::CrnnAttention)
}

#[test]
fn small_networks_are_the_networks() {
    for model in MODELS {
        let (paper, tiny) = (small::small(model, 5), tiny(model));
        let kinds = |a: &Architecture| a.layers.iter().map(std::mem::discriminant).collect::<Vec<_>>();
        assert_eq!(kinds(&paper), kinds(&tiny));
        let kernels = |a: &Architecture| -> Vec<_> {
            a.layers.iter().map(|l| if let Layer::Plane(l) = l { l.kernel } else { [0, 0] }).collect()
        };
        assert_eq!(kernels(&paper), kernels(&tiny));
    }
}
