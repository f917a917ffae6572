//! What the system is told about the codes that are read next.
//!
//! A mapped file is read where it is touched, and the system guesses what else to read: around the touched page, up to
//! megabytes. Clips in random order make every guess wrong, and where the file is larger than the memory, what was read
//! in vain pushes out what was not. So guessing is switched off for mapped codes ([`as_told`]), and whoever is about to
//! read says what ([`will_need`], [`ahead`]): the system then reads exactly that, many pieces at once.
//! `trainer/examples/time_reading.rs` measures it.

use std::collections::VecDeque;

use memmap2::Mmap;

/// Clips that [`ahead`] asks for before they are read: 8 MB of half minutes, enough for a disk to work in parallel.
const AHEAD: usize = 64;

/// Has a map read what it is told to, and no more. Does nothing where the system knows no such advice.
pub fn as_told(map: &Mmap) {
    // A system that does not take advice reads as it always does.
    #[cfg(unix)]
    let _ = map.advise(memmap2::Advice::Random);
    #[cfg(not(unix))]
    let _ = map;
}

/// Starts reading codes from the disk, without waiting for them, where they lie in a mapped file. Does nothing to codes
/// that are in memory, and where the system knows no such advice.
pub fn will_need(codes: &[u8]) {
    #[cfg(unix)]
    if !codes.is_empty() {
        // SAFETY: sysconf only answers.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        let Ok(page) = usize::try_from(page) else { return };
        let before = codes.as_ptr() as usize % page.max(1);
        // SAFETY: this advice changes neither what memory holds nor what is mapped: the system may read ahead, or not.
        // The address is only rounded down to the page that the first code lies in, which is mapped as the code is.
        unsafe {
            libc::madvise(
                codes.as_ptr().wrapping_sub(before) as *mut libc::c_void,
                codes.len() + before,
                libc::MADV_WILLNEED,
            );
        }
    }
    #[cfg(not(unix))]
    let _ = codes;
}

/// The same clips in the same order, the next ones being read from the disk meanwhile.
pub fn ahead<'a>(mut clips: impl Iterator<Item = &'a [u8]>) -> impl Iterator<Item = &'a [u8]> {
    let mut asked = VecDeque::with_capacity(AHEAD);
    std::iter::from_fn(move || {
        while asked.len() < AHEAD
            && let Some(codes) = clips.next()
        {
            will_need(codes);
            asked.push_back(codes);
        }
        asked.pop_front()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_changes_nothing_that_is_read() {
        let mut file = tempfile::tempfile().unwrap();
        let bytes: Vec<u8> = (0..100_000u32).map(|i| ((i * 97) >> 3) as u8).collect();
        std::io::Write::write_all(&mut file, &bytes).unwrap();
        // SAFETY: nobody else has this file.
        let map = unsafe { Mmap::map(&file) }.unwrap();
        as_told(&map);
        let clips = || map.chunks(777);
        assert!(ahead(clips()).eq(bytes.chunks(777)));
        // In memory, of no length, and up to the last byte of the file.
        will_need(&bytes[1..]);
        will_need(&[]);
        will_need(&map[99_999..]);
        assert_eq!(*map, *bytes);
    }
}
