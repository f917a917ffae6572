//! Peaks: convolution of a plane, and the largest value of each row.

use super::*;

#[derive(Clone, Copy, Debug)]
struct PeakLayer {
    out: usize,
    kernel: [usize; 2],
    bias: bool,
    rectify: bool,
    norm: bool,
    /// Rows of zeros before and after.
    padding: [usize; 2],
}

impl Chain {
    /// `[1, rows, columns]` to `[1, out, rows + padding - kernel + 1]`.
    fn peak(&mut self, layer: PeakLayer, axes: i64, keepdims: i64) {
        let PeakLayer { out, kernel: [rows, columns], bias, rectify, norm, padding } = layer;
        let axis = self.constant(&[1], DataType::Int64, 1i64.to_le_bytes().into());
        self.then("Unsqueeze", &[&axis], vec![]);
        let values = self.random(out * rows * columns, 1.0 / (rows * columns) as f32);
        let mut inputs = vec![self.floats(&[out, 1, rows, columns], &values)];
        if bias {
            let values = self.random(out, 0.5);
            inputs.push(self.floats(&[out], &values));
        }
        let inputs: Vec<&str> = inputs.iter().map(|name| &**name).collect();
        let mut attributes = vec![ints("kernel_shape", &[rows as i64, columns as i64])];
        if padding != [0, 0] {
            attributes.push(ints("pads", &[padding[0] as i64, 0, padding[1] as i64, 0]));
        }
        self.then("Conv", &inputs, attributes);
        if rectify {
            self.then("Relu", &[], vec![]);
        }
        if norm {
            // Weights below 0 as well: then the smallest sum is the peak.
            let mut numbers = [1.0, 0.5, 0.2, 0.4].map(|scale| self.random(out, scale));
            numbers[3].iter_mut().for_each(|variance| *variance += 0.5);
            let names = numbers.map(|values| self.floats(&[out], &values));
            let names = names.each_ref().map(|name| &**name);
            self.then("BatchNormalization", &names, vec![float("epsilon", 1e-3)]);
        }
        self.then("ReduceMax", &[], vec![ints("axes", &[axes]), int("keepdims", keepdims)]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn fused_peaks_are_the_plain_ones(
        out in 1usize..40, kernel in [1usize..9, 1usize..20], rows in 9usize..20, columns in 20usize..50,
        bias in any::<bool>(), rectify in any::<bool>(), norm in any::<bool>(), last in any::<bool>(),
        padding in [0usize..9, 0usize..9], seed in any::<u32>(),
    ) {
        let padding = padding.map(|rows| rows.min(kernel[0]));
        let layer = PeakLayer { out, kernel, bias, rectify, norm, padding };
        let mut chain = Chain::new(rows, seed);
        chain.peak(layer, if last { -1 } else { 3 }, 0);
        let end = chain.end.0.clone();
        let model = chain.model(&[&end]);
        let (count, fused) = run(&model, rows, columns, false, true);
        let (none, plain) = run(&model, rows, columns, false, false);
        prop_assert_eq!((count, none), (1, 0));
        prop_assert!(worst(&fused, &plain) < 1e-5, "{}", worst(&fused, &plain));
    }
}

const LAYER: PeakLayer =
    PeakLayer { out: 5, kernel: [3, 7], bias: true, rectify: true, norm: true, padding: [0, 0] };

#[test]
fn the_number_of_columns_may_change() {
    let mut chain = Chain::new(9, 1);
    chain.peak(LAYER, 3, 0);
    let end = chain.end.0.clone();
    let model = chain.model(&[&end]);
    let (count, fused) = run(&model, 9, 33, true, true);
    assert_eq!(count, 1);
    assert!(worst(&fused, &run(&model, 9, 33, false, false).1) < 1e-5);
}

#[test]
fn other_reductions_are_left_alone() {
    for (axes, keepdims) in [(2, 0), (3, 1), (1, 0)] {
        let mut chain = Chain::new(9, 2);
        chain.peak(LAYER, axes, keepdims);
        let end = chain.end.0.clone();
        let mut model = chain.model(&[&end]);
        let before = model.clone();
        assert_eq!(rewrite(&mut model), 0, "axes {axes}, keepdims {keepdims}");
        assert_eq!(model, before);
    }
}

#[test]
fn what_others_look_at_is_computed() {
    let mut chain = Chain::new(9, 3);
    chain.peak(LAYER, 3, 0);
    let rectified = chain.graph.node.iter().find(|node| node.op_type == "Relu").unwrap().output[0].clone();
    let end = chain.end.0.clone();
    let mut model = chain.model(&[&end, &rectified]);
    assert_eq!(rewrite(&mut model), 0);
}

#[test]
fn weights_that_are_no_numbers_are_not_hidden() {
    let mut chain = Chain::new(9, 4);
    chain.peak(LAYER, 3, 0);
    let weight = &mut chain.graph.initializer[1];
    assert_eq!(weight.dims, [5, 1, 3, 7]);
    weight.raw_data[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    let end = chain.end.0.clone();
    let (count, fused) = run(&chain.model(&[&end]), 9, 30, false, true);
    assert_eq!(count, 1);
    assert!(fused[0][..7].iter().all(|value| value.is_nan()) && fused[0][7..].iter().all(|v| v.is_finite()));
}
