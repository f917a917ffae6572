//! A checked door to the `gemm` crate's matrix multiplication.

/// A matrix inside a slice: `rows` x `cols`, element (r, c) at `r * row_stride + c * col_stride`.
#[derive(Clone, Copy)]
pub(super) struct View {
    pub rows: usize,
    pub cols: usize,
    pub row_stride: usize,
    pub col_stride: usize,
}

impl View {
    pub fn new(rows: usize, cols: usize, row_stride: usize, col_stride: usize) -> Self {
        Self { rows, cols, row_stride, col_stride }
    }

    /// The same elements with rows and columns exchanged.
    pub fn transposed(self) -> Self {
        Self::new(self.cols, self.rows, self.col_stride, self.row_stride)
    }

    /// Index one past the last element.
    fn end(&self) -> usize {
        if self.rows == 0 || self.cols == 0 {
            0
        } else {
            (self.rows - 1) * self.row_stride + (self.cols - 1) * self.col_stride + 1
        }
    }
}

/// `out = a b`, or `out += a b` when `accumulate`; single threaded, float32.
///
/// # Panics
/// When shapes disagree or a view reaches beyond its slice: a mistake of the caller, not of the data.
pub(super) fn matmul(out: (&mut [f32], View), a: (&[f32], View), b: (&[f32], View), accumulate: bool) {
    let ((out, vo), (a, va), (b, vb)) = (out, a, b);
    assert!(vo.rows == va.rows && va.cols == vb.rows && vo.cols == vb.cols, "shapes of a matrix product");
    assert!(vo.end() <= out.len() && va.end() <= a.len() && vb.end() <= b.len(), "a view beyond its slice");
    assert!(
        vo.cols <= 1
            || vo.rows <= 1
            || vo.row_stride >= vo.cols * vo.col_stride
            || vo.col_stride >= vo.rows * vo.row_stride,
        "the output's elements overlap"
    );
    let alpha = if accumulate { 1.0 } else { 0.0 };
    // SAFETY: all three views were checked to lie inside their slices, which are initialised; `out` is borrowed
    // mutably, so it aliases neither input, and its elements are distinct by the check above.
    unsafe {
        gemm::gemm(
            vo.rows,
            vo.cols,
            va.cols,
            out.as_mut_ptr(),
            vo.col_stride as isize,
            vo.row_stride as isize,
            accumulate,
            a.as_ptr(),
            va.col_stride as isize,
            va.row_stride as isize,
            b.as_ptr(),
            vb.col_stride as isize,
            vb.row_stride as isize,
            alpha,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strided_products_equal_the_definition() {
        let a: Vec<f32> = (0..24).map(|i| i as f32 * 0.5 - 3.0).collect();
        let b: Vec<f32> = (0..40).map(|i| (i % 7) as f32 - 2.0).collect();
        let va = View::new(3, 4, 8, 2); // every other column of a 3 x 8 matrix
        let vb = View::new(4, 5, 5, 1).transposed().transposed();
        let mut out = vec![1.0; 15];
        let vo = View::new(3, 5, 5, 1);
        for (accumulate, base) in [(true, 1.0), (false, 0.0)] {
            out.fill(1.0);
            matmul((&mut out, vo), (&a, va), (&b, vb), accumulate);
            for r in 0..3 {
                for c in 0..5 {
                    let want: f32 = base + (0..4).map(|k| a[r * 8 + k * 2] * b[k * 5 + c]).sum::<f32>();
                    assert!((out[r * 5 + c] - want).abs() < 1e-5);
                }
            }
        }
    }
}
