//! A network made ready by tract.

use super::file::Beside;
use super::{fused, guard};
use std::path::Path;
use std::sync::Arc;
use tract_onnx::Onnx;
use tract_onnx::model::ParseResult;
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::TypedRunnableModel;
use tract_onnx::tract_hir::internal::*;

/// Most bytes that all values of one pass may take together.
const MAX_MEMORY: usize = 4 << 30;

/// Size of an axis of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AxisSize {
    /// Always this size.
    Fixed(usize),
    /// Another size in each run, and the largest one; at most one axis.
    UpTo(usize),
}

/// A tensor of float32, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    /// Sizes of the axes.
    pub shape: Vec<usize>,
    /// The values.
    pub values: Vec<f32>,
}

/// An ONNX network with one input, ready to run: the layer beneath [`Tagger`](super::Tagger), which knows no cards.
///
/// Nothing in a file makes it panic: panics of tract come back as errors (the panic hook still prints its line).
pub struct Network {
    plan: Arc<TypedRunnableModel>,
    fused: usize,
    /// What stands for the size of the axis that changes.
    changing: Option<Symbol>,
}

/// What a network is asked to do.
#[derive(Clone, Debug)]
pub struct NetworkSpec<'s> {
    /// Name of the input; the only one where it is `None`.
    pub input: Option<&'s str>,
    /// Sizes of the input's axes.
    pub shape: &'s [AxisSize],
    /// Names of the outputs, in the order in which they come back; all of the file's where it is empty.
    pub outputs: &'s [&'s str],
    /// Whether chains of operations are [fused](super::TaggerOptions::fuse).
    pub fuse: bool,
}

/// Why a network cannot be used.
#[derive(Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// There is no such input or output, or there are more inputs.
    #[error("{0}")]
    Names(String),
    /// tract cannot run it, it is damaged, or it takes too much memory.
    #[error("{0}")]
    Failed(String),
}

impl Network {
    /// Reads the ONNX file at `path` and makes it ready.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn open(path: &Path, spec: &NetworkSpec<'_>) -> Result<Self, super::TaggerError> {
        let proto = super::file::read_proto(path)?;
        Self::new(proto, path, spec)
            .map_err(|error| super::TaggerError::Network { path: path.into(), reason: error.to_string() })
    }

    pub(super) fn new(
        mut proto: ModelProto,
        path: &Path,
        spec: &NetworkSpec<'_>,
    ) -> Result<Self, NetworkError> {
        let mut onnx = tract_onnx::onnx().with_ignore_value_info(true);
        fused::register(&mut onnx);
        let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
        let folder_name = folder.to_string_lossy().into_owned();
        onnx.provider = Arc::new(Beside(folder));
        let fused = if spec.fuse {
            guard(|| Ok(fused::rewrite(&mut proto))).map_err(NetworkError::Failed)?
        } else {
            0
        };
        let parsed = guard(|| parse(&onnx, &proto, &folder_name)).map_err(NetworkError::Failed)?;
        let parsed = choose(parsed, &proto, spec)?;
        let (plan, changing) = guard(|| plan(parsed, spec)).map_err(NetworkError::Failed)?;
        Ok(Self { plan, fused, changing })
    }

    /// How many chains of operations were fused.
    pub fn fused(&self) -> usize {
        self.fused
    }

    /// Shapes of the outputs where the changing axis of the input has this size.
    ///
    /// # Errors
    /// When a shape depends on more than that.
    pub fn output_shapes(&self, size: usize) -> Result<Vec<Vec<usize>>, NetworkError> {
        let shapes = || {
            let model = self.plan.model();
            let values = symbol_values(self.changing.as_ref(), size);
            let shape = |i: usize| {
                let fact = model.output_fact(i)?;
                ensure!(
                    fact.datum_type == f32::datum_type(),
                    "an output of {:?}, not float32",
                    fact.datum_type
                );
                fact.shape.iter().map(|size| Ok(usize::try_from(size.eval_to_i64(&values)?)?)).collect()
            };
            (0..model.outputs.len()).map(shape).collect()
        };
        guard(shapes).map_err(NetworkError::Failed)
    }

    /// Runs the network once.
    ///
    /// # Errors
    /// When the input has another shape than was said, or the run fails.
    pub fn run(&self, shape: &[usize], input: &[f32]) -> Result<Vec<Values>, NetworkError> {
        let run = || {
            let input = Tensor::from_shape(shape, input)?;
            self.plan
                .run(tvec!(input.into_tvalue()))?
                .iter()
                .map(|output| {
                    let values = output.try_as_plain_ram()?.as_slice::<f32>()?.to_vec();
                    Ok(Values { shape: output.shape().to_vec(), values })
                })
                .collect()
        };
        guard(run).map_err(NetworkError::Failed)
    }
}

fn parse(onnx: &Onnx, proto: &ModelProto, folder: &str) -> TractResult<InferenceModel> {
    let ParseResult { model, unresolved_inputs, .. } = onnx.parse(proto, Some(folder))?;
    ensure!(unresolved_inputs.is_empty(), "nothing makes {}", unresolved_inputs.join(", "));
    Ok(model)
}

/// Checks the name of the input and leaves the outputs that are asked for.
fn choose(
    mut model: InferenceModel,
    proto: &ModelProto,
    spec: &NetworkSpec<'_>,
) -> Result<InferenceModel, NetworkError> {
    let inputs: Vec<&str> = model.inputs.iter().map(|input| &*model.nodes[input.node].name).collect();
    match (&inputs[..], spec.input) {
        ([_], None) => {}
        ([only], Some(name)) if *only == name => {}
        (_, name) => {
            let wanted = name.map(|name| format!(" \"{name}\"")).unwrap_or_default();
            let found = inputs.join("\", \"");
            return Err(NetworkError::Names(format!(
                "one input{wanted} is needed, the inputs are \"{found}\""
            )));
        }
    }
    if spec.outputs.is_empty() {
        return Ok(model);
    }
    let names: Vec<&str> =
        proto.graph.iter().flat_map(|graph| &graph.output).map(|output| &*output.name).collect();
    let outlet = |wanted: &&str| {
        let place = names.iter().position(|name| name == wanted);
        place.and_then(|place| model.outputs.get(place).copied()).ok_or_else(|| {
            NetworkError::Names(format!(
                "no output \"{wanted}\", the outputs are \"{}\"",
                names.join("\", \"")
            ))
        })
    };
    model.outputs = spec.outputs.iter().map(outlet).collect::<Result<_, _>>()?;
    Ok(model)
}

fn plan(
    mut model: InferenceModel,
    spec: &NetworkSpec<'_>,
) -> TractResult<(Arc<TypedRunnableModel>, Option<Symbol>)> {
    let (mut changing, mut largest) = (None, 0);
    let mut shape: TVec<TDim> = tvec![];
    for &size in spec.shape {
        shape.push(match size {
            AxisSize::Fixed(size) => size.to_dim(),
            AxisSize::UpTo(size) => {
                ensure!(changing.is_none(), "two axes of changing size");
                let symbol = model.symbols.new_with_prefix("changing");
                (changing, largest) = (Some(symbol.clone()), size);
                symbol.to_dim()
            }
        });
    }
    model.set_input_fact(0, f32::fact(shape).into())?;
    let model = model.into_typed()?.into_decluttered()?;
    check_memory(&model, &symbol_values(changing.as_ref(), largest))?;
    Ok((model.into_optimized()?.into_runnable()?, changing))
}

fn symbol_values(changing: Option<&Symbol>, size: usize) -> SymbolValues {
    let values = SymbolValues::default();
    changing.map_or(values.clone(), |symbol| values.with(symbol, size as i64))
}

/// Refuses networks whose values would fill the memory: a few wrong bytes make a padding of a billion frames.
fn check_memory(model: &TypedModel, values: &SymbolValues) -> TractResult<()> {
    let mut total = 0usize;
    for node in &model.nodes {
        for output in &node.outputs {
            let mut bytes = Some(output.fact.datum_type.size_of());
            for size in output.fact.shape.iter() {
                let size = size.eval_to_i64(values).with_context(|| format!("size of {}", node.name))?;
                bytes = bytes.and_then(|bytes| bytes.checked_mul(usize::try_from(size).ok()?));
            }
            total = bytes
                .and_then(|bytes| total.checked_add(bytes))
                .filter(|&total| total <= MAX_MEMORY)
                .with_context(|| {
                    format!("its values take more than {} GiB, {} the most", MAX_MEMORY >> 30, node.name)
                })?;
        }
    }
    Ok(())
}
