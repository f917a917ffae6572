//! The search space: which settings of a run are tried, and what they are drawn from.

use super::halving::Plan;
use crate::train::RunFile;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// What the values of one setting are drawn from.
#[derive(Clone, Debug, PartialEq)]
pub enum Domain {
    /// Any of these.
    Choices(Vec<Value>),
    /// A whole number within both ends.
    Whole {
        /// Least.
        min: i64,
        /// Most.
        max: i64,
        /// Evenly by its logarithm.
        log: bool,
    },
    /// A number within both ends, of four digits.
    Real {
        /// Least.
        min: f64,
        /// Most.
        max: f64,
        /// Evenly by its logarithm.
        log: bool,
    },
}

/// What is searched.
#[derive(Clone, Debug, PartialEq)]
pub struct Space {
    /// How much is tried.
    pub plan: Plan,
    /// Settings by their name in a run's file, as in `recipe.learning_rate`.
    pub keys: Vec<(String, Domain)>,
}

/// Why a space cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpaceError {
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// It is not TOML, or not of this form.
    #[error("{}: {reason}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    trials: usize,
    #[serde(default = "three")]
    eta: usize,
    #[serde(default = "one")]
    min_epochs: usize,
    max_epochs: usize,
    #[serde(default = "first")]
    seed: u64,
    space: Table,
}

fn one() -> usize {
    1
}

fn first() -> u64 {
    1
}

fn three() -> usize {
    3
}

/// Settings that are the same for all trials, and why.
const FIXED: [(&str, &str); 8] = [
    ("corpus", "all trials have one corpus"),
    ("min_positives", "all trials have one corpus"),
    ("max_tags", "all trials have one corpus"),
    ("no_test", "all trials have one corpus"),
    ("licence", "it changes nothing of the result"),
    ("recipe.epochs", "max_epochs says it for all trials"),
    ("recipe.positive_threshold", "all trials are scored alike"),
    ("recipe.seed", "the split of the corpus is drawn from it"),
];

impl Space {
    /// Reads a file and tries every choice and both ends of every range on `base`.
    ///
    /// # Errors
    /// When it cannot be read, or has a key or a value that there is not.
    pub fn read(path: &Path, base: &RunFile) -> Result<Self, SpaceError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| SpaceError::Io { path: path.into(), source })?;
        Self::parse(&text, base).map_err(|reason| SpaceError::Form { path: path.into(), reason })
    }

    /// As [`Space::read`], of its text.
    ///
    /// # Errors
    /// What is wrong, naming the key.
    pub fn parse(text: &str, base: &RunFile) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|e| e.to_string().trim_end().to_string())?;
        let File { trials, eta, min_epochs, max_epochs, seed, space } = file;
        let plan = Plan { trials, eta, min_epochs, max_epochs, seed };
        plan.validate()?;
        let mut keys = Vec::new();
        collect("", &space, &mut keys)?;
        if keys.is_empty() {
            return Err("[space] names no setting: there is nothing to search".into());
        }
        let space = Self { plan, keys };
        for (key, domain) in &space.keys {
            if let Some((_, why)) = FIXED.iter().find(|(fixed, _)| fixed == key) {
                return Err(format!("space.{key} cannot be searched: {why}"));
            }
            let tried = match domain {
                Domain::Choices(values) => values.clone(),
                Domain::Whole { min, max, .. } => vec![Value::Integer(*min), Value::Integer(*max)],
                Domain::Real { min, max, .. } => vec![Value::Float(*min), Value::Float(*max)],
            };
            for value in tried {
                let run = with(base, &[(key.clone(), value.clone())])?;
                run.recipe.validate().map_err(|e| format!("space.{key} = {}: {e}", shown(&value)))?;
            }
        }
        Ok(space)
    }

    /// The values of a trial, in the order of [`Space::keys`]: each drawn from the seed, the trial's number and the key
    /// alone, so that another trial or another key changes none of them.
    pub fn draw(&self, trial: usize) -> Vec<Value> {
        self.keys
            .iter()
            .map(|(key, domain)| domain.draw(&mut generator(self.plan.seed, trial, key)))
            .collect()
    }

    /// The run of a trial: `base` with the trial's values and all the epochs of the plan.
    ///
    /// # Errors
    /// When a value does not fit its key, which [`Space::parse`] has tried.
    pub fn run(&self, base: &RunFile, values: &[Value]) -> Result<RunFile, String> {
        let names = self.keys.iter().map(|(key, _)| key.clone());
        let mut run = with(base, &names.zip(values.iter().cloned()).collect::<Vec<_>>())?;
        run.recipe.epochs = self.plan.max_epochs;
        Ok(run)
    }
}

/// Flattens tables to dotted names; a table with `min` or `max` is a range.
fn collect(before: &str, table: &Table, keys: &mut Vec<(String, Domain)>) -> Result<(), String> {
    for (name, value) in table {
        let key = if before.is_empty() { name.clone() } else { format!("{before}.{name}") };
        match value {
            Value::Array(values) if values.is_empty() => {
                return Err(format!("space.{key} has no choices"));
            }
            Value::Array(values) => keys.push((key, Domain::Choices(values.clone()))),
            Value::Table(range) if range.contains_key("min") || range.contains_key("max") => {
                let domain = range_of(range).map_err(|reason| format!("space.{key}: {reason}"))?;
                keys.push((key, domain));
            }
            Value::Table(inner) => collect(&key, inner, keys)?,
            _ => {
                return Err(format!(
                    "space.{key}: write a list of choices or {{ min = .., max = .., log = true }}"
                ));
            }
        }
    }
    Ok(())
}

fn range_of(range: &Table) -> Result<Domain, String> {
    if let Some(other) = range.keys().find(|key| !["min", "max", "log"].contains(&key.as_str())) {
        return Err(format!("a range has min, max and log, and no {other}"));
    }
    let log = match range.get("log") {
        None => false,
        Some(Value::Boolean(log)) => *log,
        Some(_) => return Err("log is true or false".into()),
    };
    let number = |name: &str| match range.get(name) {
        Some(Value::Float(value)) if value.is_finite() => Ok(*value),
        Some(Value::Integer(value)) => Ok(*value as f64),
        Some(_) => Err(format!("{name} is a number")),
        None => Err(format!("{name} is missing")),
    };
    let (min, max) = (number("min")?, number("max")?);
    if min >= max {
        return Err(format!("min, {min}, is not below max, {max}"));
    }
    if log && min <= 0.0 {
        return Err(format!("with log = true min, {min}, is above 0"));
    }
    Ok(match (range.get("min"), range.get("max")) {
        (Some(Value::Integer(min)), Some(Value::Integer(max))) => Domain::Whole { min: *min, max: *max, log },
        _ => Domain::Real { min, max, log },
    })
}

impl Domain {
    fn draw(&self, rng: &mut ChaCha8Rng) -> Value {
        match self {
            Self::Choices(values) => values[rng.random_range(0..values.len())].clone(),
            Self::Whole { min, max, log: false } => Value::Integer(rng.random_range(*min..=*max)),
            Self::Whole { min, max, log: true } => {
                // Up to the end of the last number, so that it is as likely as its neighbours.
                let (low, high) = ((*min as f64).ln(), (*max as f64 + 1.0).ln());
                let drawn = (low + rng.random::<f64>() * (high - low)).exp();
                Value::Integer((drawn as i64).clamp(*min, *max))
            }
            Self::Real { min, max, log } => {
                let share = rng.random::<f64>();
                let drawn = if *log { min * (max / min).powf(share) } else { min + share * (max - min) };
                // Four digits are enough to tell trials apart, and can be read.
                let rounded = format!("{drawn:.3e}").parse().unwrap_or(drawn);
                Value::Float(f64::clamp(rounded, *min, *max))
            }
        }
    }
}

fn generator(seed: u64, trial: usize, key: &str) -> ChaCha8Rng {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    hash.update((trial as u64).to_le_bytes());
    hash.update(key.as_bytes());
    ChaCha8Rng::from_seed(hash.finalize().into())
}

/// A run with some of its values replaced, by their names in its file.
fn with(base: &RunFile, values: &[(String, Value)]) -> Result<RunFile, String> {
    let mut run = Value::try_from(base).map_err(|e| e.to_string())?;
    let mut last = String::new();
    for (key, value) in values {
        let mut place = &mut run;
        let mut parts = key.split('.').peekable();
        while let Some(part) = parts.next() {
            let Value::Table(table) = place else {
                return Err(format!("space.{key}: a run's file has no such key"));
            };
            if parts.peek().is_none() {
                table.insert(part.to_string(), value.clone());
                break;
            }
            place =
                table.get_mut(part).ok_or_else(|| format!("space.{key}: a run's file has no such key"))?;
        }
        last = format!("space.{key} = {}", shown(value));
    }
    run.try_into().map_err(|e: toml::de::Error| format!("{last}: {}", e.to_string().trim_end()))
}

/// A value as a table shows it: text without quotes.
pub fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Float(number) => format!("{number}"),
        Value::Array(values) if values.is_empty() => "none".into(),
        Value::Array(values) => values.iter().map(shown).collect::<Vec<_>>().join(","),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Budget, Model};
    use crate::train::Augment;

    const SPACE: &str = r#"
        trials = 9
        max_epochs = 27
        [space]
        model = ["k2c1", "crnn"]
        budget = ["0.1M", "0.25M"]
        [space.recipe]
        learning_rate = { min = 1e-4, max = 1e-2, log = true }
        weight_decay = { min = 0.0, max = 0.1 }
        batch_size = { min = 8, max = 32, log = true }
        augment = [[], ["gain=6", "mixup=0.2"]]
    "#;

    fn parse(text: &str) -> Result<Space, String> {
        Space::parse(text, &RunFile::default())
    }

    #[test]
    fn trials_are_drawn_within_the_space_from_seed_and_number_alone() {
        let space = parse(SPACE).unwrap();
        assert_eq!(space.plan, Plan { trials: 9, eta: 3, min_epochs: 1, max_epochs: 27, seed: 1 });
        let base = RunFile::default();
        let (mut models, mut rates, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
        for trial in 0..200 {
            let values = space.draw(trial);
            assert_eq!(values, space.draw(trial));
            let run = space.run(&base, &values).unwrap();
            assert_eq!(run.recipe.epochs, 27);
            assert!((1e-4..=1e-2).contains(&run.recipe.learning_rate));
            assert!((0.0..=0.1).contains(&run.recipe.weight_decay));
            assert!((8..=32).contains(&run.recipe.batch_size));
            assert!([Budget::M0_1, Budget::M0_25].contains(&run.budget));
            assert!(run.recipe.augment.is_empty() || run.recipe.augment[1] == Augment::Mixup { alpha: 0.2 });
            models.push(run.model);
            rates.push(run.recipe.learning_rate);
            sizes.push(run.recipe.batch_size);
        }
        assert!(models.contains(&Model::Crnn) && models.contains(&Model::K2c1));
        // By their logarithm half of the rates lie below 1e-3, and half of the sizes below 16.
        assert!((70..130).contains(&rates.iter().filter(|&&rate| rate < 1e-3).count()));
        assert!((70..130).contains(&sizes.iter().filter(|&&size| size < 16).count()));
        // Another key moves no other.
        let wider = parse(&SPACE.replace("weight_decay", "ema = [0.0, 0.99]\nweight_decay")).unwrap();
        let of = |space: &Space, trial| {
            let place = space.keys.iter().position(|(key, _)| key == "recipe.learning_rate").unwrap();
            space.draw(trial)[place].clone()
        };
        assert!((0..20).all(|trial| of(&space, trial) == of(&wider, trial)));
        let other = parse(&SPACE.replace("trials = 9", "trials = 9\nseed = 2")).unwrap();
        assert_ne!(of(&space, 0), of(&other, 0));
    }

    #[test]
    fn mistakes_name_their_key() {
        for (from, to, words) in [
            ("learning_rate", "learning_rat", "learning_rat"),
            ("[space.recipe]", "[space.recepe]", "recepe"),
            ("model = [\"k2c1\", \"crnn\"]", "model = [\"k3c1\"]", "space.model = k3c1"),
            ("model = [\"k2c1\", \"crnn\"]", "model = []", "space.model"),
            ("model = [\"k2c1\", \"crnn\"]", "model = \"crnn\"", "space.model"),
            ("model = [\"k2c1\", \"crnn\"]", "corpus = [\"synth\"]", "space.corpus"),
            ("max = 1e-2", "max = 1e-5", "space.recipe.learning_rate"),
            ("max = 1e-2", "max = 50.0", "--learning-rate"),
            ("max = 1e-2", "mux = 1e-2", "mux"),
            ("max = 1e-2, log = true", "max = 1e-2, log = 2", "log"),
            ("min = 0.0, max = 0.1", "min = 0.0, max = 0.1, log = true", "space.recipe.weight_decay"),
            ("batch_size = {", "epochs = {", "space.recipe.epochs"),
            ("batch_size = {", "seed = {", "space.recipe.seed"),
            ("\"mixup=0.2\"", "\"mixap\"", "mixap"),
            ("trials = 9", "trials = 9\neter = 2", "eter"),
            ("trials = 9", "trials = 0", "trials"),
            ("trials = 9", "", "trials"),
        ] {
            assert!(SPACE.contains(from), "{from}");
            let error = parse(&SPACE.replace(from, to)).unwrap_err();
            assert!(error.contains(words), "{to}: {error}");
        }
        assert!(parse("trials = 1\nmax_epochs = 1\n[space]\n").unwrap_err().contains("nothing to search"));
    }
}
