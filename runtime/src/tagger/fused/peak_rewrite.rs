//! Finds peaks in an ONNX graph: `Conv -> [Relu] -> [BatchNormalization] -> ReduceMax` over the last axis, where nobody
//! else looks at what is between two nodes. The convolution is over one plane, without strides, dilation or groups, padded
//! with rows at most, and everything but its input is constant.

use super::peak_op::{OP_TYPE, RECTIFY, ROWS_AFTER, ROWS_BEFORE};
use super::proto::{float_proto, has_windows_of, int, int_attribute, ints, is_op, only_output};
use super::rewrite::{Names, drop_unused, take_out};
use std::collections::HashSet;
use tract_onnx::pb::{GraphProto, NodeProto, TensorProto};
use tract_onnx::tract_hir::internal::*;

/// Puts one node in the place of each peak and returns their number.
pub(super) fn rewrite_peaks(graph: &mut GraphProto) -> usize {
    let names = Names::of(graph);
    let found: Vec<Found> = (0..graph.node.len()).filter_map(|i| find(&names, i)).collect();
    let count = found.len();
    take_out(graph, &found.iter().flat_map(|found| found.nodes.iter().copied()).collect::<HashSet<_>>());
    for Found { node, tensors, .. } in found {
        graph.node.push(node);
        graph.initializer.extend(tensors);
    }
    if count > 0 {
        drop_unused(graph);
    }
    count
}

struct Found {
    /// Indices of the nodes that it stands for.
    nodes: Vec<usize>,
    node: NodeProto,
    tensors: [TensorProto; 4],
}

fn find(names: &Names<'_>, start: usize) -> Option<Found> {
    let node = |i: usize| &names.graph().node[i];
    let conv = node(start);
    if !is_op(conv, "Conv") || conv.input.len() < 2 || int(conv, "group", 1) != 1 {
        return None;
    }
    let weight = names.floats(&conv.input[1])?;
    let &[out, 1, rows, columns] = weight.shape() else { return None };
    let [before, after] = padding(conv, rows as i64)?;
    if !has_windows_of(conv, &[rows as i64, columns as i64], &[1, 1], &[before, 0, after, 0]) {
        return None;
    }
    let bias = match conv.input.get(2) {
        Some(name) if !name.is_empty() => names.floats(name)?,
        _ => Tensor::zero::<f32>(&[out]).ok()?,
    };
    let mut nodes = vec![start];
    let mut next = names.next(only_output(conv)?)?;
    let rectify = is_op(node(next), "Relu");
    if rectify {
        nodes.push(next);
        next = names.next(only_output(node(next))?)?;
    }
    let (mut scale, mut offset) = (vec![1.0; out], vec![0.0; out]);
    if is_op(node(next), "BatchNormalization") {
        (scale, offset) = affine(names, node(next), out)?;
        nodes.push(next);
        next = names.next(only_output(node(next))?)?;
    }
    let last = node(next);
    let over_columns = matches!(ints(last, "axes"), Some([3 | -1])) && last.input.len() == 1;
    if !is_op(last, "ReduceMax") || !over_columns || int(last, "keepdims", 1) != 0 {
        return None;
    }
    nodes.push(next);
    let output = only_output(last)?.to_owned();
    let floats = |values: &[f32]| Tensor::from_shape(&[out], values).ok();
    let tensor = |what: &str, tensor: &Tensor| float_proto(format!("{output}.minim.{what}"), tensor);
    let tensors = [
        tensor("weight", &weight)?,
        tensor("bias", &bias)?,
        tensor("scale", &floats(&scale)?)?,
        tensor("offset", &floats(&offset)?)?,
    ];
    let inputs =
        std::iter::once(conv.input[0].clone()).chain(tensors.iter().map(|tensor| tensor.name.clone()));
    let node = NodeProto {
        name: format!("{output}.minim"),
        op_type: OP_TYPE.into(),
        domain: "minim".into(),
        input: inputs.collect(),
        output: vec![output],
        attribute: vec![
            int_attribute(RECTIFY, rectify.into()),
            int_attribute(ROWS_BEFORE, before),
            int_attribute(ROWS_AFTER, after),
        ],
        doc_string: String::new(),
    };
    Some(Found { nodes, node, tensors })
}

/// Rows of zeros before and after the plane; `None` where there are more than a kernel has, or columns of them.
fn padding(conv: &NodeProto, kernel_rows: i64) -> Option<[i64; 2]> {
    match ints(conv, "pads") {
        None => Some([0, 0]),
        Some(&[before, 0, after, 0]) => {
            let fits = |rows: i64| (0..=kernel_rows).contains(&rows);
            (fits(before) && fits(after)).then_some([before, after])
        }
        Some(_) => None,
    }
}

/// Factor and summand of a normalisation by constants, per channel.
fn affine(names: &Names<'_>, node: &NodeProto, channels: usize) -> Option<(Vec<f32>, Vec<f32>)> {
    let constant = |i: usize| {
        let tensor = names.floats(node.input.get(i)?)?;
        let values = tensor.try_as_plain_ram().ok()?.as_slice::<f32>().ok()?.to_vec();
        (tensor.shape() == [channels]).then_some(values)
    };
    let (weight, bias, mean, variance) = (constant(1)?, constant(2)?, constant(3)?, constant(4)?);
    if int(node, "training_mode", 0) != 0 {
        return None;
    }
    let epsilon = node.attribute.iter().find(|attribute| attribute.name == "epsilon");
    let epsilon = epsilon.map_or(1e-5, |attribute| attribute.f);
    let scale: Vec<f32> = weight.iter().zip(&variance).map(|(w, v)| w / (v + epsilon).sqrt()).collect();
    let offset = bias.iter().zip(&mean).zip(&scale).map(|((b, m), s)| b - m * s).collect();
    Some((scale, offset))
}
