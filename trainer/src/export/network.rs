//! k2c1's two graphs.
//!
//! Both take `melgram` float32 [batch, mel_bands, frames] in decibel and give `tags` [batch, windows, tags]
//! (probabilities) and `embedding` [batch, windows, width]. The int8 one differs by the DequantizeLinear before its
//! weights and biases and the QuantizeLinear/DequantizeLinear pairs after pooling and after ELU. They stand
//! after the pooling, where there is a quarter to round; rounding and taking the maximum may change places.

use super::build::{Dim, Graph, float, int, ints, value};
use super::onnx_proto::ModelProto;
use crate::net::{Architecture, Folded, Layer, TimeLayer};
use crate::quantise::{Affine, Quantised};
use prost::Message;

/// Key under which the card stands in the ONNX metadata.
pub const CARD_KEY: &str = "minim.card";

/// The float network as the bytes of an ONNX file with `card` (JSON) in its metadata.
pub fn float_model(folded: &Folded, card: &str) -> Vec<u8> {
    let mut graph = Graph::default();
    let mut x = "melgram".to_string();
    let mut embedding = x.clone();
    for (i, layer) in folded.layers.iter().enumerate() {
        let name = format!("layer{}", i + 1);
        let shape = &layer.layer;
        let weight = graph.floats(
            &format!("{name}.weight"),
            &[shape.outputs, shape.inputs, shape.kernel],
            &layer.weight,
        );
        let bias = graph.floats(&format!("{name}.bias"), &[shape.outputs], &layer.bias);
        embedding = x.clone();
        x = convolve_and_pool(&mut graph, &name, shape, [&x, &weight, &bias]);
        if layer.elu {
            x = elu(&mut graph, &name, &x);
        }
    }
    finish(graph, &folded.architecture, &x, &embedding, card).encode_to_vec()
}

/// The integer network as the bytes of an ONNX file with `card` (JSON) in its metadata.
pub fn int8_model(quantised: &Quantised, card: &str) -> Vec<u8> {
    let mut graph = Graph::default();
    // The input is on the grid of the front end's codes already where it matters; rounding it here makes the file
    // mean the same for every other caller.
    let mut x = round(&mut graph, "melgram.code", "melgram", &quantised.input);
    let mut embedding = x.clone();
    for (i, layer) in quantised.layers.iter().enumerate() {
        let name = format!("layer{}", i + 1);
        let shape = &layer.layer;
        let integers = graph.int8s(
            &format!("{name}.weight.int8"),
            &[shape.outputs, shape.inputs, shape.kernel],
            &layer.weight,
        );
        let scales = graph.floats(&format!("{name}.weight.scale"), &[shape.outputs], &layer.weight_scale);
        let weight = dequantise(&mut graph, &format!("{name}.weight"), &integers, &scales);
        let integers = graph.int32s(&format!("{name}.bias.int32"), &[shape.outputs], &layer.bias);
        let scales = graph.floats(&format!("{name}.bias.scale"), &[shape.outputs], &layer.bias_scale);
        let bias = dequantise(&mut graph, &format!("{name}.bias"), &integers, &scales);
        embedding = x.clone();
        x = convolve_and_pool(&mut graph, &name, shape, [&x, &weight, &bias]);
        x = round(&mut graph, &format!("{name}.pooled.int8"), &x, &layer.pooled);
        if let Some(activated) = &layer.activated {
            x = elu(&mut graph, &name, &x);
            x = round(&mut graph, &format!("{name}.elu.int8"), &x, activated);
        }
    }
    finish(graph, &quantised.architecture, &x, &embedding, card).encode_to_vec()
}

fn convolve_and_pool(graph: &mut Graph, name: &str, layer: &TimeLayer, inputs: [&str; 3]) -> String {
    let x = graph.node("Conv", &inputs, &format!("{name}.conv"), vec![ints("kernel_shape", &[layer.kernel])]);
    if layer.pool == 1 {
        return x;
    }
    let attributes = vec![ints("kernel_shape", &[layer.pool]), ints("strides", &[layer.pool])];
    graph.node("MaxPool", &[&x], &format!("{name}.pool"), attributes)
}

fn elu(graph: &mut Graph, name: &str, x: &str) -> String {
    graph.node("Elu", &[x], &format!("{name}.elu"), vec![float("alpha", 1.0)])
}

fn dequantise(graph: &mut Graph, name: &str, integers: &str, scales: &str) -> String {
    graph.node("DequantizeLinear", &[integers, scales], name, vec![int("axis", 0)])
}

/// To int8 and back.
fn round(graph: &mut Graph, name: &str, x: &str, affine: &Affine) -> String {
    let scale = graph.floats(&format!("{name}.scale"), &[], &[affine.scale]);
    let zero = graph.int8s(&format!("{name}.zero"), &[], &[affine.zero_point]);
    let integers = graph.node("QuantizeLinear", &[x, &scale, &zero], name, vec![]);
    graph.node("DequantizeLinear", &[&integers, &scale, &zero], &format!("{name}.real"), vec![])
}

fn finish(
    mut graph: Graph,
    architecture: &Architecture,
    logits: &str,
    embedding: &str,
    card: &str,
) -> ModelProto {
    let last = architecture.layers.last().and_then(Layer::time).expect("the last layer gives the logits");
    let p = graph.node("Sigmoid", &[logits], "probability", vec![]);
    graph.node("Transpose", &[&p], "tags", vec![ints("perm", &[0, 2, 1])]);
    graph.node("Transpose", &[embedding], "embedding", vec![ints("perm", &[0, 2, 1])]);
    let batch = Dim::Named("batch");
    let input = value("melgram", &[batch, Dim::Fixed(architecture.mel_bands), Dim::Named("frames")]);
    let output = |name, width| value(name, &[Dim::Named("batch"), Dim::Named("windows"), Dim::Fixed(width)]);
    graph.model(
        &architecture.network.to_string(),
        vec![input],
        vec![output("tags", last.outputs), output("embedding", last.inputs)],
        &[(CARD_KEY, card)],
    )
}
