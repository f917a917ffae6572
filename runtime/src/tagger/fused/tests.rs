//! Fused and plain networks say the same.

mod peaks;

use super::*;
use crate::tagger::network::{AxisSize, Network, NetworkSpec};
use proptest::prelude::*;
use std::path::Path;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, TensorShapeProto,
    TypeProto, ValueInfoProto, tensor_shape_proto, type_proto,
};

/// A graph under construction: a chain of layers.
#[derive(Default)]
struct Chain {
    graph: GraphProto,
    /// Last output, and its width.
    end: (String, usize),
    seed: u32,
}

#[derive(Clone, Copy, Debug)]
struct Layer {
    out: usize,
    taps: usize,
    pool: usize,
    elu: bool,
    bias: bool,
}

impl Chain {
    fn new(channels: usize, seed: u32) -> Self {
        let mut chain = Self { end: ("x".into(), channels), seed: seed | 1, ..Self::default() };
        chain.graph.input.push(value_info("x", &[1, channels as i64, -1]));
        chain
    }

    fn random(&mut self, count: usize, scale: f32) -> Vec<f32> {
        let mut next = || {
            self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((self.seed >> 8) as f32 / (1 << 23) as f32 - 1.0) * scale
        };
        (0..count).map(|_| next()).collect()
    }

    fn floats(&mut self, dims: &[usize], values: &[f32]) -> String {
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(dims, DataType::Float, raw)
    }

    fn bytes(&mut self, dims: &[usize], values: &[i8]) -> String {
        self.constant(dims, DataType::Int8, values.iter().map(|&value| value as u8).collect())
    }

    fn constant(&mut self, dims: &[usize], data_type: DataType, raw_data: Vec<u8>) -> String {
        let name = format!("constant{}", self.graph.initializer.len());
        let dims = dims.iter().map(|&size| size as i64).collect();
        let (data_type, name) = (data_type as i32, name);
        self.graph.initializer.push(TensorProto {
            name: name.clone(),
            dims,
            data_type,
            raw_data,
            ..Default::default()
        });
        name
    }

    fn node(&mut self, op: &str, input: &[&str], attribute: Vec<AttributeProto>) -> String {
        let output = format!("{op}{}", self.graph.node.len());
        let input = input.iter().map(|name| (*name).into()).collect();
        let node = NodeProto {
            op_type: op.into(),
            input,
            output: vec![output.clone()],
            attribute,
            ..Default::default()
        };
        self.graph.node.push(node);
        output
    }

    /// Continues the chain.
    fn then(&mut self, op: &str, more: &[&str], attribute: Vec<AttributeProto>) {
        let x = self.end.0.clone();
        self.end.0 = self.node(op, &[&[&*x], more].concat(), attribute);
    }

    fn rounded(&mut self, scale: f32, zero_point: i8) {
        let scale = self.floats(&[], &[scale]);
        let zero_point = self.bytes(&[], &[zero_point]);
        self.then("QuantizeLinear", &[&scale, &zero_point], vec![]);
        self.then("DequantizeLinear", &[&scale, &zero_point], vec![]);
    }

    fn layer(&mut self, layer: Layer, int8: bool, last: bool) {
        let Layer { out, taps, pool, elu, bias } = layer;
        let dims = [out, self.end.1, taps];
        let size = dims.iter().product();
        let reach = (3.0 / (self.end.1 * taps) as f32).sqrt();
        let weight = if int8 {
            let codes: Vec<i8> = self.random(size, 127.0).into_iter().map(|x| x as i8).collect();
            let scales: Vec<f32> =
                self.random(out, 0.3).into_iter().map(|x| (x + 1.0) * reach / 127.0).collect();
            let inputs =
                [self.bytes(&dims, &codes), self.floats(&[out], &scales), self.bytes(&[out], &vec![0; out])];
            self.node("DequantizeLinear", &inputs.each_ref().map(|name| &**name), vec![int("axis", 0)])
        } else {
            let values = self.random(size, reach);
            self.floats(&dims, &values)
        };
        let mut inputs = vec![weight];
        if bias {
            let values = self.random(out, 0.5);
            inputs.push(self.floats(&[out], &values));
        }
        let inputs: Vec<&str> = inputs.iter().map(|name| &**name).collect();
        self.then("Conv", &inputs, vec![ints("kernel_shape", &[taps as i64])]);
        if pool > 1 {
            self.then(
                "MaxPool",
                &[],
                vec![ints("kernel_shape", &[pool as i64]), ints("strides", &[pool as i64])],
            );
        }
        if int8 {
            self.rounded(0.03, 5);
        }
        if elu && !last {
            self.then("Elu", &[], vec![float("alpha", 1.0)]);
            if int8 {
                // No simple fraction of the first scale, or every other value would lie between two steps; and a
                // larger one, so that one step of difference stays one.
                self.rounded(0.0371, -70);
            }
        }
        self.end.1 = out;
    }

    fn model(mut self, outputs: &[&str]) -> ModelProto {
        self.graph.output = outputs.iter().map(|name| value_info(name, &[])).collect();
        let opset_import = vec![OperatorSetIdProto { domain: String::new(), version: 17 }];
        ModelProto { ir_version: 8, opset_import, graph: Some(self.graph), ..Default::default() }
    }
}

fn value_info(name: &str, dims: &[i64]) -> ValueInfoProto {
    let size = |&size: &i64| tensor_shape_proto::Dimension {
        value: Some(match size {
            -1 => tensor_shape_proto::dimension::Value::DimParam("frames".into()),
            _ => tensor_shape_proto::dimension::Value::DimValue(size),
        }),
        ..Default::default()
    };
    let shape = (!dims.is_empty()).then(|| TensorShapeProto { dim: dims.iter().map(size).collect() });
    let tensor = type_proto::Tensor { elem_type: DataType::Float as i32, shape };
    let r#type = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..Default::default() };
    ValueInfoProto { name: name.into(), r#type: Some(r#type), ..Default::default() }
}

fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: AttributeType::Int as i32, i, ..Default::default() }
}

fn float(name: &str, f: f32) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: AttributeType::Float as i32, f, ..Default::default() }
}

fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::Ints as i32,
        ints: ints.into(),
        ..Default::default()
    }
}

/// Runs a network and returns how many chains were fused, and all outputs.
fn run(
    model: &ModelProto,
    channels: usize,
    frames: usize,
    changing: bool,
    fuse: bool,
) -> (usize, Vec<Vec<f32>>) {
    let size = if changing { AxisSize::UpTo(1000) } else { AxisSize::Fixed(frames) };
    let shape = [AxisSize::Fixed(1), AxisSize::Fixed(channels), size];
    let spec = NetworkSpec { input: None, shape: &shape, outputs: &[], fuse };
    let network = Network::new(model.clone(), Path::new("model.onnx"), &spec).unwrap();
    let x: Vec<f32> =
        (0..channels * frames).map(|i| ((i * 7919 % 100_003) as f32) / 33_000.0 - 1.5).collect();
    let outputs = network.run(&[1, channels, frames], &x).unwrap();
    let promised = network.output_shapes(frames).unwrap();
    assert_eq!(promised, outputs.iter().map(|output| output.shape.clone()).collect::<Vec<_>>());
    (network.fused(), outputs.into_iter().map(|output| output.values).collect())
}

fn worst(a: &[Vec<f32>], b: &[Vec<f32>]) -> f32 {
    assert_eq!(a.iter().map(Vec::len).collect::<Vec<_>>(), b.iter().map(Vec::len).collect::<Vec<_>>());
    a.concat().iter().zip(b.concat()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn layers() -> impl Strategy<Value = Vec<Layer>> {
    let layer = (1usize..40, 1usize..5, 1usize..5, any::<bool>(), any::<bool>());
    let layer = layer.prop_map(|(out, taps, pool, elu, bias)| Layer { out, taps, pool, elu, bias });
    proptest::collection::vec(layer, 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn fused_networks_say_what_plain_ones_say(
        layers in layers(), channels in 1usize..30, frames in 250usize..400, changing in any::<bool>(), seed in any::<u32>(),
    ) {
        let mut chain = Chain::new(channels, seed);
        for (i, &layer) in layers.iter().enumerate() {
            chain.layer(layer, false, i + 1 == layers.len());
        }
        let end = chain.end.0.clone();
        let model = chain.model(&[&end]);
        let (count, fused) = run(&model, channels, frames, changing, true);
        let (none, plain) = run(&model, channels, frames, changing, false);
        prop_assert_eq!((count, none), (layers.len(), 0));
        prop_assert!(worst(&fused, &plain) < 1e-5, "{}", worst(&fused, &plain));
    }

    #[test]
    fn rounding_networks_differ_by_a_step_at_most(
        layer in layers().prop_map(|layers| layers[0]), channels in 1usize..30, frames in 20usize..400, seed in any::<u32>(),
        input_rounded in any::<bool>(),
    ) {
        // One layer: in the next ones, a step of difference at the first becomes several.
        let mut chain = Chain::new(channels, seed);
        if input_rounded {
            chain.rounded(0.0123, 7);
        }
        chain.layer(layer, true, false);
        let end = chain.end.0.clone();
        let model = chain.model(&[&end]);
        let (count, fused) = run(&model, channels, frames, true, true);
        let (_, plain) = run(&model, channels, frames, true, false);
        prop_assert_eq!(count, 1);
        let mut rewritten = model.clone();
        rewrite(&mut rewritten);
        prop_assert_eq!(rewritten.graph.map(|graph| graph.node.len()), Some(1));
        prop_assert!(worst(&fused, &plain) < 0.0372, "{}", worst(&fused, &plain));
        let (a, b) = (fused.concat(), plain.concat());
        let different = a.iter().zip(&b).filter(|(a, b)| (*a - *b).abs() > 1e-3).count();
        prop_assert!(different <= 2 + a.len() / 100, "{different} of {}", a.len());
    }
}

const LAYER: Layer = Layer { out: 5, taps: 3, pool: 2, elu: true, bias: true };

#[test]
fn values_that_others_look_at_stay() {
    // The pooled values are an output: the chain ends there, and the ELU is tract's.
    let mut chain = Chain::new(4, 1);
    chain.layer(LAYER, false, false);
    let (pooled, end) = (chain.graph.node[1].output[0].clone(), chain.end.0.clone());
    let model = chain.model(&[&end, &pooled]);
    let (count, fused) = run(&model, 4, 50, false, true);
    assert_eq!(count, 1);
    assert!(worst(&fused, &run(&model, 4, 50, false, false).1) < 1e-5);
}

#[test]
fn what_two_blocks_use_keeps_its_layout() {
    let mut chain = Chain::new(4, 2);
    chain.layer(LAYER, false, false);
    let fork = chain.end.clone();
    chain.layer(LAYER, false, false);
    let left = std::mem::replace(&mut chain.end, fork).0;
    chain.layer(LAYER, false, true);
    let right = chain.end.0.clone();
    let model = chain.model(&[&left, &right]);
    let (count, fused) = run(&model, 4, 60, true, true);
    assert_eq!(count, 3);
    assert!(worst(&fused, &run(&model, 4, 60, true, false).1) < 1e-5);
}

#[test]
fn other_convolutions_are_left_alone() {
    let cases: &[(&str, &[AttributeProto])] = &[
        ("Conv", &[ints("pads", &[1, 1])]),
        ("Conv", &[ints("strides", &[2])]),
        ("Conv", &[ints("dilations", &[2])]),
        (
            "Conv",
            &[AttributeProto {
                s: b"SAME_UPPER".to_vec(),
                r#type: AttributeType::String as i32,
                name: "auto_pad".into(),
                ..Default::default()
            }],
        ),
    ];
    for (op, attributes) in cases {
        let mut chain = Chain::new(4, 3);
        chain.layer(LAYER, false, false);
        let node = chain.graph.node.iter_mut().find(|node| node.op_type == *op).unwrap();
        node.attribute.extend_from_slice(attributes);
        let end = chain.end.0.clone();
        let mut model = chain.model(&[&end]);
        let before = model.clone();
        assert_eq!(rewrite(&mut model), 0, "{attributes:?}");
        assert_eq!(model, before);
    }
}

#[test]
fn convolutions_over_two_axes_are_left_alone_and_those_behind_them_are_not() {
    // [1, 4, frames] as a plane of one channel, two convolutions over it, then bands as channels.
    let mut chain = Chain::new(4, 5);
    let axis = chain.constant(&[1], DataType::Int64, 1i64.to_le_bytes().into());
    chain.then("Unsqueeze", &[&axis], vec![]);
    let mut channels = 1;
    for out in [3, 2] {
        let values = chain.random(out * channels * 9, 0.5);
        let weight = chain.floats(&[out, channels, 3, 3], &values);
        chain.then("Conv", &[&weight], vec![ints("kernel_shape", &[3, 3]), ints("pads", &[1, 1, 1, 1])]);
        chain.then("MaxPool", &[], vec![ints("kernel_shape", &[1, 2]), ints("strides", &[1, 2])]);
        chain.rounded(0.03, 5);
        chain.then("Elu", &[], vec![float("alpha", 1.0)]);
        chain.rounded(0.0371, -70);
        channels = out;
    }
    let shape = [1i64, 8, 12].iter().flat_map(|size| size.to_le_bytes()).collect();
    let shape = chain.constant(&[3], DataType::Int64, shape);
    chain.then("Reshape", &[&shape], vec![]);
    chain.end.1 = 8;
    chain.layer(LAYER, true, false);
    let end = chain.end.0.clone();
    let model = chain.model(&[&end]);
    let mut rewritten = model.clone();
    assert_eq!(rewrite(&mut rewritten), 1);
    let convolutions = |model: &ModelProto| {
        model.graph.iter().flat_map(|graph| &graph.node).filter(|node| node.op_type == "Conv").count()
    };
    assert_eq!((convolutions(&model), convolutions(&rewritten)), (3, 2));
    let (count, fused) = run(&model, 4, 50, false, true);
    assert_eq!(count, 1);
    let (_, plain) = run(&model, 4, 50, false, false);
    assert!(worst(&fused, &plain) < 0.0372, "{}", worst(&fused, &plain));
}

#[test]
fn other_pools_and_elus_end_the_chain() {
    for (op, attribute) in
        [("MaxPool", ints("pads", &[1, 0])), ("MaxPool", int("ceil_mode", 1)), ("Elu", float("alpha", 0.5))]
    {
        let mut chain = Chain::new(4, 4);
        chain.layer(LAYER, false, false);
        let node = chain.graph.node.iter_mut().find(|node| node.op_type == op).unwrap();
        node.attribute.retain(|other| other.name != attribute.name);
        node.attribute.push(attribute);
        let end = chain.end.0.clone();
        let model = chain.model(&[&end]);
        let (count, fused) = run(&model, 4, 51, false, true);
        assert_eq!(count, 1);
        assert!(worst(&fused, &run(&model, 4, 51, false, false).1) < 1e-5, "{op}");
    }
}
