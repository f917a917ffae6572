//! Large buffers that go from one training step to the next.
//!
//! A step needs the same buffers as the one before it. Given back to the system in between, their pages are mapped and
//! cleared again each time, which costs as much as a pass over them.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// Buffers kept at most; the one unused for longest goes first.
const KEPT: usize = 64;

static FREE: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());

/// A buffer of float32 with some earlier use's values in it, aligned to a cache line.
pub(super) struct Scratch {
    values: Vec<f32>,
    start: usize,
    len: usize,
}

impl Scratch {
    pub fn take(len: usize) -> Self {
        let need = len + 16;
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        let fitting = free.iter().enumerate().filter(|(_, v)| (need..=2 * need).contains(&v.len()));
        let values = match fitting.min_by_key(|(_, v)| v.len()) {
            Some((i, _)) => free.remove(i),
            None => vec![0.0; need],
        };
        drop(free);
        let start = values.as_ptr().align_offset(64).min(16);
        Self { values, start, len }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() == KEPT {
            free.remove(0);
        }
        free.push(std::mem::take(&mut self.values));
    }
}

impl Deref for Scratch {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.values[self.start..self.start + self.len]
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.values[self.start..self.start + self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_aligned_of_the_length_asked_and_come_back() {
        for len in [0, 1, 15, 4097] {
            let mut a = Scratch::take(len);
            assert_eq!(a.len(), len);
            assert_eq!(a.as_ptr().align_offset(64), 0);
            a.fill(7.0);
            let b = Scratch::take(len);
            assert!(len == 0 || a.as_ptr() != b.as_ptr());
        }
    }
}
