//! Several corpora as one.

use std::collections::HashMap;

use super::load::Part;
use super::split;

/// All clips one after the other. Tags meet by name without regard to case; a tag that a corpus does not have is not
/// labelled for its clips. Splits stay as they are: a corpus is parted the same way alone and among others.
pub(super) fn join(mut parts: Vec<Part>) -> Part {
    if parts.len() == 1
        && let Some(one) = parts.pop()
    {
        return one;
    }
    let mut tags: Vec<String> = Vec::new();
    let mut numbers: HashMap<String, usize> = HashMap::new();
    for tag in parts.iter().flat_map(|part| &part.tags) {
        numbers.entry(tag.to_lowercase()).or_insert_with(|| {
            tags.push(tag.clone());
            tags.len() - 1
        });
    }
    let name = parts.iter().map(|part| part.name.as_str()).collect::<Vec<_>>().join(" + ");
    let within: usize = parts.iter().map(|part| split::straddling(&part.clips)).sum();
    let (mut clips, mut problems, mut rules, mut unlabelled) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for part in parts {
        let places: Vec<usize> = part.tags.iter().map(|tag| numbers[&tag.to_lowercase()]).collect();
        let spread = |labels: &mut Vec<f32>| {
            let mut all = vec![f32::NAN; tags.len()];
            places.iter().zip(labels.iter()).for_each(|(&place, &label)| all[place] = label);
            *labels = all;
        };
        let in_order = places.len() == tags.len() && places.is_sorted();
        for mut clip in part.clips {
            if !in_order {
                spread(&mut clip.labels);
                clip.windows.iter_mut().for_each(|window| spread(&mut window.labels));
            }
            clips.push(clip);
        }
        problems.extend(part.problems);
        unlabelled += part.unlabelled;
        rules.push((part.name, part.split_rule));
    }
    let mut split_rule = match rules.first() {
        Some((_, first)) if rules.iter().all(|(_, rule)| rule == first) => first.clone(),
        _ => rules.iter().map(|(name, rule)| format!("{name}: {rule}")).collect::<Vec<_>>().join("; "),
    };
    // What the corpora straddle by themselves, their own sentences say.
    let straddling = split::straddling(&clips);
    if straddling > within {
        split_rule += &format!("; {straddling} groups are in other splits in one corpus than in another");
    }
    Part { name, tags, clips, problems, split_rule, unlabelled }
}
