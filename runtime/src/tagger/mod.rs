//! Inference.
mod fused;

/// Temporary.
pub fn read(path: &str, fuse: bool) -> tract_onnx::prelude::TractResult<tract_onnx::prelude::InferenceModel> {
    use tract_onnx::prelude::*;
    let mut onnx = tract_onnx::onnx();
    fused::register(&mut onnx);
    let mut proto = onnx.proto_model_for_path(path)?;
    if fuse {
        eprintln!("{path}: {} blocks", fused::rewrite(&mut proto));
    }
    onnx.model_for_proto_model(&proto)
}
