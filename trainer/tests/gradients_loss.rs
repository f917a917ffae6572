//! Gradients of the losses against finite differences, for several windows of a crop and labels that are missing.

use candle_core::{Device, Tensor};
use trainer::train::loss::{LogitScale, Loss, Objective};
use trainer::train::{LabelledClip, TrainConfig};

mod finite;

#[test]
fn losses_have_the_gradients_of_what_they_compute() {
    let logits = finite::random(&[4, 3, 5], 1).unwrap();
    // A target for all five answers of a crop, and one for each.
    let labels = [1, 5].map(|answers| {
        let targets: Vec<f32> = (0..12 * answers).map(|i| [0.0, 0.003, 0.4, 0.97, 1.0][i % 5]).collect();
        let weights: Vec<f32> = (0..12 * answers).map(|i| [1.0, 0.0, 2.0][i % 3]).collect();
        [targets, weights].map(|v| Tensor::from_vec(v, (4, 3, answers), &Device::Cpu).unwrap())
    });
    let (one, two) = ([0.01, 0.5, 0.2], [0.3, 0.6, 0.2]);
    let clips = [LabelledClip::whole(&[0], &one), LabelledClip::whole(&[0], &two)];
    for loss in [Loss::Bce, Loss::Logit, Loss::Mixed] {
        for logit_scale in [LogitScale::None, LogitScale::Tags] {
            for temperature in [1.0, 2.5] {
                let config =
                    TrainConfig { loss, logit_scale, temperature, logit_share: 0.3, ..Default::default() };
                let objective = Objective::new(&config, &clips, &Device::Cpu).unwrap();
                for [targets, weights] in &labels {
                    let name = format!("{loss:?} {logit_scale:?} {temperature} {:?}", targets.shape());
                    finite::check(&name, &logits, &mut || objective.of(&logits, targets, weights), 40)
                        .unwrap();
                }
            }
        }
    }
}
