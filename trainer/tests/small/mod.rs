//! The five networks with few channels, everything else as it is.

use trainer::net::{Architecture, Budget, GruLayer, Layer, Model, PAPER_POOLS, PlaneLayer, TimeLayer};

pub const MODELS: [Model; 5] = [Model::K1c2, Model::K2c1, Model::K2c2, Model::Crnn, Model::CrnnAttention];

/// The network with the paper's kernels, pools and window, hidden channels as few as tests/golden/pytorch has them.
pub fn small(model: Model, tags: usize) -> Architecture {
    let mut a = Architecture::new(model, Budget::M0_1, 96, &PAPER_POOLS, tags).unwrap();
    for layer in &mut a.layers {
        if let Layer::Plane(l) = layer {
            l.dropout = 0.0;
        }
    }
    let hidden: &[usize] = match model {
        Model::K1c2 => &[2, 2, 3, 3, 3, 3],
        Model::K2c1 => &[4, 4, 4, 5, 5, 5, 5],
        Model::K2c2 => &[2, 3, 3, 4, 5],
        Model::Crnn | Model::CrnnAttention => &[3, 4, 4, 4, 3, 3, 3],
    };
    narrow(&mut a, hidden);
    a
}

/// Gives the hidden layers these channels, and each layer what the one before it gives.
pub fn narrow(a: &mut Architecture, hidden: &[usize]) {
    assert_eq!(hidden.len() + 1, a.layers.len());
    let tags = a.tags();
    let mut bands = a.mel_bands;
    let mut before = 1;
    for (layer, &outputs) in a.layers.iter_mut().zip(hidden.iter().chain([&tags])) {
        // Behind a plane, each band is a channel of its own.
        let inputs = if matches!(layer, Layer::Plane(_)) { before } else { before * bands };
        *layer = match *layer {
            Layer::Plane(l) => {
                bands /= l.pool[0];
                Layer::Plane(PlaneLayer { inputs, outputs, ..l })
            }
            Layer::Time(l) => Layer::Time(TimeLayer { inputs, outputs, ..l }),
            Layer::Recurrent(_) => Layer::Recurrent(GruLayer { inputs, outputs }),
            Layer::LastState { .. } => Layer::LastState { width: inputs },
            Layer::Attention { .. } => Layer::Attention { width: inputs },
        };
        if !matches!(layer, Layer::Plane(_)) {
            bands = 1;
        }
        before = outputs;
    }
    a.check().unwrap();
}
