//! Reading and writing of single ONNX nodes and tensors.

use super::activation::FakeQuant;
use tract_onnx::data_resolver::ModelDataResolver;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::{AttributeProto, NodeProto, TensorProto, tensor_proto};
use tract_onnx::tensor::load_tensor;
use tract_onnx::tract_hir::internal::*;

pub(super) fn is_op(node: &NodeProto, name: &str) -> bool {
    node.op_type == name && matches!(&*node.domain, "" | "ai.onnx")
}

pub(super) fn is_elu(node: &NodeProto) -> bool {
    let alpha = node.attribute.iter().find(|attribute| attribute.name == "alpha");
    is_op(node, "Elu") && alpha.is_none_or(|alpha| alpha.f == 1.0)
}

pub(super) fn only_output(node: &NodeProto) -> Option<&str> {
    match &node.output[..] {
        [output] if !output.is_empty() => Some(output),
        _ => None,
    }
}

pub(super) fn ints<'n>(node: &'n NodeProto, name: &str) -> Option<&'n [i64]> {
    node.attribute.iter().find(|attribute| attribute.name == name).map(|attribute| &attribute.ints[..])
}

pub(super) fn int(node: &NodeProto, name: &str, default: i64) -> i64 {
    node.attribute.iter().find(|attribute| attribute.name == name).map_or(default, |attribute| attribute.i)
}

/// One axis, windows of `size` every `stride`, no padding and no dilation.
pub(super) fn has_plain_windows(node: &NodeProto, size: i64, stride: i64) -> bool {
    has_plain_windows_of(node, &[size], &[stride])
}

/// The same with a size and a stride per axis.
pub(super) fn has_plain_windows_of(node: &NodeProto, size: &[i64], stride: &[i64]) -> bool {
    has_windows_of(node, size, stride, &vec![0; 2 * size.len()])
}

/// The same with this padding: before on every axis, then after.
pub(super) fn has_windows_of(node: &NodeProto, size: &[i64], stride: &[i64], pads: &[i64]) -> bool {
    let (ones, zeros) = (vec![1; size.len()], vec![0; 2 * size.len()]);
    let is = |name, default: &[i64], want: &[i64]| ints(node, name).unwrap_or(default) == want;
    let auto_pad = node.attribute.iter().find(|attribute| attribute.name == "auto_pad");
    is("kernel_shape", size, size)
        && is("strides", &ones, stride)
        && is("dilations", &ones, &ones)
        && is("pads", &zeros, pads)
        && auto_pad.is_none_or(|auto_pad| match &auto_pad.s[..] {
            b"NOTSET" => true,
            // Says that there is none, whatever stands beside it.
            b"VALID" => pads == zeros,
            _ => false,
        })
}

/// Data in other files are left to the reader.
struct NoFiles;

impl ModelDataResolver for NoFiles {
    fn read_bytes_from_path(
        &self,
        _: &mut Vec<u8>,
        _: &std::path::Path,
        _: usize,
        _: Option<usize>,
    ) -> TractResult<()> {
        bail!("data in another file")
    }
}

pub(super) fn load(tensor: &TensorProto) -> Option<Tensor> {
    load_tensor(&NoFiles, tensor, None).ok()
}

pub(super) fn as_floats(tensor: &Tensor) -> Option<Vec<f32>> {
    let tensor = tensor.cast_to::<f32>().ok()?;
    Some(tensor.try_as_plain_ram().ok()?.as_slice::<f32>().ok()?.to_vec())
}

pub(super) fn single(tensor: &TensorProto) -> Option<f32> {
    match as_floats(&load(tensor)?)?[..] {
        [number] => Some(number),
        _ => None,
    }
}

pub(super) fn float_proto(name: String, tensor: &Tensor) -> Option<TensorProto> {
    Some(TensorProto {
        name,
        dims: tensor.shape().iter().map(|&size| size as i64).collect(),
        data_type: tensor_proto::DataType::Float as i32,
        raw_data: as_floats(tensor)?.iter().flat_map(|value| value.to_le_bytes()).collect(),
        ..TensorProto::default()
    })
}

pub(super) fn int_attribute(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::Int as i32,
        i: value,
        ..AttributeProto::default()
    }
}

pub(super) fn quant_attribute(name: &str, quant: FakeQuant) -> AttributeProto {
    let floats = vec![quant.scale, quant.zero_point, quant.lowest];
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::Floats as i32,
        floats,
        ..AttributeProto::default()
    }
}
