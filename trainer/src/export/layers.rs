//! Layers as ONNX nodes.

use super::build::{Graph, float, int, ints};
use super::network::ATTENTION;
use crate::net::folded::{ConvShape, FoldedAttention, FoldedGru};
use crate::net::{Architecture, Layer};
use crate::quantise::{Affine, Int8Rows};

/// How values lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lying {
    /// [batch, channels, frames].
    OverTime,
    /// [batch, channels, bands, frames].
    Plane,
    /// [steps, batch, channels], as GRU has it.
    Steps,
}

/// Values on their way through the graph.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    pub name: String,
    lying: Lying,
    /// Channels, bands (1 without a plane), frames (0 where any number can be).
    shape: [usize; 3],
    /// Frames of zeros that the next convolution is to add to its own padding.
    padding: [usize; 2],
}

/// Weights of a product.
pub(super) enum Weights<'a> {
    Float(&'a [f32]),
    Int8(&'a Int8Rows),
}

impl Flow {
    /// The graph's input, centred.
    pub fn enter(graph: &mut Graph, architecture: &Architecture, centre: Option<&[f32]>) -> Self {
        let (bands, frames) = (architecture.mel_bands, architecture.window_frames.unwrap_or(0));
        let mut x = Self {
            name: "melgram".into(),
            lying: Lying::OverTime,
            shape: [bands, 1, frames],
            padding: architecture.pad_frames,
        };
        if let Some(mean) = centre {
            let mean = graph.floats("melgram.mean", &[1, bands, 1], mean);
            x.name = graph.node("Sub", &[&x.name, &mean], "melgram.centred", vec![]);
        }
        if let Some(Layer::Plane(_)) = architecture.layers.first() {
            let axes = graph.int64s("plane.axes", &[1], &[1]);
            x.name = graph.node("Unsqueeze", &[&x.name, &axes], "plane", vec![]);
            (x.lying, x.shape) = (Lying::Plane, [1, bands, frames]);
        }
        x
    }

    fn with(&self, name: String) -> Self {
        Self { name, ..self.clone() }
    }

    /// To int8 and back.
    pub fn round(&self, graph: &mut Graph, name: &str, affine: &Affine) -> Self {
        let scale = graph.floats(&format!("{name}.scale"), &[], &[affine.scale]);
        let zero = graph.int8s(&format!("{name}.zero"), &[], &[affine.zero_point]);
        let integers = graph.node("QuantizeLinear", &[&self.name, &scale, &zero], name, vec![]);
        let real = format!("{name}.real");
        self.with(graph.node("DequantizeLinear", &[&integers, &scale, &zero], &real, vec![]))
    }

    pub fn elu(&self, graph: &mut Graph, name: &str) -> Self {
        self.with(graph.node("Elu", &[&self.name], &format!("{name}.elu"), vec![float("alpha", 1.0)]))
    }

    /// As a convolution of that shape wants it.
    pub fn for_conv(&self, graph: &mut Graph, name: &str, shape: &ConvShape) -> Self {
        match shape {
            ConvShape::Time(_) => self.over_time(graph, name),
            ConvShape::Plane(_) => self.clone(),
        }
    }

    /// Bands as further channels.
    fn over_time(&self, graph: &mut Graph, name: &str) -> Self {
        if self.lying != Lying::Plane {
            return self.clone();
        }
        let [channels, bands, frames] = self.shape;
        let shape = [0, (channels * bands) as i64, frames as i64];
        let shape = graph.int64s(&format!("{name}.flat.shape"), &[3], &shape);
        let flat = graph.node("Reshape", &[&self.name, &shape], &format!("{name}.flat"), vec![]);
        Self { lying: Lying::OverTime, shape: [channels * bands, 1, frames], ..self.with(flat) }
    }

    pub fn convolve_and_pool(
        &self,
        graph: &mut Graph,
        name: &str,
        shape: &ConvShape,
        [weight, bias]: [&str; 2],
    ) -> Self {
        let (kernel, pads, pool) = match shape {
            ConvShape::Time(l) => (vec![l.kernel], None, vec![l.pool]),
            ConvShape::Plane(l) => {
                let before = l.kernel.map(|k| (k - 1) / 2);
                let after = l.kernel.map(|k| k / 2);
                let [start, end] = self.padding;
                // The window's own padding is of the same zeros.
                let pads = [before[0], before[1] + start, after[0], after[1] + end];
                (l.kernel.to_vec(), Some(pads), l.pool.to_vec())
            }
        };
        let mut attributes = vec![ints("kernel_shape", &kernel)];
        attributes.extend(pads.map(|pads| ints("pads", &pads)));
        let inputs = [&self.name, weight, bias];
        let mut out = graph.node("Conv", &inputs, &format!("{name}.conv"), attributes);
        if pool.iter().any(|&size| size > 1) {
            let attributes = vec![ints("kernel_shape", &pool), ints("strides", &pool)];
            out = graph.node("MaxPool", &[&out], &format!("{name}.pool"), attributes);
        }
        let [_, bands, frames] = self.shape;
        let shape = match shape {
            ConvShape::Time(l) => [l.outputs, 1, (frames + 1).saturating_sub(l.kernel) / l.pool],
            ConvShape::Plane(l) => {
                let frames = frames + self.padding[0] + self.padding[1];
                [l.outputs, bands / l.pool[0], frames / l.pool[1]]
            }
        };
        Self { name: out, shape, padding: [0, 0], ..*self }
    }

    pub fn gru(&self, graph: &mut Graph, name: &str, layer: &FoldedGru, [ih, hh]: [Weights<'_>; 2]) -> Self {
        let x = self.steps(graph, name);
        let (inputs, width) = (layer.layer.inputs, layer.layer.outputs);
        let w = gates(graph, &format!("{name}.weight_ih"), &ih, inputs);
        let r = gates(graph, &format!("{name}.weight_hh"), &hh, width);
        let biases = [update_first(&layer.bias_ih, width), update_first(&layer.bias_hh, width)].concat();
        let b = graph.floats(&format!("{name}.bias"), &[1, 6 * width], &biases);
        // Ours and PyTorch's form has the reset gate after the product.
        let attributes = vec![int("hidden_size", width as i64), int("linear_before_reset", 1)];
        let states = graph.node("GRU", &[&x.name, &w, &r, &b], &format!("{name}.gru"), attributes);
        // [steps, directions, batch, width].
        let axes = graph.int64s(&format!("{name}.axes"), &[1], &[1]);
        let name = graph.node("Squeeze", &[&states, &axes], &format!("{name}.states"), vec![]);
        Self { name, shape: [width, 1, x.shape[2]], ..x }
    }

    fn steps(&self, graph: &mut Graph, name: &str) -> Self {
        if self.lying == Lying::Steps {
            return self.clone();
        }
        let x = self.over_time(graph, name);
        let perm = vec![ints("perm", &[2, 0, 1])];
        let steps = graph.node("Transpose", &[&x.name], &format!("{name}.steps"), perm);
        Self { name: steps, lying: Lying::Steps, ..x }
    }

    pub fn last_state(&self, graph: &mut Graph, name: &str) -> Self {
        let x = self.steps(graph, name);
        let steps = x.shape[2] as i64;
        let starts = graph.int64s(&format!("{name}.start"), &[1], &[steps - 1]);
        let ends = graph.int64s(&format!("{name}.end"), &[1], &[steps]);
        let axes = graph.int64s(&format!("{name}.axes"), &[1], &[0]);
        let last = graph.node("Slice", &[&x.name, &starts, &ends, &axes], &format!("{name}.last"), vec![]);
        let perm = vec![ints("perm", &[1, 2, 0])];
        let name = graph.node("Transpose", &[&last], &format!("{name}.state"), perm);
        Self { name, lying: Lying::OverTime, shape: [x.shape[0], 1, 1], ..x }
    }

    pub fn attention(
        &self,
        graph: &mut Graph,
        name: &str,
        layer: &FoldedAttention,
        weight: &Weights<'_>,
    ) -> Self {
        let x = self.steps(graph, name);
        let width = layer.width;
        let node = |graph: &mut Graph, op: &str, inputs: &[&str], output: &str, attributes| {
            graph.node(op, inputs, &format!("{name}.{output}"), attributes)
        };
        let h = node(graph, "Transpose", &[&x.name], "rows", vec![ints("perm", &[1, 0, 2])]);
        // Transposed here and not by a node: onnxruntime 1.23 moves that across the DequantizeLinear and loses its type.
        let (w, dims) = (format!("{name}.weight"), [width, width]);
        let w = match weight {
            Weights::Float(values) => graph.floats(&w, &dims, &transposed(values, width)),
            Weights::Int8(rows) => {
                graph.int8_rows(&w, &dims, 1, &transposed(&rows.integers, width), &rows.scales)
            }
        };
        let bias = graph.floats(&format!("{name}.bias"), &[width], &layer.bias);
        let score = graph.floats(&format!("{name}.score"), &[width, 1], &layer.score);
        let hidden = node(graph, "MatMul", &[&h, &w], "product", vec![]);
        let hidden = node(graph, "Add", &[&hidden, &bias], "sum", vec![]);
        let hidden = node(graph, "Tanh", &[&hidden], "hidden", vec![]);
        let scores = node(graph, "MatMul", &[&hidden, &score], "scores", vec![]);
        let weights = node(graph, "Softmax", &[&scores], "weights", vec![int("axis", 1)]);
        graph.node("Flatten", &[&weights], ATTENTION, vec![]);
        // The weighted mean of the states: [batch, width, steps] times [batch, steps, 1].
        let across = node(graph, "Transpose", &[&x.name], "columns", vec![ints("perm", &[1, 2, 0])]);
        let context = node(graph, "MatMul", &[&across, &weights], "context", vec![]);
        Self { name: context, lying: Lying::OverTime, shape: [width, 1, 1], ..x }
    }
}

/// A GRU's weights as ONNX has them: [1, 3 width, columns], gates in the order z, r, h.
fn gates(graph: &mut Graph, name: &str, weights: &Weights<'_>, columns: usize) -> String {
    match weights {
        Weights::Float(values) => {
            let gates = values.len() / columns;
            graph.floats(name, &[1, gates, columns], &update_first(values, gates / 3 * columns))
        }
        Weights::Int8(rows) => {
            let gates = rows.scales.len();
            let integers = update_first(&rows.integers, gates / 3 * columns);
            let scales = update_first(&rows.scales, gates / 3);
            graph.int8_rows(name, &[1, gates, columns], 1, &integers, &scales)
        }
    }
}

/// Gates r, z, n, each of `size` values, in ONNX's order z, r, n.
fn update_first<T: Copy>(values: &[T], size: usize) -> Vec<T> {
    [&values[size..2 * size], &values[..size], &values[2 * size..]].concat()
}

/// Rows of `columns` values as columns.
fn transposed<T: Copy>(values: &[T], columns: usize) -> Vec<T> {
    (0..columns).flat_map(|column| values.iter().skip(column).step_by(columns).copied()).collect()
}
