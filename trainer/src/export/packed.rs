//! From `model.int8.onnx` to `model.bin`.
//!
//! The ONNX file says everything about the integers, so the packed model is made from it and from nothing else: what a
//! device runs is what was measured. Nodes are followed from the input on, as any reader would follow them.

use super::CARD_KEY;
use super::onnx_proto::{GraphProto, ModelProto, NodeProto, TensorProto, tensor_proto::DataType};
use prost::Message;
use runtime::card::{Card, CardError};
use runtime::packed::{Affine, LayerParts, ModelParts, PackedError, Rescale, TABLE_BYTES};
use std::collections::HashMap;

/// Why a file cannot be packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The bytes are no ONNX model.
    #[error("not an ONNX file: {0}")]
    NotOnnx(#[from] prost::DecodeError),
    /// No card inside.
    #[error("no card in the file's metadata (\"minim.card\")")]
    NoCard,
    /// The card makes no sense.
    #[error("the card: {0}")]
    Card(#[from] CardError),
    /// The network is not one that the integer engine runs: convolutions over time, in integers.
    #[error("{0}: only k2c1 in int8, as the trainer exports it, can be packed")]
    Unsupported(String),
    /// The engine's numbers have no room for this.
    #[error("the packed model: {0}")]
    Packed(#[from] PackedError),
}

/// The packed model of an int8 ONNX file with its card inside.
///
/// # Errors
/// When the file is not one of the trainer's int8 k2c1, or damaged.
pub fn packed_model(onnx: &[u8]) -> Result<Vec<u8>, PackError> {
    let model = ModelProto::decode(onnx)?;
    let card = model.metadata_props.iter().find(|entry| entry.key.as_deref() == Some(CARD_KEY));
    let card = Card::parse(card.and_then(|entry| entry.value.as_deref()).ok_or(PackError::NoCard)?)?;
    card.validate()?;
    let graph = model.graph.ok_or_else(|| PackError::Unsupported("there is no graph".into()))?;
    let (input, layers) = Reader::new(&graph).network(&card)?;
    let threshold = |i: usize| card.thresholds.as_ref().and_then(|thresholds| thresholds.get(i).copied());
    let parts = ModelParts {
        name: card.name.clone(),
        mel_config: card.front_end.mel_config()?,
        input,
        layers,
        tags: card.tags.iter().enumerate().map(|(i, tag)| (tag.clone(), threshold(i))).collect(),
    };
    Ok(parts.pack()?)
}

/// A graph whose nodes are looked up by what they take.
struct Reader<'g> {
    constants: HashMap<&'g str, &'g TensorProto>,
    /// The node that makes a value.
    makers: HashMap<&'g str, &'g NodeProto>,
    /// The nodes that take a value as their first input.
    takers: HashMap<&'g str, Vec<&'g NodeProto>>,
}

/// A constant in integers, with a scale for each of its first axis.
struct Int8Tensor {
    integers: Vec<i8>,
    dims: Vec<usize>,
    scales: Vec<f32>,
}

fn unsupported<T>(what: impl Into<String>) -> Result<T, PackError> {
    Err(PackError::Unsupported(what.into()))
}

impl<'g> Reader<'g> {
    fn new(graph: &'g GraphProto) -> Self {
        let constants = graph.initializer.iter().map(|tensor| (tensor.name(), tensor)).collect();
        let made = |node: &'g NodeProto| node.output.iter().map(move |output| (output.as_str(), node));
        let makers = graph.node.iter().flat_map(made).collect();
        let mut takers: HashMap<&str, Vec<&NodeProto>> = HashMap::new();
        for node in &graph.node {
            if let Some(input) = node.input.first() {
                takers.entry(input).or_default().push(node);
            }
        }
        Self { constants, makers, takers }
    }

    /// Layers from the input to the probabilities.
    fn network(&self, card: &Card) -> Result<(Affine, Vec<LayerParts>), PackError> {
        let (mut value, input) = self.rounded(&card.input.name)?;
        let mut layers = Vec::new();
        let mut affine = input;
        let mut inputs = card.front_end.mel_bands;
        loop {
            let (layer, output) = self.layer(value, affine, inputs)?;
            (inputs, affine) = (layer.outputs.into(), layer.output);
            let last = layer.table.is_none();
            layers.push(layer);
            value = output;
            if last {
                break;
            }
        }
        let sigmoid = self.only(value)?;
        let tags = sigmoid.output.first().and_then(|p| self.takers.get(p.as_str())).into_iter().flatten();
        let ends = tags.flat_map(|node| &node.output).any(|output| *output == card.outputs.tags);
        if sigmoid.op_type() != "Sigmoid" || !ends {
            return unsupported("the last layer does not give the tags' probabilities");
        }
        Ok((input, layers))
    }

    /// `Conv`, `MaxPool`, rounding, `Elu`, rounding; returns the layer and what comes out.
    fn layer(
        &self,
        value: &'g str,
        before: Affine,
        inputs: usize,
    ) -> Result<(LayerParts, &'g str), PackError> {
        let conv = self.only_of(value, "Conv")?;
        let name = conv.output[0].trim_end_matches(".conv");
        let [_, weight, bias] = &conv.input[..] else { return unsupported(format!("{name} without a bias")) };
        let plain = |attribute: &str, value: i64| {
            let found = conv.attribute.iter().find(|a| a.name() == attribute);
            found.is_none_or(|a| a.ints.iter().all(|&i| i == value) && (!a.ints.is_empty() || a.i() == value))
        };
        if !plain("pads", 0) || !plain("strides", 1) || !plain("dilations", 1) || !plain("group", 1) {
            return unsupported(format!("{name} pads, strides, dilates or has groups"));
        }
        let Int8Tensor { integers: weights, dims, scales } = self.dequantised_int8(weight)?;
        let [outputs, channels, kernel] = dims[..] else {
            return unsupported(format!("{name} is no convolution over time"));
        };
        if channels != inputs || weights.len() != outputs * channels * kernel || scales.len() != outputs {
            return unsupported(format!("{name}'s weights have another shape than they should"));
        }
        let biases = self.integer_biases(bias)?;
        if biases.len() != outputs {
            return unsupported(format!("{name}'s biases have another shape than they should"));
        }
        let mut out = conv.output[0].as_str();
        let mut pool = 1;
        let behind = self.only(out)?;
        if behind.op_type() == "MaxPool" {
            let sizes = |name: &str| behind.attribute.iter().find(|a| a.name() == name).map(|a| &a.ints[..]);
            match (sizes("kernel_shape"), sizes("strides")) {
                (Some(&[size]), Some(&[stride])) if size == stride => pool = size as usize,
                _ => return unsupported(format!("{name} pools with overlap")),
            }
            out = &behind.output[0];
        }
        let (mut out, pooled) = self.rounded(out)?;
        let mut activated = None;
        if let Some(elu) = self.takers.get(out).and_then(|nodes| nodes.iter().find(|n| n.op_type() == "Elu"))
        {
            if elu.attribute.iter().any(|a| a.name() == "alpha" && a.f() != 1.0) {
                return unsupported(format!("{name}'s ELU has another alpha than 1"));
            }
            let (after, affine) = self.rounded(&elu.output[0])?;
            (out, activated) = (after, Some(affine));
        }
        let small = |number: usize| u8::try_from(number).ok();
        let wide = |number: usize| u16::try_from(number).ok();
        let (Some(kernel_frames), Some(pool), Some(inputs), Some(outputs)) =
            (small(kernel), small(pool), wide(inputs), wide(outputs))
        else {
            return unsupported(format!("{name} is too large"));
        };
        // ONNX has [outputs, inputs, kernel]; a window in memory is [kernel, inputs].
        let rows = weights.chunks_exact(channels * kernel);
        let by_frame: Vec<i8> = rows
            .clone()
            .flat_map(|row| (0..kernel).flat_map(move |k| row.iter().skip(k).step_by(kernel).copied()))
            .collect();
        let rescale = rows
            .zip(biases)
            .zip(scales)
            .map(|((row, bias), scale)| rescale(name, row, bias, scale, before, pooled))
            .collect::<Result<Vec<_>, _>>()?;
        let table = activated.map(|activated| elu_table(pooled, activated));
        let layer = LayerParts {
            inputs,
            outputs,
            kernel: kernel_frames,
            pool,
            weights: by_frame,
            rescale,
            table,
            pooled,
            output: activated.unwrap_or(pooled),
        };
        Ok((layer, out))
    }

    /// The only node that goes on with a value, but for those that end in an output of the graph.
    fn only(&self, value: &str) -> Result<&'g NodeProto, PackError> {
        let nodes = self.takers.get(value).into_iter().flatten();
        let mut nodes = nodes.filter(|node| node.op_type() != "Transpose");
        match (nodes.next(), nodes.next()) {
            (Some(node), None) => Ok(node),
            _ => unsupported(format!("not one node goes on from {value}")),
        }
    }

    fn only_of(&self, value: &str, op: &str) -> Result<&'g NodeProto, PackError> {
        let node = self.only(value)?;
        if node.op_type() == op {
            Ok(node)
        } else {
            unsupported(format!("{value} goes into {}", node.op_type()))
        }
    }

    /// Behind QuantizeLinear and DequantizeLinear of the same scale.
    fn rounded(&self, value: &str) -> Result<(&'g str, Affine), PackError> {
        let quantise = self.only_of(value, "QuantizeLinear")?;
        let back = self.only_of(&quantise.output[0], "DequantizeLinear")?;
        let [_, scale, zero_point] = &quantise.input[..] else {
            return unsupported(format!("{value} is rounded without a zero point"));
        };
        if back.input.get(1..) != Some(&quantise.input[1..]) {
            return unsupported(format!("{value} is rounded to other numbers than are read back"));
        }
        let (scale, zero_point) = (self.floats(scale)?, self.int8s(zero_point)?.1);
        match (&scale[..], &zero_point[..]) {
            (&[scale], &[zero_point]) => Ok((&back.output[0], Affine { scale, zero_point })),
            _ => unsupported(format!("{value} is not rounded as a whole")),
        }
    }

    fn dequantised_int8(&self, value: &str) -> Result<Int8Tensor, PackError> {
        let [integers, scales] = self.dequantised(value)?;
        let (dims, integers) = self.int8s(integers)?;
        Ok(Int8Tensor { integers, dims, scales: self.floats(scales)? })
    }

    fn integer_biases(&self, value: &str) -> Result<Vec<i32>, PackError> {
        let [integers, _] = self.dequantised(value)?;
        let bytes = self.constant(integers, DataType::Int32)?.raw_data();
        Ok(bytes.as_chunks().0.iter().map(|&bytes| i32::from_le_bytes(bytes)).collect())
    }

    /// Integers and scales of a constant.
    fn dequantised(&self, value: &str) -> Result<[&'g str; 2], PackError> {
        match self.makers.get(value) {
            Some(node) if node.op_type() == "DequantizeLinear" && node.input.len() == 2 => {
                Ok([&node.input[0], &node.input[1]])
            }
            _ => unsupported(format!("{value} is not in integers")),
        }
    }

    fn constant(&self, name: &str, kind: DataType) -> Result<&'g TensorProto, PackError> {
        match self.constants.get(name) {
            Some(tensor) if tensor.data_type() == kind as i32 => Ok(tensor),
            _ => unsupported(format!("{name} is no constant of {kind:?}")),
        }
    }

    fn floats(&self, name: &str) -> Result<Vec<f32>, PackError> {
        let bytes = self.constant(name, DataType::Float)?.raw_data();
        Ok(bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect())
    }

    fn int8s(&self, name: &str) -> Result<(Vec<usize>, Vec<i8>), PackError> {
        let tensor = self.constant(name, DataType::Int8)?;
        let dims = tensor.dims.iter().map(|&dim| dim as usize).collect();
        Ok((dims, tensor.raw_data().iter().map(|&byte| byte as i8).collect()))
    }
}

/// How an output's sums of integers become pooled integers.
fn rescale(
    name: &str,
    row: &[i8],
    bias: i32,
    weight_scale: f32,
    before: Affine,
    pooled: Affine,
) -> Result<Rescale, PackError> {
    let weights: i64 = row.iter().map(|&w| i64::from(w)).sum();
    let bias = i64::from(bias) - i64::from(before.zero_point) * weights;
    // Four significant bits and powers of two: a whole number over a power of two, without rounding.
    let factor = f64::from(weight_scale) * f64::from(before.scale) / f64::from(pooled.scale);
    let multiplier = factor * (1u64 << 32) as f64;
    const LARGEST: i64 = 1 << 30;
    let largest = row.iter().map(|&w| i64::from(w).abs() * 128).sum::<i64>() + bias.abs();
    if factor * (largest as f64) < 0.5 {
        // Whatever comes in, it rounds to 0: weights and bias that training has given up.
        return Ok(Rescale { bias: 0, multiplier: 0 });
    }
    if bias.abs() > LARGEST || multiplier.fract() != 0.0 || multiplier >= (1u64 << 31) as f64 {
        return unsupported(format!("{name}'s scales and biases are not those of the trainer's int8"));
    }
    Ok(Rescale { bias: bias as i32, multiplier: multiplier as u32 })
}

/// ELU on integers, as ONNX's Elu between DequantizeLinear and QuantizeLinear has it.
fn elu_table(pooled: Affine, activated: Affine) -> [i8; TABLE_BYTES] {
    std::array::from_fn(|i| {
        let x = pooled.real((i as i16 - 128) as i8);
        let y = if x < 0.0 { x.exp_m1() } else { x };
        let integer = (y / activated.scale).round_ties_even() + f32::from(activated.zero_point);
        integer.clamp(-128.0, 127.0) as i8
    })
}
