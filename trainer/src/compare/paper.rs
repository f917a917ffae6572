//! The paper's own results, to be drawn beside ours.
//!
//! K. Choi, G. Fazekas, M. Sandler, K. Cho, *Convolutional Recurrent Neural Networks for Music Classification*,
//! arXiv:1609.04243: mean AUC-ROC over 50 tags of the Million Song Dataset, and seconds of training per 2500 clips on
//! the authors' GPU. Both are read off figure 2's vector graphics.

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

/// Whether results on a corpus may stand beside the paper's: its name says MSD and its tags are the paper's 50, in any
/// order. (Whether the split is the paper's too, the corpus's rule has to say.)
pub fn is_its_corpus(name: &str, tags: &[String]) -> bool {
    let has = |wanted: &str| tags.iter().any(|tag| tag.eq_ignore_ascii_case(wanted));
    name.to_ascii_lowercase().contains("msd") && tags.len() == TAGS.len() && TAGS.iter().all(|t| has(t))
}

#[cfg(test)]
mod tests {
    use super::*;
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
    fn only_msd_with_the_papers_tags_is_its_corpus() {
        let mut tags: Vec<String> = TAGS.iter().rev().map(|t| t.to_lowercase()).collect();
        assert!(is_its_corpus("msd:/data/previews", &tags));
        assert!(is_its_corpus("manifest:/data/MSD/all.csv", &tags));
        assert!(!is_its_corpus("manifest:/data/all.csv", &tags));
        tags[3] = "synthetic bell".into();
        assert!(!is_its_corpus("msd:/data/previews", &tags));
        tags.remove(3);
        assert!(!is_its_corpus("msd:/data/previews", &tags));
    }
}
