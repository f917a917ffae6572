//! The block as an operation of tract.

use super::activation::{Activation, FakeQuant};
use super::block::{Block, Layout};
use std::sync::Arc;
use tract_onnx::Onnx;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

/// Name of the operation; tract looks operations up by name alone, so the name carries the domain.
pub(super) const OP_TYPE: &str = "minim.TimeBlock";

/// Names of the attributes by which [`rewrite`](super::rewrite) tells this operation what to do.
pub(super) mod attribute {
    pub const POOL: &str = "pool";
    pub const ELU: &str = "elu";
    /// Three numbers as in [`FakeQuant`](super::FakeQuant).
    pub const INPUT_QUANT: &str = "input_quant";
    pub const FIRST_QUANT: &str = "first_quant";
    pub const SECOND_QUANT: &str = "second_quant";
    pub const FRAMES_FIRST_IN: &str = "frames_first_in";
    pub const FRAMES_FIRST_OUT: &str = "frames_first_out";
}

/// Teaches tract's ONNX reader our operations.
pub(in crate::tagger) fn register(onnx: &mut Onnx) {
    onnx.op_register.insert(OP_TYPE, build);
    onnx.op_register.insert(super::peak_op::OP_TYPE, super::peak_op::build);
}

fn build(_: &ParsingContext<'_>, node: &NodeProto) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let flag = |name: &str| Ok::<bool, TractError>(node.get_attr_opt::<i64>(name)?.unwrap_or(0) == 1);
    let layout = |frames_first| if frames_first { Layout::FramesFirst } else { Layout::ChannelsFirst };
    let quant = |name: &str| {
        let Some(numbers) = node.get_attr_opt_vec::<f32>(name)? else { return Ok(None) };
        let [scale, zero_point, lowest] = numbers[..] else { bail!("{name} must be three numbers") };
        Ok(Some(FakeQuant { scale, zero_point, lowest }))
    };
    let expansion = TimeBlock {
        pool: node.get_attr::<usize>(attribute::POOL)?,
        elu: flag(attribute::ELU)?,
        input: quant(attribute::INPUT_QUANT)?,
        first: quant(attribute::FIRST_QUANT)?,
        second: quant(attribute::SECOND_QUANT)?,
        layouts: (layout(flag(attribute::FRAMES_FIRST_IN)?), layout(flag(attribute::FRAMES_FIRST_OUT)?)),
    };
    ensure!(expansion.pool > 0, "a pool of 0 frames");
    Ok((expand(expansion), vec![]))
}

/// The operation while shapes are still being found out: inputs are x, weight and bias.
#[derive(Clone, Debug)]
struct TimeBlock {
    pool: usize,
    elu: bool,
    input: Option<FakeQuant>,
    first: Option<FakeQuant>,
    second: Option<FakeQuant>,
    layouts: (Layout, Layout),
}

/// Axes of channels and of frames in `[batch, _, _]`.
fn axes(layout: Layout) -> (usize, usize) {
    match layout {
        Layout::ChannelsFirst => (1, 2),
        Layout::FramesFirst => (2, 1),
    }
}

impl Expansion for TimeBlock {
    fn name(&self) -> StaticName {
        "TimeBlock".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 3)?;
        check_output_arity(outputs, 1)?;
        for fact in [&inputs[0], &inputs[1], &inputs[2], &outputs[0]] {
            s.equals(&fact.datum_type, f32::datum_type())?;
        }
        for (fact, rank) in [(&inputs[0], 3), (&inputs[1], 3), (&inputs[2], 1), (&outputs[0], 3)] {
            s.equals(&fact.rank, rank)?;
        }
        let ((channels_in, frames_in), (channels_out, frames_out)) =
            (axes(self.layouts.0), axes(self.layouts.1));
        s.equals(&inputs[0].shape[channels_in], &inputs[1].shape[1])?;
        s.equals(&inputs[0].shape[0], &outputs[0].shape[0])?;
        s.equals(&inputs[1].shape[0], &outputs[0].shape[channels_out])?;
        s.given_2(&inputs[0].shape[frames_in], &inputs[1].shape[2], move |s, frames, taps| {
            s.equals(&outputs[0].shape[frames_out], (frames - taps + 1) / self.pool)
        })
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let constant = |input: OutletId| {
            let constant = model.outlet_fact(input)?.konst.clone();
            constant.with_context(|| format!("{prefix}: weights must be constants"))
        };
        let (weight, bias) = (constant(inputs[1])?, constant(inputs[2])?);
        let &[out, channels, taps] = weight.shape() else {
            bail!("{prefix}: weights of rank {}", weight.rank())
        };
        let activation = Activation { first: self.first, elu: self.elu, second: self.second };
        let (weight, bias) = (weight.try_as_plain_ram()?, bias.try_as_plain_ram()?);
        let (weight, bias) = (weight.as_slice::<f32>()?, bias.as_slice::<f32>()?);
        let block = Block::new([out, channels, taps], weight, bias, self.pool, activation, self.layouts);
        let block = block.with_context(|| format!("{prefix}: weights and bias do not fit"))?;
        model.wire_node(prefix, PackedBlock(Arc::new(block.with_rounding(self.input))), &inputs[..1])
    }
}

/// The operation ready to run: its weights are inside, its only input is x.
#[derive(Clone, Debug, PartialEq)]
struct PackedBlock(Arc<Block>);

// Scales and weights may be NaN in a damaged file: then two equal blocks differ, which only costs an optimisation.
impl Eq for PackedBlock {}

impl Op for PackedBlock {
    fn name(&self) -> StaticName {
        "TimeBlock".into()
    }

    fn info(&self) -> TractResult<Vec<String>> {
        let block = &self.0;
        Ok(vec![format!(
            "{} -> {}, {} taps, pool {}",
            block.channels(),
            block.out(),
            block.taps(),
            block.pool()
        )])
    }

    op_as_typed_op!();
}

impl EvalOp for PackedBlock {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext<'_>, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let x = args_1!(inputs);
        let block = &self.0;
        ensure!(x.rank() == 3, "an input of rank {}", x.rank());
        let ((channels_in, frames_in), (channels_out, frames_out)) =
            (axes(block.layouts().0), axes(block.layouts().1));
        let (batch, channels, frames) = (x.shape()[0], x.shape()[channels_in], x.shape()[frames_in]);
        ensure!(channels == block.channels(), "{channels} channels instead of {}", block.channels());
        let out_frames = block.out_frames(frames);
        let mut shape = [batch; 3];
        (shape[channels_out], shape[frames_out]) = (block.out(), out_frames);
        let mut y = Tensor::zero::<f32>(&shape)?;
        if out_frames > 0 {
            let x = x.try_as_plain_ram()?;
            let mut y = y.try_as_plain_ram_mut()?;
            let clips = x.as_slice::<f32>()?.chunks_exact(channels * frames);
            for (x, y) in clips.zip(y.as_slice_mut::<f32>()?.chunks_exact_mut(block.out() * out_frames)) {
                block.run(x, frames, y);
            }
        }
        Ok(tvec!(y.into_tvalue()))
    }
}

impl TypedOp for PackedBlock {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let [x] = inputs else { bail!("{} inputs instead of 1", inputs.len()) };
        let block = &self.0;
        ensure!(x.datum_type == f32::datum_type() && x.rank() == 3, "an input of {x:?}");
        let ((channels_in, frames_in), (channels_out, frames_out)) =
            (axes(block.layouts().0), axes(block.layouts().1));
        ensure!(x.shape[channels_in] == block.channels().to_dim(), "{} channels", x.shape[channels_in]);
        let mut shape: TVec<TDim> = tvec![x.shape[0].clone(); 3];
        shape[channels_out] = block.out().to_dim();
        shape[frames_out] = (x.shape[frames_in].clone() - block.taps() + 1) / block.pool();
        if let Ok(frames) = x.shape[frames_in].to_usize() {
            shape[frames_out] = block.out_frames(frames).to_dim();
        }
        Ok(tvec!(f32::fact(shape)))
    }

    fn cost(&self, inputs: &[&TypedFact]) -> TractResult<TVec<(Cost, TDim)>> {
        let block = &self.0;
        let frames = inputs[0].shape[axes(block.layouts().0).1].clone() - block.taps() + 1;
        let each = block.channels() * block.out() * block.taps();
        Ok(tvec!((Cost::FMA(f32::datum_type()), inputs[0].shape[0].clone() * frames * each)))
    }

    as_op!();
}
