//! Which file of a model runs, and by what.

/// Which file of a model folder is meant, or what a loaded one is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// The int8 file where there is one, else the float file.
    #[default]
    Auto,
    /// `model.onnx`.
    Float,
    /// `model.int8.onnx`.
    Int8,
}

/// What runs a network.
///
/// Both give the same integers; `docs/engine.md` has what each takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EngineChoice {
    /// The faster one: the integer engine where there is a packed model, else tract. A float file is always tract's, and
    /// so is an ONNX file that was named itself.
    #[default]
    Auto,
    /// Our integer engine, on `model.bin`.
    Int8,
    /// tract, on an ONNX file.
    Tract,
}

/// How a model is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaggerOptions {
    /// Which file of a folder; a path to a file stands for itself.
    pub precision: Precision,
    /// What runs it.
    pub engine: EngineChoice,
    /// Whether convolution over time, max-pooling, rounding and ELU in a row run as one operation, and so convolution
    /// of a plane, rectifier, normalisation and the largest value of each row. It gives the same numbers but for the
    /// last bits, several times as fast. Off, everything is tract's own.
    /// Only tract heeds it.
    pub fuse: bool,
}

impl Default for TaggerOptions {
    fn default() -> Self {
        Self { precision: Precision::Auto, engine: EngineChoice::Auto, fuse: true }
    }
}
