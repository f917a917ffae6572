//! Holdout: which clips train, validate and test, so that no artist or album is on two sides.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{Clip, CorpusOptions, Split};

const SPLITS: [Split; 3] = [Split::Train, Split::Validation, Split::Test];

/// Sets the split of every clip and returns the sentence that says how.
///
/// Splits that the corpus gives are kept. What it does not give is drawn by groups (artist, else album, else the
/// file itself), in the order of a hash of group and seed, so that neither the order of the list nor of the disk
/// matters: 70 % train, 10 % validation, 20 % test of all; or, where only some splits are given, 12 % of train for
/// validation and 20 % for test. Without [`CorpusOptions::draw_test`] the shares are 88 and 12 %. A corpus that only tests stays so. Afterwards groups are moved, as few as
/// possible, so that every split has clips and every tag is present in each; where a tag has too few groups for
/// that it goes to train first, then test.
pub(super) fn assign(
    clips: &mut [Clip],
    options: &CorpusOptions,
    threshold: f32,
    grouped_by: &str,
    given_rule: &str,
) -> String {
    let seed = options.seed;
    let (shares, said) = if options.draw_test {
        ([0.7, 0.1, 0.2], ["70 % train, 10 % validation, 20 % test", "70/10/20"])
    } else {
        ([0.88, 0.12, 0.0], ["88 % train, 12 % validation", "88/12"])
    };
    let by = if clips.iter().any(|clip| clip.group.is_some()) {
        let lone = clips.iter().any(|clip| clip.group.is_none());
        if lone { format!("{grouped_by}, else file") } else { grouped_by.into() }
    } else {
        "file".to_owned()
    };
    let given = SPLITS.map(|split| clips.iter().any(|clip| clip.split == Some(split)));
    if given == [false; 3] {
        draw(clips, None, shares, seed, threshold);
        return format!("drawn: {} by {by} (seed {seed})", said[0]);
    }
    let mut rule = given_rule.to_owned();
    if clips.iter().any(|clip| clip.split.is_none()) {
        join_given(clips);
        draw(clips, None, shares, seed, threshold);
        rule += &format!("; clips without one drawn {} % by {by} (seed {seed})", said[1]);
    }
    let missing = |clips: &[Clip], split| clips.iter().all(|clip| clip.split != Some(split));
    if options.draw_test && given[0] && missing(clips, Split::Test) {
        draw(clips, Some(Split::Train), [0.8, 0.0, 0.2], seed, threshold);
        rule += &format!("; test: 20 % of train by {by} (seed {seed})");
    }
    if given[0] && missing(clips, Split::Validation) {
        draw(clips, Some(Split::Train), [0.88, 0.12, 0.0], seed, threshold);
        rule += &format!("; validation: 12 % of train by {by} (seed {seed})");
    }
    let straddling = straddling(clips);
    if straddling > 0 {
        rule += &format!("; {straddling} groups are given in more than one split");
    }
    rule
}

/// Groups that lie in more than one split.
pub(super) fn straddling(clips: &[Clip]) -> usize {
    let mut of: BTreeMap<&str, Option<Split>> = BTreeMap::new();
    let mut several = std::collections::BTreeSet::new();
    for clip in clips {
        if let Some(group) = &clip.group
            && *of.entry(group).or_insert(clip.split) != clip.split
        {
            several.insert(group);
        }
    }
    several.len()
}

/// A clip without a split joins its group where that has one.
fn join_given(clips: &mut [Clip]) {
    let mut of: BTreeMap<String, Split> = BTreeMap::new();
    for clip in clips.iter() {
        if let (Some(group), Some(split)) = (&clip.group, clip.split) {
            of.entry(group.clone()).or_insert(split);
        }
    }
    for clip in clips.iter_mut().filter(|clip| clip.split.is_none()) {
        clip.split = clip.group.as_ref().and_then(|group| of.get(group).copied());
    }
}

/// Clips that stay together.
struct Group {
    order: [u8; 32],
    clips: Vec<usize>,
    tags: Vec<usize>,
    side: usize,
}

/// Distributes the clips whose split is `from` over the splits in these shares.
fn draw(clips: &mut [Clip], from: Option<Split>, shares: [f64; 3], seed: u64, threshold: f32) {
    let mut members: BTreeMap<(bool, &str), Vec<usize>> = BTreeMap::new();
    for (i, clip) in clips.iter().enumerate().filter(|(_, clip)| clip.split == from) {
        let key = clip.group.as_ref().map_or((false, clip.id.as_str()), |group| (true, group.as_str()));
        members.entry(key).or_default().push(i);
    }
    let tag_count = clips.first().map_or(0, |clip| clip.labels.len());
    let mut groups: Vec<Group> = members
        .into_iter()
        .map(|((_, key), members)| {
            let hash = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(key);
            let present = |tag: &usize| members.iter().any(|&i| clips[i].labels[*tag] >= threshold);
            let tags = (0..tag_count).filter(present).collect();
            Group { order: hash.finalize().into(), clips: members, tags, side: 0 }
        })
        .collect();
    groups.sort_by_key(|group| group.order);

    // Each group goes where most is missing.
    let total: usize = groups.iter().map(|group| group.clips.len()).sum();
    let mut wanted = shares.map(|share| share * total as f64);
    for group in &mut groups {
        let most = (0..3).fold(0, |best, side| if wanted[side] > wanted[best] { side } else { best });
        group.side = most;
        wanted[most] -= group.clips.len() as f64;
    }
    repair(&mut groups, shares, tag_count);
    for group in &groups {
        for &i in &group.clips {
            clips[i].split = Some(SPLITS[group.side]);
        }
    }
}

/// Moves groups so that no split is empty and every tag is in every split, as far as there are groups.
fn repair(groups: &mut [Group], shares: [f64; 3], tag_count: usize) {
    // Rows 0.. count the groups with a tag on each side; the last row counts all groups.
    let mut on = vec![[0_usize; 3]; tag_count + 1];
    for group in groups.iter() {
        group.tags.iter().for_each(|&tag| on[tag][group.side] += 1);
        on[tag_count][group.side] += 1;
    }
    // Rare tags first: they have the least choice.
    let mut rows: Vec<usize> = (0..=tag_count).filter(|&row| on[row].iter().sum::<usize>() > 0).collect();
    rows.sort_by_key(|&row| on[row].iter().sum::<usize>());
    for row in rows {
        for side in [0, 2, 1] {
            if shares[side] == 0.0 || on[row][side] > 0 {
                continue;
            }
            let has = |group: &Group| row == tag_count || group.tags.contains(&row);
            // Taking a group must leave its side every tag that it has; the smallest move is best. Train may
            // take the last one: a tag that is never trained is worth nothing elsewhere.
            let spare = |group: &Group| {
                let rows = group.tags.iter().copied().chain([tag_count]);
                side == 0 || rows.into_iter().all(|row| on[row][group.side] > 1)
            };
            let best = groups
                .iter()
                .enumerate()
                .filter(|(_, group)| group.side != side && has(group) && spare(group))
                .min_by_key(|(i, group)| (group.clips.len(), *i));
            if let Some((best, _)) = best {
                let old = std::mem::replace(&mut groups[best].side, side);
                for tag in groups[best].tags.iter().copied().chain([tag_count]) {
                    on[tag][old] -= 1;
                    on[tag][side] += 1;
                }
            }
        }
    }
}
