//! The peak as an operation of tract.

use super::peak::Peak;
use std::sync::Arc;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

/// Name of the operation.
pub(super) const OP_TYPE: &str = "minim.Peak";

/// Name of the attribute that says whether sums are rectified.
pub(super) const RECTIFY: &str = "rectify";
/// Names of the attributes that say how many rows of zeros the plane gets before it and after it.
pub(super) const ROWS_BEFORE: &str = "rows_before";
pub(super) const ROWS_AFTER: &str = "rows_after";

pub(super) fn build(
    _: &ParsingContext<'_>,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let rectify = node.get_attr_opt::<i64>(RECTIFY)?.unwrap_or(0) == 1;
    let rows = |name| -> TractResult<usize> {
        let rows = node.get_attr_opt::<i64>(name)?.unwrap_or(0);
        usize::try_from(rows).with_context(|| format!("{name} of {rows}"))
    };
    let padding = [rows(ROWS_BEFORE)?, rows(ROWS_AFTER)?];
    Ok((expand(UnpackedPeak { rectify, padding }), vec![]))
}

/// The operation while shapes are still being found out: inputs are x, weight, bias, scale and offset.
#[derive(Clone, Debug)]
struct UnpackedPeak {
    rectify: bool,
    /// Rows of zeros before and after.
    padding: [usize; 2],
}

impl Expansion for UnpackedPeak {
    fn name(&self) -> StaticName {
        "Peak".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 5)?;
        check_output_arity(outputs, 1)?;
        for (fact, rank) in inputs.iter().zip([4, 4, 1, 1, 1]).chain([(&outputs[0], 3)]) {
            s.equals(&fact.datum_type, f32::datum_type())?;
            s.equals(&fact.rank, rank)?;
        }
        let (x, weight, y) = (&inputs[0], &inputs[1], &outputs[0]);
        s.equals(&x.shape[1], 1.to_dim())?;
        s.equals(&x.shape[0], &y.shape[0])?;
        s.equals(&weight.shape[0], &y.shape[1])?;
        let padding: usize = self.padding.iter().sum();
        s.given_2(&x.shape[2], &weight.shape[2], move |s, rows, kernel| {
            s.equals(&y.shape[2], rows + padding - kernel + 1)
        })
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let constant = |input: &OutletId| {
            let constant = model.outlet_fact(*input)?.konst.clone();
            constant.with_context(|| format!("{prefix}: weights must be constants"))
        };
        let constants = inputs[1..].iter().map(constant).collect::<TractResult<Vec<_>>>()?;
        let &[out, 1, rows, columns] = constants[0].shape() else {
            bail!("{prefix}: weights of shape {:?}", constants[0].shape())
        };
        let plain = constants.iter().map(|c| c.try_as_plain_ram()).collect::<TractResult<Vec<_>>>()?;
        let values = plain.iter().map(|c| c.as_slice::<f32>()).collect::<TractResult<Vec<_>>>()?;
        let &[weight, bias, scale, offset] = &values[..] else { bail!("{prefix}: inputs are missing") };
        let peak = Peak::new([out, rows, columns], weight, [bias, scale, offset], self.rectify);
        let peak = peak.with_context(|| format!("{prefix}: weights and bias do not fit"))?;
        model.wire_node(prefix, PackedPeak { peak: Arc::new(peak), padding: self.padding }, &inputs[..1])
    }
}

/// The operation ready to run: its weights are inside, its only input is x.
#[derive(Clone, Debug, PartialEq)]
struct PackedPeak {
    peak: Arc<Peak>,
    padding: [usize; 2],
}

impl PackedPeak {
    fn padding(&self) -> usize {
        self.padding.iter().sum()
    }
}

// As with blocks: weights of a damaged file may be NaN.
impl Eq for PackedPeak {}

impl Op for PackedPeak {
    fn name(&self) -> StaticName {
        "Peak".into()
    }

    fn info(&self) -> TractResult<Vec<String>> {
        Ok(vec![format!(
            "1 -> {}, kernel {:?}, padding {:?}",
            self.peak.out(),
            self.peak.kernel(),
            self.padding
        )])
    }

    op_as_typed_op!();
}

impl EvalOp for PackedPeak {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext<'_>, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let x = args_1!(inputs);
        let &[batch, 1, rows, columns] = x.shape() else { bail!("an input of shape {:?}", x.shape()) };
        let padded_rows = rows + self.padding();
        let out_rows = self.peak.out_rows(padded_rows, columns).with_context(|| {
            format!("a plane of {padded_rows} by {columns} under a kernel of {:?}", self.peak.kernel())
        })?;
        let mut y = Tensor::zero::<f32>(&[batch, self.peak.out(), out_rows])?;
        // The plane is small beside what is calculated from it: a copy with zeros around it costs nothing.
        let mut padded = vec![0.0; if self.padding() > 0 { padded_rows * columns } else { 0 }];
        {
            let x = x.try_as_plain_ram()?;
            let mut y = y.try_as_plain_ram_mut()?;
            let planes = x.as_slice::<f32>()?.chunks_exact(rows * columns);
            for (x, y) in planes.zip(y.as_slice_mut::<f32>()?.chunks_exact_mut(self.peak.out() * out_rows)) {
                if padded.is_empty() {
                    self.peak.run(x, columns, y);
                } else {
                    padded[self.padding[0] * columns..][..x.len()].copy_from_slice(x);
                    self.peak.run(&padded, columns, y);
                }
            }
        }
        Ok(tvec!(y.into_tvalue()))
    }
}

impl TypedOp for PackedPeak {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let [x] = inputs else { bail!("{} inputs instead of 1", inputs.len()) };
        ensure!(x.datum_type == f32::datum_type() && x.rank() == 4, "an input of {x:?}");
        ensure!(x.shape[1] == 1.to_dim(), "{} channels instead of 1", x.shape[1]);
        let [kernel_rows, kernel_columns] = self.peak.kernel();
        let padded_rows = x.shape[2].clone() + self.padding();
        for (size, kernel) in [(&padded_rows, kernel_rows), (&x.shape[3], kernel_columns)] {
            if let Ok(size) = size.to_usize() {
                ensure!(size >= kernel, "a plane of {size} under a kernel of {kernel}");
            }
        }
        let rows = padded_rows - kernel_rows + 1;
        Ok(tvec!(f32::fact([x.shape[0].clone(), self.peak.out().to_dim(), rows])))
    }

    fn cost(&self, inputs: &[&TypedFact]) -> TractResult<TVec<(Cost, TDim)>> {
        let [x] = inputs else { bail!("{} inputs instead of 1", inputs.len()) };
        let [rows, columns] = self.peak.kernel();
        let places = (x.shape[2].clone() + self.padding() - rows + 1) * (x.shape[3].clone() - columns + 1);
        let each = self.peak.out() * rows * columns;
        Ok(tvec!((Cost::FMA(f32::datum_type()), x.shape[0].clone() * places * each)))
    }

    as_op!();
}
