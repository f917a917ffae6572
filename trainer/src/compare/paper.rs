//! The paper's own results, to be drawn beside ours.
//!
//! K. Choi, G. Fazekas, M. Sandler, K. Cho, *Convolutional Recurrent Neural Networks for Music Classification*,
//! arXiv:1609.04243: mean AUC-ROC over 50 tags of the Million Song Dataset, and seconds of training per 2500 clips on
//! the authors' GPU. Both are read off figure 2's vector graphics.

use crate::corpus::published::PUBLISHED_SPLIT;
use crate::eval::Evaluation;
use crate::net::{Budget, Model};

/// One of the paper's points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PaperPoint {
    /// The network.
    pub model: Model,
    /// Its size.
    pub budget: Budget,
    /// Weights, by arithmetic on the paper's widths with 50 tags.
    pub weights: f64,
    /// Mean AUC-ROC over the 50 tags.
    pub auc: f64,
    /// Seconds of training per 2500 clips.
    pub seconds: f64,
}

type Row = (Model, [f64; 5], [f64; 5], [f64; 5]);

const ROWS: [Row; 4] = [
    (
        Model::K1c2,
        [101.5e3, 247e3, 487e3, 1.006e6, 2.96e6],
        [0.8258, 0.8321, 0.8326, 0.8371, 0.8381],
        [42.0, 80.0, 111.0, 146.0, 218.0],
    ),
    (
        Model::K2c1,
        [96.1e3, 244e3, 501e3, 998e3, 2.98e6],
        [0.8223, 0.8258, 0.8264, 0.8251, 0.8283],
        [13.0, 16.0, 20.0, 30.0, 40.0],
    ),
    (
        Model::K2c2,
        [96.0e3, 245e3, 496e3, 1.001e6, 3.04e6],
        [0.8460, 0.8473, 0.8511, 0.8520, 0.8561],
        [32.0, 64.0, 82.0, 116.0, 180.0],
    ),
    (
        Model::Crnn,
        [96.3e3, 245e3, 495e3, 998e3, 3.02e6],
        [0.8511, 0.8509, 0.8558, 0.8563, 0.8612],
        [89.0, 103.0, 166.0, 256.0, 402.0],
    ),
];

/// All twenty, network by network, smallest first.
pub fn points() -> Vec<PaperPoint> {
    let of = |(model, weights, auc, seconds): Row| {
        let budgets = Budget::ALL.into_iter().enumerate();
        budgets.map(move |(i, budget)| PaperPoint {
            model,
            budget,
            weights: weights[i],
            auc: auc[i],
            seconds: seconds[i],
        })
    };
    ROWS.into_iter().flat_map(of).collect()
}

/// The paper's 50 tags, in its order.
#[rustfmt::skip]
pub const TAGS: [&str; 50] = [
    "rock", "pop", "alternative", "indie", "electronic", "female vocalists", "dance", "00s", "alternative rock", "jazz",
    "beautiful", "metal", "chillout", "male vocalists", "classic rock", "soul", "indie rock", "Mellow", "electronica",
    "80s", "folk", "90s", "chill", "instrumental", "punk", "oldies", "blues", "hard rock", "ambient", "acoustic",
    "experimental", "female vocalist", "guitar", "Hip-Hop", "70s", "party", "country", "easy listening", "sexy",
    "catchy", "funk", "electro", "heavy metal", "Progressive rock", "60s", "rnb", "indie pop", "sad", "House", "happy",
];

/// Whether results on a corpus may stand beside the paper's: it is MSD with the paper's 50 tags, in any order. (Whether the
/// split is the paper's too, the corpus's rule has to say.)
pub fn is_its_corpus(name: &str, tags: &[String]) -> bool {
    let has = |wanted: &str| tags.iter().any(|tag| tag.eq_ignore_ascii_case(wanted));
    name.starts_with("msd:") && tags.len() == TAGS.len() && TAGS.iter().all(|t| has(t))
}

/// The best AUC of any of the paper's networks on each of the [`TAGS`], read off its figures.
#[rustfmt::skip]
pub const BEST_AUC: [f64; 50] = [
    0.805, 0.833, 0.797, 0.857, 0.893, 0.853, 0.921, 0.713, 0.853, 0.936, 0.759, 0.944, 0.846, 0.745, 0.832, 0.906, 0.879, 0.813, 0.864, 0.871, 0.867, 0.733, 0.760, 0.910, 0.939, 0.936, 0.916, 0.900, 0.912, 0.861, 0.834, 0.840, 0.819, 0.968, 0.873, 0.791, 0.924, 0.796, 0.774, 0.722, 0.883, 0.928, 0.949, 0.803, 0.929, 0.945, 0.866, 0.753, 0.926, 0.642
];

/// Clips of the paper's test split.
pub const TEST_CLIPS: usize = 28_540;

/// The paper's figures beside an evaluation, as a table; nothing unless corpus, split and tags are the paper's and no more than
/// a twentieth of its test clips is missing.
pub fn beside(evaluation: &Evaluation) -> Option<String> {
    let Evaluation { corpus, split, split_rule, clips, tags, .. } = evaluation;
    let names: Vec<String> = tags.iter().map(|tag| tag.tag.clone()).collect();
    let its = corpus.starts_with("msd:") && is_its_corpus(corpus, &names) && split == "test";
    // By the model's own tags, as means over windows.
    let its =
        its && evaluation.scored_as.is_empty() && evaluation.aggregate.as_deref().unwrap_or("mean") == "mean";
    let whole = (TEST_CLIPS - TEST_CLIPS / 20..=TEST_CLIPS).contains(clips);
    if !its || !whole || !split_rule.starts_with(PUBLISHED_SPLIT) {
        return None;
    }
    let mut text =
        format!("beside the paper (arXiv:1609.04243), on {clips} of its {TEST_CLIPS} test clips\n\n");
    text += &format!(
        "mean AUC here {:.4} ({:.4} - {:.4})\n",
        evaluation.mean_auc, evaluation.mean_auc_ci95[0], evaluation.mean_auc_ci95[1]
    );
    text += "  network      0.1M    0.25M   0.5M    1M      3M\n";
    for (model, _, aucs, _) in ROWS {
        let aucs = aucs.map(|auc| format!("{auc:.4}")).join("  ");
        text += &format!("  {:<11}  {aucs}\n", model.to_string());
    }
    text += "\n  tag                AUC here  95 % CI        the paper's best\n";
    for (name, best) in TAGS.iter().zip(BEST_AUC) {
        if let Some(tag) = tags.iter().find(|tag| tag.tag.eq_ignore_ascii_case(name)) {
            text += &format!(
                "  {name:<18} {:.3}     {:.3} - {:.3}  {best:.3}\n",
                tag.auc, tag.ci95[0], tag.ci95[1]
            );
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::{EvalOptions, Scores, evaluate};
    use crate::net::{Architecture, PAPER_POOLS};

    #[test]
    fn the_points_are_of_our_networks() {
        for point in points() {
            let ours = Architecture::new(point.model, point.budget, 96, &PAPER_POOLS, 50).unwrap().weights();
            assert!((ours as f64 / point.weights - 1.0).abs() < 0.01, "{point:?}: {ours}");
        }
        assert_eq!(points().len(), 20);
    }

    #[test]
    fn figures_stand_beside_the_papers_own_corpus_and_no_other() {
        let clips = TEST_CLIPS - 100;
        let labels: Vec<f32> = (0..clips * 50).map(|cell| f32::from(u8::from(cell % 7 == 0))).collect();
        let answers: Vec<f32> = (0..clips * 50).map(|cell| (cell % 13) as f32 / 13.0).collect();
        let scores = Scores::new(TAGS.map(String::from).into(), clips, labels, answers).unwrap();
        let options =
            EvalOptions { resamples: 2, split_rule: PUBLISHED_SPLIT.into(), ..EvalOptions::default() };
        let right = evaluate("m", "msd:/data/msd", None, &scores, &options).unwrap();
        let text = beside(&right).unwrap();
        for line in ["28440 of its 28540", "0.8223  0.8258  0.8264  0.8251  0.8283", "  0.968", "  0.642"] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
        assert_eq!(text.lines().count(), 2 + 1 + 1 + 4 + 2 + 50);
        type Change = fn(&mut Evaluation);
        let wrong: [(&str, Change); 7] = [
            ("names", |e| e.scored_as = vec![["pop".into(), "rock".into()]]),
            ("aggregate", |e| e.aggregate = Some("max".into())),
            ("corpus", |e| e.corpus = "msd/top50:/data/msd".into()),
            ("split", |e| e.split = "validation".into()),
            ("rule", |e| e.split_rule = "drawn: 70 % train".into()),
            ("clips", |e| e.clips = 20_000),
            ("tags", |e| drop(e.tags.pop())),
        ];
        for (what, change) in wrong {
            let mut other = right.clone();
            change(&mut other);
            assert!(beside(&other).is_none(), "{what}");
        }
    }

    #[test]
    fn only_msd_with_the_papers_tags_is_its_corpus() {
        let mut tags: Vec<String> = TAGS.iter().rev().map(|t| t.to_lowercase()).collect();
        assert!(is_its_corpus("msd:/data/previews", &tags));
        assert!(!is_its_corpus("manifest:/data/MSD/all.csv", &tags));
        assert!(!is_its_corpus("manifest:/data/all.csv", &tags));
        tags[3] = "synthetic bell".into();
        assert!(!is_its_corpus("msd:/data/previews", &tags));
        tags.remove(3);
        assert!(!is_its_corpus("msd:/data/previews", &tags));
    }
}
