//! Max-pooling from candle's elementary operations.

use candle_core::{Result, Tensor, bail};

/// The maximum of every `pool` elements along `axis`; a remainder is dropped. Equal maxima share the gradient.
///
/// Written as the greater of two, again and again: the gradient of candle's `max` over a dimension goes to each of
/// several equal maxima in full, and behind zero padding, as the CRNN's, whole stretches are equal.
///
/// # Errors
/// When the axis is shorter than the window.
pub fn max_pool_plain(y: &Tensor, axis: usize, pool: usize) -> Result<Tensor> {
    let mut shape = y.dims().to_vec();
    let length = y.dim(axis)?;
    if pool == 0 || length < pool {
        bail!("{length} along axis {axis} cannot be pooled by {pool}");
    }
    if pool == 1 {
        return Ok(y.clone());
    }
    shape[axis] = length / pool;
    shape.insert(axis + 1, pool);
    let windows = y.narrow(axis, 0, shape[axis] * pool)?.contiguous()?.reshape(shape)?;
    let element = |i| windows.narrow(axis + 1, i, 1)?.squeeze(axis + 1);
    (1..pool).try_fold(element(0)?, |most, i| most.maximum(&element(i)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Var};

    #[test]
    fn windows_give_their_maximum_and_equal_ones_share_one_gradient() -> Result<()> {
        let y = Var::new(&[[1.0f32, 5.0, 2.0, 2.0, 2.0, 2.0, 9.0]], &Device::Cpu)?;
        let pooled = max_pool_plain(&y, 1, 3)?;
        assert_eq!(pooled.to_vec2::<f32>()?, [[5.0, 2.0]]);
        let gradient = pooled.sum_all()?.backward()?.get(&y).unwrap().to_vec2::<f32>()?;
        assert_eq!(gradient[0][..3], [0.0, 1.0, 0.0]);
        assert_eq!(gradient[0][3..6].iter().sum::<f32>(), 1.0);
        assert_eq!(gradient[0][6], 0.0); // the remainder
        let columns = max_pool_plain(&y.reshape((7, 1))?, 0, 2)?;
        assert_eq!(columns.to_vec2::<f32>()?, [[5.0], [2.0], [2.0]]);
        assert!(max_pool_plain(&y, 1, 8).is_err() && max_pool_plain(&y, 1, 0).is_err());
        Ok(())
    }
}
