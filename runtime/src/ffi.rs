//! The C interface: `include/minim.h`, made from this file by cbindgen.
//!
//! A handle holds a model and the song that it hears; there is nothing else, and no global state: handles may be used on
//! different threads, each by one at a time. Wrong arguments are answered with a number below 0, and never crash as long
//! as pointers point to what they say. No panic crosses the border.
#![allow(unsafe_code)]

use crate::pcm::Pcm;
use crate::tagger::{Pace, SongTags, TagStream, Tagger};
use std::ffi::{CStr, CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;
use std::slice::from_raw_parts;
use std::sync::Arc;

/// All went well.
pub const MINIM_OK: i32 = 0;
/// A pointer is null, or a number makes no sense.
pub const MINIM_ARGUMENT: i32 = -1;
/// The music cannot be heard; `minim_error` says why.
pub const MINIM_FAILED: i32 = -2;
/// The song is over: `minim_reset` begins another.
pub const MINIM_ENDED: i32 = -3;

/// A model, and a song that it hears.
pub struct MinimTagger {
    tagger: Arc<Tagger>,
    names: Vec<CString>,
    sample_rate: u32,
    channels: usize,
    mono: Vec<f32>,
    stream: Option<TagStream<Arc<Tagger>>>,
    song: Option<SongTags>,
    error: CString,
}

impl MinimTagger {
    fn open(path: &str, sample_rate: u32, channels: u32) -> Result<Self, String> {
        if channels == 0 || channels > 64 {
            return Err(format!("{channels} channels"));
        }
        let tagger = Arc::new(Tagger::load(path).map_err(|error| error.to_string())?);
        let mut stream = TagStream::new(Arc::clone(&tagger), Pace::Live);
        // Says whether music can come at this rate.
        stream.push(Pcm::new(sample_rate, &[])).map_err(|error| error.to_string())?;
        let names = tagger.tags().iter().map(|tag| c_text(tag)).collect();
        let (mono, stream, error) = (Vec::new(), Some(stream), CString::default());
        Ok(Self { tagger, names, sample_rate, channels: channels as usize, mono, stream, song: None, error })
    }

    fn push(&mut self) -> i32 {
        let Some(stream) = &mut self.stream else { return MINIM_ENDED };
        let before = stream.windows();
        match stream.push(Pcm::new(self.sample_rate, &self.mono)) {
            Ok(()) => i32::try_from(stream.windows() - before).unwrap_or(i32::MAX),
            Err(error) => self.fail(&error.to_string()),
        }
    }

    fn finish(&mut self) -> i32 {
        let Some(mut stream) = self.stream.take() else { return MINIM_ENDED };
        match stream.finish() {
            Ok(song) => {
                self.song = Some(song);
                MINIM_OK
            }
            Err(error) => self.fail(&error.to_string()),
        }
    }

    fn fail(&mut self, reason: &str) -> i32 {
        self.error = c_text(reason);
        MINIM_FAILED
    }

    fn so_far(&self) -> Option<SongTags> {
        self.song.clone().or_else(|| self.stream.as_ref()?.so_far())
    }

    fn windows(&self) -> usize {
        let song = self.song.as_ref().map(|song| song.windows);
        song.or_else(|| self.stream.as_ref().map(TagStream::windows)).unwrap_or(0)
    }
}

/// A text without its zero bytes, of which C knows nothing.
fn c_text(text: &str) -> CString {
    let bytes: Vec<u8> = text.bytes().filter(|&byte| byte != 0).collect();
    CString::new(bytes).unwrap_or_default()
}

/// Runs what must not panic into C.
fn guarded(failed: i32, work: impl FnOnce() -> i32) -> i32 {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(failed)
}

/// Opens a model: a folder, a packed model.bin beside its card.json, or an ONNX file.
///
/// `sample_rate` in hertz and `channels` are those of the samples to come. Returns NULL where that cannot be, and writes
/// why into `error`, a text of at most `error_size` bytes with its zero; `error` may be NULL. Give what is returned to
/// `minim_close` in the end.
///
/// # Safety
/// `path` is a text that ends in a zero byte; `error` points to `error_size` bytes, or is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn minim_open(
    path: *const c_char,
    sample_rate: u32,
    channels: u32,
    error: *mut c_char,
    error_size: usize,
) -> *mut MinimTagger {
    let opened = if path.is_null() {
        Err("no path".into())
    } else {
        // SAFETY: the caller says that it is a text with a zero at its end, and it is not null.
        let path = unsafe { CStr::from_ptr(path) };
        match path.to_str() {
            Ok(path) => catch_unwind(|| MinimTagger::open(path, sample_rate, channels))
                .unwrap_or_else(|_| Err("it panicked".into())),
            Err(_) => Err("the path is not UTF-8".into()),
        }
    };
    match opened {
        Ok(tagger) => Box::into_raw(Box::new(tagger)),
        Err(reason) => {
            if !error.is_null() && error_size > 0 {
                let reason = c_text(&reason);
                let bytes = reason.as_bytes();
                let length = bytes.len().min(error_size - 1);
                // SAFETY: the caller says that `error` points to `error_size` bytes; at most that many are written.
                unsafe {
                    std::ptr::copy_nonoverlapping(bytes.as_ptr(), error.cast(), length);
                    *error.add(length) = 0;
                }
            }
            null_mut()
        }
    }
}

/// The handle behind a pointer.
///
/// # Safety
/// It is null, or came from `minim_open` and was not closed, and nobody else uses it now.
unsafe fn handle<'h>(tagger: *mut MinimTagger) -> Option<&'h mut MinimTagger> {
    // SAFETY: as above.
    unsafe { tagger.as_mut() }
}

/// Takes the next samples: `frames` times as many as there are channels, interleaved, full scale from -1 to 1.
///
/// Returns how many windows were heard anew, or a number below 0.
///
/// # Safety
/// `tagger` came from `minim_open`; `samples` points to that many floats, or `frames` is 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn minim_push(tagger: *mut MinimTagger, samples: *const f32, frames: usize) -> i32 {
    // SAFETY: the caller's word on both pointers.
    unsafe { push(tagger, samples, frames, |sample| sample) }
}

/// `minim_push` for samples of 16 bits.
///
/// # Safety
/// As `minim_push`, of 16-bit integers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn minim_push_i16(tagger: *mut MinimTagger, samples: *const i16, frames: usize) -> i32 {
    // SAFETY: the caller's word on both pointers.
    unsafe { push(tagger, samples, frames, |sample| f32::from(sample) / 32768.0) }
}

/// # Safety
/// As `minim_push`.
unsafe fn push<S: Copy>(
    tagger: *mut MinimTagger,
    samples: *const S,
    frames: usize,
    value: impl Fn(S) -> f32,
) -> i32 {
    // SAFETY: the caller's word.
    let Some(tagger) = (unsafe { handle(tagger) }) else { return MINIM_ARGUMENT };
    let Some(count) = frames.checked_mul(tagger.channels) else { return MINIM_ARGUMENT };
    if count == 0 {
        return 0;
    }
    if samples.is_null() || !samples.is_aligned() || count > isize::MAX as usize / size_of::<S>() {
        return MINIM_ARGUMENT;
    }
    // SAFETY: not null, aligned, no longer than memory can be, and the caller says that so many are there.
    let samples = unsafe { from_raw_parts(samples, count) };
    guarded(MINIM_FAILED, || {
        tagger.mono.clear();
        let scale = 1.0 / tagger.channels as f32;
        let frames = samples.chunks_exact(tagger.channels);
        tagger.mono.extend(frames.map(|frame| frame.iter().map(|&s| value(s) * scale).sum::<f32>()));
        tagger.push()
    })
}

/// Ends the song: what is shorter than a window is heard, too. Returns 0, or a number below 0.
///
/// # Safety
/// `tagger` came from `minim_open`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn minim_finish(tagger: *mut MinimTagger) -> i32 {
    // SAFETY: the caller's word.
    let Some(tagger) = (unsafe { handle(tagger) }) else { return MINIM_ARGUMENT };
    guarded(MINIM_FAILED, || tagger.finish())
}

/// Forgets the song: the next samples begin another. Returns 0, or a number below 0.
///
/// # Safety
/// `tagger` came from `minim_open`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn minim_reset(tagger: *mut MinimTagger) -> i32 {
    // SAFETY: the caller's word.
    let Some(tagger) = (unsafe { handle(tagger) }) else { return MINIM_ARGUMENT };
    tagger.song = None;
    tagger.stream = Some(TagStream::new(Arc::clone(&tagger.tagger), Pace::Live));
    MINIM_OK
}

/// How many tags the model has; 0 for NULL.
///
/// # Safety
/// `tagger` came from `minim_open`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn minim_tag_count(tagger: *mut MinimTagger) -> usize {
    // SAFETY: the caller's word.
    unsafe { handle(tagger) }.map_or(0, |tagger| tagger.names.len())
}

/// The name of a tag, in UTF-8, as long as the handle is open; NULL beyond the last one.
///
/// # Safety
/// `tagger` came from `minim_open`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn minim_tag_name(tagger: *mut MinimTagger, tag: usize) -> *const c_char {
    // SAFETY: the caller's word.
    let tagger = unsafe { handle(tagger) };
    tagger.and_then(|tagger| tagger.names.get(tag)).map_or(std::ptr::null(), |name| name.as_ptr())
}

/// How many windows of the song were heard.
///
/// # Safety
/// `tagger` came from `minim_open`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn minim_windows(tagger: *mut MinimTagger) -> usize {
    // SAFETY: the caller's word.
    unsafe { handle(tagger) }.map_or(0, |tagger| tagger.windows())
}

/// Writes the mean probability of each tag over the song so far into `means`, `count` of them, in the order of their
/// names. Returns how many windows they are over, where 0 writes nothing, or a number below 0.
///
/// # Safety
/// `tagger` came from `minim_open`; `means` points to room for `count` floats.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn minim_tags(tagger: *mut MinimTagger, means: *mut f32, count: usize) -> i32 {
    // SAFETY: the caller's word on both pointers.
    unsafe { values(tagger, means, count, |song, _| song.mean.clone()) }
}

/// As `minim_tags`, the probabilities of the last window alone.
///
/// # Safety
/// As `minim_tags`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn minim_last(tagger: *mut MinimTagger, last: *mut f32, count: usize) -> i32 {
    let of_last = |song: &SongTags, tags: usize| song.probabilities[(song.windows - 1) * tags..].to_vec();
    // SAFETY: the caller's word on both pointers.
    unsafe { values(tagger, last, count, of_last) }
}

/// # Safety
/// As `minim_tags`.
unsafe fn values(
    tagger: *mut MinimTagger,
    out: *mut f32,
    count: usize,
    of: impl Fn(&SongTags, usize) -> Vec<f32>,
) -> i32 {
    // SAFETY: the caller's word.
    let Some(tagger) = (unsafe { handle(tagger) }) else { return MINIM_ARGUMENT };
    if out.is_null() || !out.is_aligned() {
        return MINIM_ARGUMENT;
    }
    guarded(MINIM_FAILED, || {
        let Some(song) = tagger.so_far() else { return 0 };
        let values = of(&song, tagger.names.len());
        let length = values.len().min(count);
        // SAFETY: not null, aligned, and the caller says that there is room for `count`.
        unsafe { std::ptr::copy_nonoverlapping(values.as_ptr(), out, length) };
        i32::try_from(song.windows).unwrap_or(i32::MAX)
    })
}

/// Why the last call failed; an empty text where none did. It lives until the next call.
///
/// # Safety
/// `tagger` came from `minim_open`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn minim_error(tagger: *mut MinimTagger) -> *const c_char {
    // SAFETY: the caller's word.
    unsafe { handle(tagger) }.map_or(std::ptr::null(), |tagger| tagger.error.as_ptr())
}

/// Closes a handle; NULL is nothing to close.
///
/// # Safety
/// `tagger` came from `minim_open` and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn minim_close(tagger: *mut MinimTagger) {
    if !tagger.is_null() {
        // SAFETY: `minim_open` made it of a box, and the caller gives it back.
        let tagger = unsafe { Box::from_raw(tagger) };
        let _ = catch_unwind(AssertUnwindSafe(|| drop(tagger)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> CString {
        CString::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../models/k2c1-msd50-0.1m")).unwrap()
    }

    /// Interleaved noise.
    fn music(frames: usize) -> Vec<f32> {
        (0..frames * 2).map(|i| ((i * i % 7919) as f32 / 7919.0 - 0.5) * 0.4).collect()
    }

    #[test]
    fn a_song_is_heard_as_the_tagger_hears_it() {
        let stereo = music(44_100 * 9);
        let mono: Vec<f32> = stereo.chunks(2).map(|frame| frame[0] * 0.5 + frame[1] * 0.5).collect();
        let tagger = Tagger::load(model().to_str().unwrap()).unwrap();
        let song = tagger.tag(Pcm::new(44_100, &mono)).unwrap();
        // SAFETY: all pointers are to what is there.
        unsafe {
            let handle = minim_open(model().as_ptr(), 44_100, 2, null_mut(), 0);
            assert!(!handle.is_null());
            for _ in 0..2 {
                let heard: i32 =
                    stereo.chunks(8820).map(|p| minim_push(handle, p.as_ptr(), p.len() / 2)).sum();
                assert!(heard > 0 && heard as usize <= song.windows);
                assert_eq!(minim_finish(handle), MINIM_OK);
                assert_eq!(minim_finish(handle), MINIM_ENDED);
                assert_eq!(minim_push(handle, stereo.as_ptr(), 1), MINIM_ENDED);
                let mut means = vec![0.0; minim_tag_count(handle)];
                assert_eq!(minim_tags(handle, means.as_mut_ptr(), means.len()), song.windows as i32);
                assert_eq!(means, song.mean);
                assert_eq!(minim_last(handle, means.as_mut_ptr(), 1), song.windows as i32);
                assert_eq!(means[0], song.probabilities[(song.windows - 1) * 50]);
                assert_eq!(CStr::from_ptr(minim_tag_name(handle, 0)).to_str().unwrap(), tagger.tags()[0]);
                assert!(minim_tag_name(handle, 50).is_null());
                assert_eq!(minim_reset(handle), MINIM_OK);
                assert_eq!((minim_windows(handle), minim_tags(handle, means.as_mut_ptr(), 50)), (0, 0));
            }
            minim_close(handle);
        }
    }

    #[test]
    fn wrong_arguments_are_answered() {
        // SAFETY: all pointers are null, or to what is there.
        unsafe {
            let mut error: [c_char; 30] = [1; 30];
            let nowhere = CString::new("no/such/model").unwrap();
            for (path, rate, channels) in
                [(nowhere.as_ptr(), 44_100, 2), (std::ptr::null(), 44_100, 2), (model().as_ptr(), 7, 2)]
            {
                assert!(minim_open(path, rate, channels, error.as_mut_ptr(), error.len()).is_null());
                assert!(!CStr::from_ptr(error.as_ptr()).is_empty());
                assert!(minim_open(path, rate, channels, null_mut(), 0).is_null());
            }
            assert!(minim_open(model().as_ptr(), 44_100, 0, null_mut(), 0).is_null());
            let none = null_mut();
            assert_eq!((minim_push(none, &0.0, 1), minim_finish(none), minim_reset(none)), (-1, -1, -1));
            assert_eq!((minim_tag_count(none), minim_windows(none)), (0, 0));
            assert!(minim_tag_name(none, 0).is_null() && minim_error(none).is_null());
            minim_close(none);

            let handle = minim_open(model().as_ptr(), 44_100, 1, null_mut(), 0);
            assert_eq!(minim_push(handle, std::ptr::null(), 1), MINIM_ARGUMENT);
            assert_eq!(minim_push(handle, std::ptr::null(), 0), 0);
            assert_eq!(minim_push(handle, &0.0, usize::MAX), MINIM_ARGUMENT);
            assert_eq!(minim_push(handle, &f32::NAN, 1), MINIM_FAILED);
            assert!(CStr::from_ptr(minim_error(handle)).to_str().unwrap().contains("finite"));
            assert_eq!(minim_push_i16(handle, [0; 9].as_ptr(), 9), 0);
            assert_eq!(minim_finish(handle), MINIM_FAILED);
            assert!(CStr::from_ptr(minim_error(handle)).to_str().unwrap().contains("silent"));
            assert_eq!(minim_tags(handle, null_mut(), 50), MINIM_ARGUMENT);
            minim_close(handle);
        }
    }
}
