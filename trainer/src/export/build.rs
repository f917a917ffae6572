//! Small words for building an ONNX graph.

use super::onnx_proto::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto,
    TensorProto, TensorShapeProto, TypeProto, ValueInfoProto,
    attribute_proto::AttributeType,
    tensor_proto::DataType,
    tensor_shape_proto::{Dimension, dimension},
    type_proto,
};

/// Operators are those of this set; it has per-channel QuantizeLinear and is read by every engine of the last years.
const OPSET: i64 = 17;
/// The file format's version that goes with it.
const IR_VERSION: i64 = 8;

/// One dimension of an input or output.
pub(super) enum Dim<'a> {
    Named(&'a str),
    Fixed(usize),
}

#[derive(Default)]
pub(super) struct Graph {
    nodes: Vec<NodeProto>,
    initialisers: Vec<TensorProto>,
}

impl Graph {
    /// Adds a node named after its output and returns the output's name.
    pub fn node(
        &mut self,
        op: &str,
        inputs: &[&str],
        output: &str,
        attributes: Vec<AttributeProto>,
    ) -> String {
        self.nodes.push(NodeProto {
            op_type: Some(op.into()),
            name: Some(format!("{output}/{op}")),
            input: inputs.iter().map(|s| s.to_string()).collect(),
            output: vec![output.into()],
            attribute: attributes,
            ..Default::default()
        });
        output.into()
    }

    pub fn floats(&mut self, name: &str, dims: &[usize], values: &[f32]) -> String {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.tensor(name, DataType::Float, dims, bytes)
    }

    pub fn int8s(&mut self, name: &str, dims: &[usize], values: &[i8]) -> String {
        self.tensor(name, DataType::Int8, dims, values.iter().map(|&v| v as u8).collect())
    }

    pub fn int32s(&mut self, name: &str, dims: &[usize], values: &[i32]) -> String {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.tensor(name, DataType::Int32, dims, bytes)
    }

    pub fn int64s(&mut self, name: &str, dims: &[usize], values: &[i64]) -> String {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.tensor(name, DataType::Int64, dims, bytes)
    }

    /// Constants as integers with a scale for each place of `axis`.
    pub fn int8_rows(
        &mut self,
        name: &str,
        dims: &[usize],
        axis: usize,
        values: &[i8],
        scales: &[f32],
    ) -> String {
        let integers = self.int8s(&format!("{name}.int8"), dims, values);
        let scales = self.floats(&format!("{name}.scale"), &[scales.len()], scales);
        self.dequantise(name, &integers, &scales, axis)
    }

    /// What integers with a scale for each place of `axis` stand for.
    pub fn dequantise(&mut self, name: &str, integers: &str, scales: &str, axis: usize) -> String {
        self.node("DequantizeLinear", &[integers, scales], name, vec![int("axis", axis as i64)])
    }

    fn tensor(&mut self, name: &str, kind: DataType, dims: &[usize], bytes: Vec<u8>) -> String {
        self.initialisers.push(TensorProto {
            name: Some(name.into()),
            data_type: Some(kind as i32),
            dims: dims.iter().map(|&d| d as i64).collect(),
            raw_data: Some(bytes.into()),
            ..Default::default()
        });
        name.into()
    }

    pub fn model(
        self,
        name: &str,
        inputs: Vec<ValueInfoProto>,
        outputs: Vec<ValueInfoProto>,
        metadata: &[(&str, &str)],
    ) -> ModelProto {
        ModelProto {
            ir_version: Some(IR_VERSION),
            opset_import: vec![OperatorSetIdProto { domain: Some(String::new()), version: Some(OPSET) }],
            producer_name: Some("minim".into()),
            producer_version: Some(env!("CARGO_PKG_VERSION").into()),
            graph: Some(GraphProto {
                name: Some(name.into()),
                node: self.nodes,
                initializer: self.initialisers,
                input: inputs,
                output: outputs,
                ..Default::default()
            }),
            metadata_props: metadata
                .iter()
                .map(|(k, v)| StringStringEntryProto { key: Some(k.to_string()), value: Some(v.to_string()) })
                .collect(),
            ..Default::default()
        }
    }
}

/// A float32 input or output.
pub(super) fn value(name: &str, dims: &[Dim<'_>]) -> ValueInfoProto {
    let dim = dims
        .iter()
        .map(|dim| Dimension {
            value: Some(match dim {
                Dim::Named(name) => dimension::Value::DimParam(name.to_string()),
                Dim::Fixed(size) => dimension::Value::DimValue(*size as i64),
            }),
            ..Default::default()
        })
        .collect();
    let tensor =
        type_proto::Tensor { elem_type: Some(DataType::Float as i32), shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto {
        name: Some(name.into()),
        r#type: Some(TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..Default::default() }),
        ..Default::default()
    }
}

pub(super) fn ints(name: &str, values: &[usize]) -> AttributeProto {
    AttributeProto {
        name: Some(name.into()),
        r#type: Some(AttributeType::Ints as i32),
        ints: values.iter().map(|&v| v as i64).collect(),
        ..Default::default()
    }
}

pub(super) fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: Some(name.into()),
        r#type: Some(AttributeType::Int as i32),
        i: Some(value),
        ..Default::default()
    }
}

pub(super) fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto {
        name: Some(name.into()),
        r#type: Some(AttributeType::Float as i32),
        f: Some(value),
        ..Default::default()
    }
}
