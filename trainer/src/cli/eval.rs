//! `trainer eval`: an exported model on a corpus.

use super::args::EvalArgs;
use super::beside;
use super::data::Data;
use super::{report, robust, show};
use anyhow::{Context, Result, bail};
use runtime::tagger::{Precision, Tagger, TaggerError, TaggerOptions};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use trainer::corpus::{CorpusOptions, CorpusSpec, Split};
use trainer::deliver::{Aggregate, answers_by_runtime, probabilities_by_runtime};
use trainer::eval::{
    Agreement, EvalError, EvalOptions, LeftOut, Scores, beside_table, compare, evaluate, match_tags, table,
};
use trainer::files::make_writable;
use trainer::train::segments::{Answers, Cut, pieces};
use trainer::train::{LabelledClip, taught};

/// The file of that precision; none where there is no such file.
pub fn load(model: &Path, precision: Precision) -> Result<Option<Tagger>> {
    match Tagger::load_with(model, &TaggerOptions { precision, ..Default::default() }) {
        // A path to a file loads that file, whatever was asked for.
        Ok(tagger) => Ok(Some(tagger).filter(|tagger| tagger.precision() == precision)),
        Err(TaggerError::NoModel { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What a model made of the clips.
struct Heard {
    scores: Scores,
    left_out: Vec<LeftOut>,
    /// By window; only where they are asked for.
    answers: Vec<Answers>,
}

pub fn eval(args: &EvalArgs) -> Result<ExitCode> {
    let positive_threshold = super::data::positive_threshold(&args.data)?;
    if !(args.segment_seconds > 0.0 && args.segment_seconds < 1e6) {
        bail!("--segment-seconds {}: it is above 0 and below a million", args.segment_seconds);
    }
    if let Some(folder) = &args.report {
        // Found out before hours of scoring.
        make_writable(folder).with_context(|| format!("--report {}", folder.display()))?;
    }
    // The float file is the model; the int8 file beside it is compared with it.
    let (float, int8) = (load(&args.model, Precision::Float)?, load(&args.model, Precision::Int8)?);
    let Some(main) = float.as_ref().or(int8.as_ref()) else {
        bail!("{}: neither a float nor an int8 model", args.model.display());
    };
    if float.is_none() {
        show::line("the figures are those of the int8 file: there is no float one");
    }
    let other = args.beside.as_deref().map(beside::load_other).transpose()?;
    let trained_with = main.card().data.as_ref();
    let choices = CorpusOptions {
        seed: args.seed.or(trained_with.and_then(|data| data["seed"].as_u64())).unwrap_or(1),
        // What was trained on without a test split has none.
        // (Only where it is evaluated on the corpus that it was trained on: another one has clips that it has not heard.)
        draw_test: !(trained_on(trained_with, &args.corpus)
            && trained_with.and_then(|data| data["no_test"].as_bool()).unwrap_or(false)),
        positive_threshold,
        min_positives: 0,
        ..Default::default()
    };
    let corpus = CorpusSpec::all_of(args.corpus.clone()).context("--corpus is missing")?;
    let data = Data::load(&corpus, &choices, main.mel_config(), &args.data)?;
    let (split, split_name) = (args.split.only(), args.split.name());
    let clips = data.clips(split);
    if clips.is_empty() {
        bail!("{corpus} has no clips in split {split_name}; --split all takes all of it");
    }
    show::stage(&format!("Scoring {} clips", clips.len()));
    let started = std::time::Instant::now();
    let taught = taught(&clips);
    let aggregate: Aggregate = args.aggregate.into();
    let names = mapped(args.tags.as_deref(), main.tags(), &data.corpus.tags, false)?;
    let score = |tagger: &Tagger, clips: &[LabelledClip<'_>], by_window: bool| -> Result<Heard> {
        let (answers, p) = if by_window {
            let (answers, means) = answers_by_runtime(tagger, clips)?;
            let p = match aggregate {
                Aggregate::Mean => means,
                Aggregate::Max => {
                    answers.iter().flat_map(|clip| aggregate.of(&clip.probabilities, names.len())).collect()
                }
            };
            (answers, p)
        } else {
            (Vec::new(), probabilities_by_runtime(tagger, clips, aggregate)?)
        };
        let truth: Vec<f32> = clips.iter().flat_map(|c| c.labels.iter().copied()).collect();
        let (scores, left_out) = Scores::matched(&names, &p, &data.corpus.tags, &truth, clips.len())?;
        Ok(Heard { scores: scores.with_positive_threshold(positive_threshold)?, left_out, answers })
    };
    let mut heard = score(main, &clips, taught)?;
    heard.scores = heard.scores.with_groups(data.groups(split));
    let by_int8 = match (&float, &int8) {
        (Some(_), Some(int8)) => Some(score(int8, &clips, taught)?),
        _ => None,
    };
    // Thresholds are chosen on validation clips that are not the ones scored; else the card's are used.
    let validation = match split {
        Some(Split::Test) => Some(data.clips(Some(Split::Validation))).filter(|v| !v.is_empty()),
        _ => None,
    };
    let validation = validation.map(|v| score(main, &v, false)).transpose()?.map(|heard| heard.scores);
    let thresholds = main.card().thresholds.iter().flatten().zip(&names);
    let options = EvalOptions {
        split: split_name.into(),
        split_rule: data.corpus.split_rule.clone(),
        thresholds: thresholds.map(|(&t, tag)| (tag.clone(), f64::from(t))).collect(),
        left_out: heard.left_out.clone(),
        ..Default::default()
    };
    let agreement = if taught {
        let int8 = by_int8.as_ref().map(|heard| heard.answers.as_slice());
        let tags = (names.as_slice(), data.corpus.tags.as_slice());
        agreements(&clips, (&heard.answers, int8), tags, args.segment_seconds, &options)
    } else {
        Vec::new()
    };
    let name = main.card().name.clone();
    let evaluation = match evaluate(&name, &corpus.to_string(), validation.as_ref(), &heard.scores, &options)
    {
        Ok(evaluation) => evaluation,
        // A teacher that never is sure leaves nothing to take an AUC of, but much to agree with.
        Err(EvalError::NothingToScore(left_out)) if !agreement.is_empty() && other.is_none() => {
            print_agreement(args, (&name, &corpus, clips.len()), &options, &left_out, &agreement)?;
            if args.report.is_some() || args.robustness {
                bail!(
                    "no tag has an AUC, of which a report and a table of robustness are made: there is neither"
                );
            }
            return Ok(ExitCode::SUCCESS);
        }
        Err(error) => return Err(error).context(corpus.to_string()),
    };
    let mut evaluation = trainer::eval::Evaluation { agreement, ..evaluation };
    evaluation.aggregate = Some(
        match aggregate {
            Aggregate::Mean => "mean",
            Aggregate::Max => "max",
        }
        .into(),
    );
    let renamed = main.tags().iter().zip(&names).filter(|(model, name)| model != name);
    evaluation.scored_as = renamed.map(|(model, name)| [model.clone(), name.clone()]).collect();
    evaluation.precision = float.is_none().then(|| "int8".into());
    if let Some(int8) = &by_int8 {
        evaluation.int8 = Some(compare(&heard.scores, &int8.scores)?);
    }
    if let Some(other) = &other {
        let ours = beside::Ours { data: &data, numbers: &data.numbers(split), scores: &heard.scores };
        evaluation.beside = Some(beside::score(other, &ours, (&corpus, &choices), args, &options)?);
    }
    if args.robustness {
        let asked = robust::Asked {
            corpus: &data.corpus,
            numbers: &data.numbers(split),
            names: &names,
            aggregate,
            positive_threshold,
            options: &options,
        };
        evaluation.robustness = Some(robust::measure(main, &asked, &args.data)?);
    }
    evaluation.seconds = Some(started.elapsed().as_secs_f64());
    if let Some(folder) = &args.report {
        let scored = report::Scored {
            evaluation: &evaluation,
            scores: &heard.scores,
            data: &data,
            split,
            card: main.card(),
            file: main.path(),
        };
        report::write(folder, &args.model, &scored)?;
    }
    if args.json {
        println!("{}", serde_json::to_string(&evaluation)?);
    } else {
        println!("{}", table(&evaluation));
        evaluation.agreement.iter().for_each(|one| println!("{}", one.line()));
        if let Some(paper) = trainer::compare::paper::beside(&evaluation) {
            println!("\n{paper}");
        }
        if let Some(beside) = &evaluation.beside {
            println!("\n{}", beside_table(beside));
        }
        if let Some(robustness) = &evaluation.robustness {
            println!("\n{}", robustness.table());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether a model was trained on one of these corpora.
fn trained_on(data: Option<&serde_json::Value>, corpora: &[CorpusSpec]) -> bool {
    let trained = data.and_then(|data| data["corpus"].as_str()).unwrap_or_default();
    // The same folder by another name is the same corpus.
    let place = |text: &str| -> (String, Option<PathBuf>) {
        let (kind, path) = text.split_once(':').unwrap_or((text, ""));
        let kind = kind.split('/').next().unwrap_or(kind).to_owned();
        (kind, Path::new(path).canonicalize().ok())
    };
    let trained: Vec<&str> = trained.split(" + ").collect();
    corpora.iter().flat_map(|corpus| corpus.parts()).any(|part| {
        let part = part.to_string();
        let here = place(&part);
        trained.iter().any(|known| *known == part || (here.1.is_some() && place(known) == here))
    })
}

/// Names under which a model's tags are scored: its own, or by a table with the columns `model` and `corpus`; where the
/// table is another model's, tags that this one does not have are passed over.
pub fn mapped(
    table: Option<&Path>,
    model: &[String],
    corpus: &[String],
    others: bool,
) -> Result<Vec<String>> {
    let Some(path) = table else { return Ok(model.to_vec()) };
    let (mut names, mut set) = (model.to_vec(), vec![false; model.len()]);
    let mut reader = csv::Reader::from_path(path).with_context(|| path.display().to_string())?;
    let header = reader.headers().with_context(|| path.display().to_string())?.clone();
    let column = |name: &str| {
        let found = header.iter().position(|column| column == name);
        found.with_context(|| format!("{}: there is no column {name:?}", path.display()))
    };
    let (from, to) = (column("model")?, column("corpus")?);
    for (row, record) in reader.records().enumerate() {
        let record = record.with_context(|| path.display().to_string())?;
        let (from, to) = (record.get(from).unwrap_or_default(), record.get(to).unwrap_or_default());
        let place = |tags: &[String], tag: &str, whose: &str| {
            let found = tags.iter().position(|other| other.eq_ignore_ascii_case(tag));
            found.with_context(|| format!("{}: line {}: {whose} has no tag {tag:?}", path.display(), row + 2))
        };
        let to = corpus[place(corpus, to, "the corpus")?].clone();
        match place(model, from, "the model") {
            Ok(place) if std::mem::replace(&mut set[place], true) => {
                bail!("{}: line {}: {from} has a line already", path.display(), row + 2)
            }
            Ok(place) => names[place] = to,
            Err(_) if others => {}
            Err(error) => return Err(error),
        }
    }
    for (place, name) in names.iter().enumerate() {
        if let Some(first) = names[..place].iter().position(|other| other.eq_ignore_ascii_case(name)) {
            let (one, two) = (&model[first], &model[place]);
            bail!("{}: {one} and {two} would both be scored as {name}", path.display());
        }
    }
    let changed = model.iter().zip(&names).filter(|(model, name)| model != name);
    let changed: Vec<String> = changed.map(|(model, name)| format!("{model} as {name}")).collect();
    if !changed.is_empty() {
        show::line(&format!("scored under other names: {}", changed.join(", ")));
    }
    Ok(names)
}

/// Agreement with a teacher's labels over segments, over the labels' own windows and over tracks.
fn agreements(
    clips: &[LabelledClip<'_>],
    (answers, int8): (&[Answers], Option<&[Answers]>),
    tags: (&[String], &[String]),
    segment_seconds: f64,
    options: &EvalOptions,
) -> Vec<Agreement> {
    let pairs = match_tags(tags.0, tags.1);
    let names: Vec<String> = pairs.iter().map(|&(model, _)| tags.0[model].clone()).collect();
    let windowed = clips.iter().any(|clip| !clip.windows.is_empty());
    let mut cuts = vec![("tracks", Cut::Tracks)];
    if windowed {
        cuts.splice(0..0, [("segments", Cut::Segments(segment_seconds)), ("windows", Cut::Windows)]);
    }
    let drawn = (options.resamples, options.seed);
    let measure = |(over, cut): (&str, Cut)| {
        let seconds = (over == "segments").then_some(segment_seconds);
        let int8 = int8.map(|answers| pieces(clips, answers, tags, cut));
        Agreement::of(over, seconds, &names, &pieces(clips, answers, tags, cut), int8.as_ref(), drawn)
    };
    cuts.into_iter().filter_map(measure).collect()
}

/// What is left to tell where no tag has an AUC.
fn print_agreement(
    args: &EvalArgs,
    (model, corpus, clips): (&str, &CorpusSpec, usize),
    options: &EvalOptions,
    left_out: &[LeftOut],
    agreement: &[Agreement],
) -> Result<()> {
    if args.json {
        let json = serde_json::json!({
            "model": model,
            "corpus": corpus.to_string(),
            "clips": clips,
            "split": options.split,
            "split_rule": options.split_rule,
            "left_out": left_out,
            "agreement": agreement,
        });
        println!("{json}");
    } else {
        println!("{model} on {corpus}, {} split, {clips} clips: no tag has an AUC", options.split);
        agreement.iter().for_each(|one| println!("{}", one.line()));
    }
    Ok(())
}
