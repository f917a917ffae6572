//! Several trainings at once, on the threads that there are.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// As many threads as were asked for, or else one per core.
pub fn threads_or_cores(asked: Option<usize>) -> usize {
    asked.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// How many run at once, and with how many threads each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// At once.
    pub jobs: usize,
    /// Threads of each.
    pub threads: usize,
}

impl Share {
    /// `jobs` at once on `threads` threads, which they part evenly; never more jobs than threads.
    pub fn of(jobs: usize, threads: usize) -> Self {
        let jobs = jobs.clamp(1, threads.max(1));
        Self { jobs, threads: (threads / jobs).max(1) }
    }
}

/// Why there are no threads.
#[derive(Debug, thiserror::Error)]
#[error("starting threads: {0}")]
pub struct ThreadsError(#[from] rayon::ThreadPoolBuildError);

/// Does `work` for each item, in their order as far as several at once allow, and gives what each came to: nothing for
/// those not begun because `stop` became true. Work that panics comes to an error with its message.
///
/// # Errors
/// When threads cannot be started.
pub fn each<T: Sync, R: Send>(
    share: Share,
    items: &[T],
    stop: &AtomicBool,
    work: impl Fn(&T) -> Result<R, String> + Sync,
) -> Result<Vec<Option<Result<R, String>>>, ThreadsError> {
    // One at a time has all the threads that everybody else has.
    let own = share.jobs > 1 || share.threads != rayon::current_num_threads();
    let pools = (0..share.jobs)
        .map(|_| own.then(|| rayon::ThreadPoolBuilder::new().num_threads(share.threads).build()).transpose())
        .collect::<Result<Vec<_>, _>>()?;
    let next = AtomicUsize::new(0);
    let done = Mutex::new(items.iter().map(|_| None).collect::<Vec<_>>());
    std::thread::scope(|scope| {
        for pool in &pools {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(place) else { return };
                    let guarded = || {
                        catch_unwind(AssertUnwindSafe(|| work(item)))
                            .unwrap_or_else(|panic| Err(said(&*panic)))
                    };
                    let result = match pool {
                        Some(pool) => pool.install(guarded),
                        None => guarded(),
                    };
                    done.lock().unwrap_or_else(std::sync::PoisonError::into_inner)[place] = Some(result);
                }
            });
        }
    });
    Ok(done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
}

/// The message of a panic.
fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
    format!("it panicked: {}", text.unwrap_or("without a message"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_parted() {
        assert_eq!(Share::of(1, 8), Share { jobs: 1, threads: 8 });
        assert_eq!(Share::of(3, 8), Share { jobs: 3, threads: 2 });
        assert_eq!(Share::of(16, 4), Share { jobs: 4, threads: 1 });
        assert_eq!(Share::of(0, 0), Share { jobs: 1, threads: 1 });
    }

    #[test]
    fn results_keep_their_places_and_a_panic_ends_only_its_own() {
        let items: Vec<usize> = (0..20).collect();
        let work = |&i: &usize| match i {
            7 => panic!("seven"),
            8 => Err("eight".to_string()),
            i => Ok((i, rayon::current_num_threads())),
        };
        let results = each(Share { jobs: 3, threads: 2 }, &items, &AtomicBool::new(false), work).unwrap();
        for (i, result) in results.into_iter().enumerate() {
            match i {
                7 => assert!(result.unwrap().unwrap_err().contains("seven")),
                8 => assert_eq!(result.unwrap().unwrap_err(), "eight"),
                i => assert_eq!(result.unwrap().unwrap(), (i, 2)),
            }
        }
    }

    #[test]
    fn what_is_stopped_is_not_begun() {
        let stop = AtomicBool::new(false);
        let results = each(Share { jobs: 1, threads: 1 }, &[1, 2, 3], &stop, |&i| {
            stop.store(i == 2, Ordering::Relaxed);
            Ok(i)
        });
        assert_eq!(results.unwrap(), [Some(Ok(1)), Some(Ok(2)), None]);
    }
}
