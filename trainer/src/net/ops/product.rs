//! Matrix products of the plain forms, on a GPU with factors of fewer bits where that is asked for.

use candle_core::{DType, Result, Tensor};
use std::sync::atomic::{AtomicBool, Ordering};

/// For the whole process, as cuBLAS's own setting for TF32 is in candle.
static BF16: AtomicBool = AtomicBool::new(false);

/// From now on, a GPU multiplies matrices of the plain forms in bfloat16 (or in float32 again). Sums, what goes in and
/// what comes out stay float32, and so do the weights that an optimiser changes.
pub fn use_bf16(on: bool) {
    BF16.store(on, Ordering::Relaxed);
}

/// `a b`.
///
/// # Errors
/// As [`Tensor::matmul`].
pub fn product(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    if BF16.load(Ordering::Relaxed) && a.device().is_cuda() {
        return product_in(DType::BF16, a, b);
    }
    a.matmul(b)
}

/// `a b` with both as `dtype`, and the answer as `a` is. The gradients' products are in `dtype` too.
fn product_in(dtype: DType, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    a.to_dtype(dtype)?.matmul(&b.to_dtype(dtype)?)?.to_dtype(a.dtype())
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Var};

    /// By float16, which candle can multiply on a CPU too.
    #[test]
    fn fewer_bits_give_nearly_the_same_product_and_float32_gradients() -> Result<()> {
        let make = |shape: (usize, usize), step: f32| {
            let values = (0..shape.0 * shape.1).map(|i| (i as f32 * step).sin()).collect();
            Var::from_vec(values, shape, &Device::Cpu)
        };
        let (a, b) = (make((5, 40), 0.7)?, make((40, 6), 1.3)?);
        let largest = |t: &Tensor| t.abs()?.flatten_all()?.max(0)?.to_scalar::<f32>();
        let (whole, less) = (product(&a, &b)?, product_in(DType::F16, &a, &b)?);
        assert_eq!(less.dtype(), DType::F32);
        let difference = largest(&(&whole - &less)?)?;
        assert!(difference > 0.0 && difference < 0.01 * largest(&whole)?, "{difference}");
        let (exact, near) = (whole.sqr()?.sum_all()?.backward()?, less.sqr()?.sum_all()?.backward()?);
        for var in [&a, &b] {
            let (exact, near) = (exact.get(var).expect("a gradient"), near.get(var).expect("a gradient"));
            assert_eq!(near.dtype(), DType::F32);
            assert!(largest(&(exact - near)?)? < 0.01 * largest(exact)?);
        }
        Ok(())
    }
}
