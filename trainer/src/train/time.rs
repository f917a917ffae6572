//! Where the time of an epoch goes.

use serde::{Deserialize, Serialize};
use std::time::Instant;

/// Seconds of an epoch by what they were spent on.
///
/// On a GPU nothing waits for the device within a step, so `forward`, `backward` and `step` are the time it takes to
/// tell the device what to do; what the device takes beyond that shows where something does wait: in `reading`, and in
/// whichever part fills the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StepTime {
    /// For the next batch to be made.
    pub waiting: f64,
    /// Crops to the device, logits and loss.
    pub forward: f64,
    /// Gradients.
    pub backward: f64,
    /// Clipping, optimiser and average of the weights.
    pub step: f64,
    /// For the loss to be told by the device.
    pub reading: f64,
}

impl StepTime {
    /// All of it.
    pub fn total(&self) -> f64 {
        self.waiting + self.forward + self.backward + self.step + self.reading
    }
}

/// Measures one part after the other.
pub struct Lap(Instant);

impl Lap {
    /// Starts now.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Adds the time since the start, or since the last part, to `part`.
    pub fn add_to(&mut self, part: &mut f64) {
        let now = Instant::now();
        *part += (now - self.0).as_secs_f64();
        self.0 = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up() {
        let (mut time, mut lap) = (StepTime::default(), Lap::start());
        let all = Instant::now();
        lap.add_to(&mut time.waiting);
        std::thread::sleep(std::time::Duration::from_millis(5));
        lap.add_to(&mut time.forward);
        lap.add_to(&mut time.backward);
        assert!(time.forward >= 0.005 && time.total() <= all.elapsed().as_secs_f64() + 1e-3);
    }
}
