//! The kernels of a model's first convolution, to be looked at.

use prost::Message;

use super::onnx_proto::{ModelProto, NodeProto, TensorProto, tensor_proto::DataType};
use crate::plot::Kernels;

/// The kernels of the first convolution of an ONNX file that sees mel bands and frames: of one over time `[kernels,
/// bands, frames]`, of one over bands and time `[kernels, 1, bands, frames]`. Normalisation is folded into those that this crate
/// exports. Nothing where the file is no such model.
pub fn first_kernels(onnx: &[u8]) -> Option<Kernels> {
    let graph = ModelProto::decode(onnx).ok()?.graph?;
    let conv = graph.node.iter().find(|node| node.op_type() == "Conv")?;
    let weight = conv.input.get(1)?;
    let constant = |name: &String| graph.initializer.iter().find(|tensor| tensor.name() == name);
    // In an int8 file they stand behind an operator that scales each kernel.
    let dequantises =
        |node: &&NodeProto| node.op_type() == "DequantizeLinear" && node.output.first() == Some(weight);
    let scaled = graph.node.iter().find(dequantises);
    let tensor = constant(weight).or_else(|| constant(scaled?.input.first()?))?;
    let scales = scaled.and_then(|node| floats(constant(node.input.get(1)?)?));
    let dims: Vec<usize> = tensor.dims.iter().map(|&dim| usize::try_from(dim).ok()).collect::<Option<_>>()?;
    let (count, bands, frames) = match dims[..] {
        [count, bands, frames] | [count, 1, bands, frames] => (count, bands, frames),
        _ => return None,
    };
    let mut values = floats(tensor)?;
    if let Some(scales) = scales.filter(|scales| scales.len() == count) {
        let kernels = values.chunks_mut((bands * frames).max(1)).zip(scales);
        kernels.for_each(|(kernel, scale)| kernel.iter_mut().for_each(|value| *value *= scale));
    }
    let whole = count.checked_mul(bands)?.checked_mul(frames)? == values.len() && !values.is_empty();
    whole.then_some(Kernels { count, bands, frames, values })
}

fn floats(tensor: &TensorProto) -> Option<Vec<f32>> {
    if tensor.data_type() == DataType::Int8 as i32 {
        return Some(tensor.raw_data().iter().map(|&byte| f32::from(byte as i8)).collect());
    }
    if tensor.data_type() != DataType::Float as i32 {
        return None;
    }
    if !tensor.float_data.is_empty() {
        return Some(tensor.float_data.clone());
    }
    Some(tensor.raw_data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

#[cfg(test)]
mod tests {
    use super::first_kernels;

    #[test]
    fn a_model_shows_its_first_layer() {
        let models = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/k2c1-msd50-0.1m");
        let onnx = std::fs::read(models.join("model.onnx")).unwrap();
        let kernels = first_kernels(&onnx).unwrap();
        assert_eq!((kernels.bands, kernels.frames), (96, 4));
        assert!(kernels.count > 8 && kernels.values.iter().any(|v| v.abs() > 1e-3));
        assert_eq!(first_kernels(&onnx[..onnx.len() / 2]), None);
        let int8 = std::fs::read(models.join("model.int8.onnx")).unwrap();
        let integers = first_kernels(&int8).unwrap();
        assert_eq!((integers.count, integers.bands, integers.frames), (kernels.count, 96, 4));
        // Each kernel is the other's but for rounding.
        for (a, b) in kernels.values.chunks(96 * 4).zip(integers.values.chunks(96 * 4)) {
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
            assert!(dot(a, b) / (dot(a, a) * dot(b, b)).sqrt() > 0.98);
            assert!((dot(b, b) / dot(a, a) - 1.0).abs() < 0.1);
        }
    }
}
