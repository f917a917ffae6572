//! A song as a point.

/// What the tags count, against the embedding: the shares add up to 1. Chosen by how often the ten nearest of 218 songs
/// are of the same genre, and how often one is by the same artist; see `docs/similar.md`.
const TAGS: f32 = 0.75;

/// How much a tag is true of a song, 0 to 1: a half at the tag's threshold.
pub fn level(p: f32, threshold: f32) -> f32 {
    let threshold = threshold.max(1e-6);
    let p = p.clamp(0.0, 1.0);
    p / (p + threshold)
}

/// The unit vector of a song, `[width + tags]`: its embedding, and how true its tags are. Two songs are as near as the
/// product of their vectors: 1 where they are the same.
pub fn unit(scores: &[f32], thresholds: &[f32], embedding: &[f32]) -> Vec<f32> {
    let mut vector = embedding.to_vec();
    let share = if embedding.is_empty() { 1.0 } else { TAGS };
    normalise(&mut vector, (1.0 - share).sqrt());
    let start = vector.len();
    vector.extend(scores.iter().zip(thresholds).map(|(&p, &threshold)| level(p, threshold) - 0.5));
    normalise(&mut vector[start..], share.sqrt());
    vector
}

/// Brings a part to a length; silence of all its values stays.
fn normalise(part: &mut [f32], length: f32) {
    let norm = part.iter().map(|value| value * value).sum::<f32>().sqrt();
    if norm > 0.0 {
        part.iter_mut().for_each(|value| *value *= length / norm);
    }
}

/// The product of two vectors.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The vector of several songs together: their mean, of length 1.
pub fn middle(vectors: &[Vec<f32>]) -> Vec<f32> {
    let mut sum = vec![0.0; vectors.first().map_or(0, Vec::len)];
    for vector in vectors {
        sum.iter_mut().zip(vector).for_each(|(sum, value)| *sum += value);
    }
    normalise(&mut sum, 1.0);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_have_length_one_and_find_themselves() {
        let a = unit(&[0.9, 0.1, 0.0], &[0.3, 0.3, 0.3], &[1.0, -2.0]);
        let b = unit(&[0.1, 0.9, 0.0], &[0.3, 0.3, 0.3], &[1.0, -2.0]);
        assert!((dot(&a, &a) - 1.0).abs() < 1e-6 && dot(&a, &b) < 0.9);
        let tags_only = unit(&[0.9, 0.1, 0.0], &[0.3, 0.3, 0.3], &[]);
        assert_eq!(tags_only.len(), 3);
        assert!((dot(&tags_only, &tags_only) - 1.0).abs() < 1e-6);
        assert_eq!(unit(&[0.3], &[0.3], &[0.0]), [0.0, 0.0]);
        assert!((dot(&middle(&[a.clone(), b]), &a) - 0.9).abs() < 0.1);
    }

    #[test]
    fn a_level_is_a_half_at_the_threshold() {
        assert_eq!(level(0.2, 0.2), 0.5);
        assert_eq!(level(0.0, 0.2), 0.0);
        assert!(level(1.0, 0.01) > 0.99 && level(f32::NAN, 0.1).is_nan());
    }
}
