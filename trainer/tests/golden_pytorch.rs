//! Every network against its twin in PyTorch with the same numbers; see tests/golden/pytorch/README.md.

mod small;

use candle_core::{Device, Result, Tensor, safetensors::load};
use small::{MODELS, small};
use std::{collections::HashMap, path::Path};
use trainer::net::ops::dropout::mix;
use trainer::net::{Dice, Model, Net, Network, load as load_network};
use trainer::train::loss::masked_bce;

const TAGS: usize = 4;
const BANDS: usize = 96;

/// What may differ: of logits absolutely, of a gradient relative to the tensor's largest.
const TOLERANCE: f32 = 1e-4;

struct Golden {
    model: Model,
    tensors: HashMap<String, Tensor>,
}

impl Golden {
    fn read(model: Model) -> Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/pytorch");
        let tensors = load(folder.join(format!("{model}.safetensors")), &Device::Cpu)?;
        Ok(Self { model, tensors })
    }

    fn get(&self, name: &str) -> &Tensor {
        self.tensors.get(name).unwrap_or_else(|| panic!("{} has no {name}", self.model))
    }

    fn values(&self, name: &str) -> Vec<f32> {
        values(self.get(name))
    }

    fn integer(&self, name: &str) -> u64 {
        self.get(name).to_vec1::<i64>().unwrap()[0] as u64
    }

    /// Those of one folder, by their names in it.
    fn folder<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a Tensor)> {
        self.tensors
            .iter()
            .filter_map(move |(name, t)| Some((name.strip_prefix(folder)?.strip_prefix('/')?, t)))
    }

    /// The network with the twin's numbers.
    fn network(&self) -> Result<Net> {
        let mut network = Net::new(&small(self.model, TAGS), 1, &Device::Cpu)?;
        let mut numbers = HashMap::new();
        for (name, var) in network.parameters() {
            // The attention's scores are a row there and a vector here; nothing else may differ in shape.
            let theirs = self.get(&format!("parameters/{name}"));
            assert!(theirs.dims() == var.dims() || name.ends_with(".score"), "{name}: {:?}", theirs.shape());
            numbers.insert(name, theirs.reshape(var.shape())?);
        }
        assert_eq!(numbers.len(), self.folder("parameters").count(), "parameters of {}", self.model);
        for (name, tensor) in self.folder("before") {
            numbers.insert(name.to_string(), tensor.clone());
        }
        load_network(&mut network, &numbers)?;
        Ok(network)
    }

    /// Bytes by SplitMix64 of a counter, as make_golden.py makes them.
    fn input(&self) -> Result<Tensor> {
        let frames = self.integer("input_frames") as usize;
        let clips = self.get("targets").dim(0)?;
        let seed = self.integer("input_seed") << 32;
        let code = |i| ((mix(i + seed) & 255) as f32 - 127.5) / 64.0;
        let codes: Vec<f32> = (0..(clips * BANDS * frames) as u64).map(code).collect();
        Tensor::from_vec(codes, (clips, BANDS, frames), &Device::Cpu)
    }

    /// Holds logits, loss and all gradients of a pass to the twin's.
    fn compare(&self, mode: &str, network: &Net, logits: &Tensor) -> Result<()> {
        let name = format!("{} {mode}", self.model);
        assert_eq!(logits.dims(), self.get(&format!("{mode}/logits")).dims(), "{name}");
        let off = difference(&values(logits), &self.values(&format!("{mode}/logits")));
        assert!(off <= TOLERANCE, "{name}: logits differ by {off}");
        let answers = |name: &str| self.get(name).unsqueeze(2);
        let loss = masked_bce(logits, &answers("targets")?, &answers("weights")?)?;
        let off = difference(&values(&loss), &self.values(&format!("{mode}/loss")));
        assert!(off <= TOLERANCE, "{name}: the loss differs by {off}");
        let gradients = loss.backward()?;
        for (parameter, var) in network.parameters() {
            let ours = values(gradients.get(&var).expect("a gradient"));
            let theirs = self.values(&format!("{mode}/gradients/{parameter}"));
            let largest = theirs.iter().fold(0.0f32, |most, g| most.max(g.abs()));
            let off = difference(&ours, &theirs) / largest;
            assert!(largest > 0.0 && off <= TOLERANCE, "{name}: {parameter} differs by {off} of {largest}");
            println!("{name} {parameter}: {off:.1e} of {largest:.1e}");
        }
        Ok(())
    }
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).fold(0.0, |most, (a, b)| most.max((a - b).abs()))
}

#[test]
fn logits_and_gradients_in_evaluation_are_pytorchs() -> Result<()> {
    for model in MODELS {
        let golden = Golden::read(model)?;
        let network = golden.network()?;
        golden.compare("eval", &network, &network.forward(&golden.input()?)?)?;
    }
    Ok(())
}

#[test]
fn logits_and_gradients_in_training_are_pytorchs_and_so_are_the_running_moments() -> Result<()> {
    const MOMENTUM: f32 = 0.1;
    for model in MODELS {
        let golden = Golden::read(model)?;
        let mut network = golden.network()?;
        let logits = network.forward_train(&golden.input()?, Dice { seed: 1, step: 0 })?;
        golden.compare("train", &network, &logits)?;
        let buffers = network.buffers();
        assert_eq!(buffers.len(), golden.folder("after").count());
        for (name, moment) in buffers {
            let before = golden.values(&format!("before/{name}"));
            let mut after = golden.values(&format!("after/{name}"));
            if let Some(layer) = name.strip_suffix(".running_variance") {
                // PyTorch lets a variance divided by n - 1 into its running one, ours is divided by n.
                let n = golden.integer(&format!("counts/{layer}")) as f32;
                for (after, before) in after.iter_mut().zip(&before) {
                    let kept = (1.0 - MOMENTUM) * before;
                    *after = kept + (*after - kept) * (n - 1.0) / n;
                }
            }
            let moved = difference(&after, &before);
            let off = difference(&values(&moment), &after);
            assert!(moved > 1e-3 && off <= 1e-5, "{model} {name}: differs by {off}, moved by {moved}");
        }
    }
    Ok(())
}

/// The comparison notices: the same numbers with one weight changed are another network.
#[test]
fn a_changed_weight_is_noticed() -> Result<()> {
    let golden = Golden::read(Model::Crnn)?;
    let network = golden.network()?;
    let (_, var) = network.parameters().into_iter().find(|(name, _)| name == "layer1.weight").unwrap();
    let mut changed = values(&var);
    changed[0] += 0.01;
    var.set(&Tensor::from_vec(changed, var.shape(), &Device::Cpu)?)?;
    let logits = values(&network.forward(&golden.input()?)?);
    assert!(difference(&logits, &golden.values("eval/logits")) > TOLERANCE);
    Ok(())
}
