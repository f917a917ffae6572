//! The two graphs of a network.
//!
//! Both take `melgram` float32 in decibel: [batch, mel_bands, frames] with any number of frames where the network slides,
//! giving `tags` [batch, windows, tags] (probabilities) and `embedding` [batch, windows, width]; else frames of one
//! window, giving `tags` [batch, tags] and `embedding` [batch, width]. The int8 one differs by the DequantizeLinear
//! before weights and biases and the QuantizeLinear/DequantizeLinear pairs after pooling and after ELU. They stand
//! after the pooling, where there is a quarter to round; rounding and taking the maximum may change places.

use super::build::{Dim, Graph, ints, value};
use super::layers::{Flow, Weights};
use super::onnx_proto::ModelProto;
use crate::net::folded::FoldedLayer;
use crate::net::{Architecture, Folded, Layer};
use crate::quantise::{Quantised, QuantisedLayer};
use prost::Message;

/// Key under which the card stands in the ONNX metadata.
pub const CARD_KEY: &str = "minim.card";

/// Name of the output with attention's weights.
pub const ATTENTION: &str = "attention";

/// The float network as the bytes of an ONNX file with `card` (JSON) in its metadata.
pub fn float_model(folded: &Folded, card: &str) -> Vec<u8> {
    let mut graph = Graph::default();
    let mut x = Flow::enter(&mut graph, &folded.architecture, folded.centre());
    let mut embedding = x.clone();
    for (i, layer) in folded.layers.iter().enumerate() {
        let name = format!("layer{}", i + 1);
        match layer {
            FoldedLayer::Conv(layer) => {
                x = x.for_conv(&mut graph, &name, &layer.shape);
                embedding = x.clone();
                let weight = graph.floats(&format!("{name}.weight"), &layer.shape.dims(), &layer.weight);
                let bias = graph.floats(&format!("{name}.bias"), &[layer.shape.outputs()], &layer.bias);
                x = x.convolve_and_pool(&mut graph, &name, &layer.shape, [&weight, &bias]);
                if layer.elu {
                    x = x.elu(&mut graph, &name);
                }
            }
            FoldedLayer::Recurrent(layer) => {
                let weights = [Weights::Float(&layer.weight_ih), Weights::Float(&layer.weight_hh)];
                x = x.gru(&mut graph, &name, layer, weights);
            }
            FoldedLayer::LastState => x = x.last_state(&mut graph, &name),
            FoldedLayer::Attention(layer) => {
                x = x.attention(&mut graph, &name, layer, &Weights::Float(&layer.weight));
            }
        }
    }
    finish(graph, &folded.architecture, &x, &embedding, card).encode_to_vec()
}

/// The integer network as the bytes of an ONNX file with `card` (JSON) in its metadata.
pub fn int8_model(quantised: &Quantised, card: &str) -> Vec<u8> {
    let mut graph = Graph::default();
    let centre = quantised.centre.as_ref().map(|centre| &centre.mean[..]);
    // The input is on the grid of the front end's codes already where it matters; rounding it here makes the file
    // mean the same for every other caller.
    let mut x = Flow::enter(&mut graph, &quantised.architecture, centre).round(
        &mut graph,
        "melgram.code",
        &quantised.entry(),
    );
    let mut embedding = x.clone();
    for (i, layer) in quantised.layers.iter().enumerate() {
        let name = format!("layer{}", i + 1);
        match layer {
            QuantisedLayer::Conv(layer) => {
                if let Some(input) = &layer.input {
                    x = x.round(&mut graph, &format!("{name}.input.int8"), input);
                }
                x = x.for_conv(&mut graph, &name, &layer.shape);
                embedding = x.clone();
                let dims = layer.shape.dims();
                let weight = graph.int8_rows(
                    &format!("{name}.weight"),
                    &dims,
                    0,
                    &layer.weight.integers,
                    &layer.weight.scales,
                );
                let integers = graph.int32s(&format!("{name}.bias.int32"), &dims[..1], &layer.bias);
                let scales = graph.floats(&format!("{name}.bias.scale"), &dims[..1], &layer.bias_scale);
                let bias = graph.dequantise(&format!("{name}.bias"), &integers, &scales, 0);
                x = x.convolve_and_pool(&mut graph, &name, &layer.shape, [&weight, &bias]);
                x = x.round(&mut graph, &format!("{name}.pooled.int8"), &layer.pooled);
                if let Some(activated) = &layer.activated {
                    x = x.elu(&mut graph, &name);
                    x = x.round(&mut graph, &format!("{name}.elu.int8"), activated);
                }
            }
            QuantisedLayer::Recurrent { float, ih, hh } => {
                x = x.gru(&mut graph, &name, float, [Weights::Int8(ih), Weights::Int8(hh)]);
            }
            QuantisedLayer::LastState => x = x.last_state(&mut graph, &name),
            QuantisedLayer::Attention { float, weight } => {
                x = x.attention(&mut graph, &name, float, &Weights::Int8(weight));
            }
        }
    }
    finish(graph, &quantised.architecture, &x, &embedding, card).encode_to_vec()
}

fn finish(
    mut graph: Graph,
    architecture: &Architecture,
    logits: &Flow,
    embedding: &Flow,
    card: &str,
) -> ModelProto {
    let last = architecture.layers.last().and_then(Layer::time).expect("the last layer gives the logits");
    let p = graph.node("Sigmoid", &[&logits.name], "probability", vec![]);
    let batch = || Dim::Named("batch");
    let (frames, leading) = match architecture.window_frames {
        None => {
            graph.node("Transpose", &[&p], "tags", vec![ints("perm", &[0, 2, 1])]);
            graph.node("Transpose", &[&embedding.name], "embedding", vec![ints("perm", &[0, 2, 1])]);
            (Dim::Named("frames"), Some("windows"))
        }
        Some(frames) => {
            // One window: the axis of time has size 1.
            graph.node("Flatten", &[&p], "tags", vec![]);
            graph.node("Flatten", &[&embedding.name], "embedding", vec![]);
            (Dim::Fixed(frames), None)
        }
    };
    let input = value("melgram", &[batch(), Dim::Fixed(architecture.mel_bands), frames]);
    let output = |name, width| {
        let dims: Vec<Dim<'_>> =
            std::iter::once(batch()).chain(leading.map(Dim::Named)).chain([Dim::Fixed(width)]).collect();
        value(name, &dims)
    };
    let mut outputs = vec![output("tags", last.outputs), output("embedding", last.inputs)];
    outputs.extend(attention_steps(architecture).map(|steps| output(ATTENTION, steps)));
    graph.model(&architecture.network.to_string(), vec![input], outputs, &[(CARD_KEY, card)])
}

/// Steps that attention weighs, where there is attention.
pub fn attention_steps(architecture: &Architecture) -> Option<usize> {
    let at = architecture.layers.iter().position(|layer| matches!(layer, Layer::Attention { .. }))?;
    Some(architecture.shapes().get(at)?[2])
}
