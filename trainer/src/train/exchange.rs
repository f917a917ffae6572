//! Data parallel training: every rank has a replica of the network, learns from its share of the batch, and all take
//! the mean of their gradients before they step, so that the replicas stay the same.
//!
//! On GPUs the mean is NCCL's (`nccl.rs`, behind the feature); on CPUs threads meet here, which is how the method is tested where
//! there is no GPU. As everywhere (PyTorch's DistributedDataParallel, say), batch norm sees a rank's share only.

use candle_core::backprop::GradStore;
use candle_core::{Device, Result, Tensor, Var, bail};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

/// What a rank is told that waits for one which has gone: not the reason, which the other one tells.
pub(super) const GONE: &str = "another rank of this training has ended";

/// Where ranks take means together.
pub trait Exchange: Send {
    /// This one's number, from 0.
    fn rank(&self) -> usize;

    /// How many there are.
    fn ranks(&self) -> usize;

    /// The mean of the vectors `values` of all ranks, the same for each of them. All must call, with vectors of one
    /// length.
    ///
    /// # Errors
    /// When another rank has gone, or the library fails.
    fn mean(&self, values: &Tensor) -> Result<Tensor>;
}

/// The devices of a training with their exchanges, one per rank.
pub struct Ranks {
    pub(super) devices: Vec<Device>,
    pub(super) exchanges: Vec<Box<dyn Exchange>>,
}

impl Ranks {
    /// One device, which exchanges with nobody.
    pub fn one(device: &Device) -> Self {
        Self { devices: vec![device.clone()], exchanges: Vec::new() }
    }

    /// As many replicas on the CPU: slower than one, but the same method as on GPUs.
    pub fn on_cpu(ranks: usize) -> Self {
        let exchanges = Threads::new(ranks).into_iter().map(|rank| Box::new(rank) as Box<dyn Exchange>);
        Self { devices: vec![Device::Cpu; ranks], exchanges: exchanges.collect() }
    }

    /// The first `count` GPUs, by NCCL.
    ///
    /// # Errors
    /// When there are not as many, or NCCL fails.
    #[cfg(feature = "nccl")]
    pub fn gpus(count: usize) -> Result<Self> {
        let devices = crate::device::gpus(count)?;
        let group = super::nccl::Nccl::group(&devices)?;
        let exchanges = group.into_iter().map(|rank| Box::new(rank) as Box<dyn Exchange>);
        Ok(Self { devices, exchanges: exchanges.collect() })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.devices.len()
    }
}

/// Replaces gradients by their means over the ranks, and gives the means of `others` (running moments): one exchange
/// for all. Parameters without a gradient are left out; which these are is the same for all ranks.
///
/// # Errors
/// As [`Exchange::mean`].
pub fn average(
    exchange: &dyn Exchange,
    parameters: &[(String, Var)],
    gradients: &mut GradStore,
    others: &[(String, Tensor)],
) -> Result<Vec<(String, Tensor)>> {
    let with_gradient: Vec<&Var> =
        parameters.iter().map(|(_, var)| var).filter(|var| gradients.get(var).is_some()).collect();
    let ours = with_gradient.iter().filter_map(|var| gradients.get(var).map(Tensor::detach));
    let all: Vec<Tensor> = ours.chain(others.iter().map(|(_, t)| t.detach())).collect();
    let flat = all.iter().map(Tensor::flatten_all).collect::<Result<Vec<_>>>()?;
    let mean = exchange.mean(&Tensor::cat(&flat, 0)?)?;
    let mut offset = 0;
    let mut parts = all.iter().map(|t| {
        let part = mean.narrow(0, offset, t.elem_count())?.reshape(t.shape());
        offset += t.elem_count();
        part
    });
    for (var, part) in with_gradient.iter().zip(&mut parts) {
        gradients.insert(var, part?);
    }
    others.iter().zip(parts).map(|((name, _), part)| Ok((name.clone(), part?))).collect()
}

/// Threads of one process that meet.
pub struct Threads {
    rank: usize,
    meeting: Arc<Meeting>,
}

struct Meeting {
    table: Mutex<Table>,
    changed: Condvar,
    ranks: usize,
}

#[derive(Default)]
struct Table {
    brought: Vec<Option<Vec<f32>>>,
    mean: Arc<Vec<f32>>,
    /// Meetings that are over.
    round: u64,
    /// A rank has gone for good: nobody waits for it.
    broken: bool,
}

impl Threads {
    /// As many ranks as asked for.
    pub fn new(ranks: usize) -> Vec<Self> {
        let table = Mutex::new(Table { brought: vec![None; ranks], ..Default::default() });
        let meeting = Arc::new(Meeting { table, changed: Condvar::new(), ranks });
        (0..ranks).map(|rank| Self { rank, meeting: meeting.clone() }).collect()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.meeting.table.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Exchange for Threads {
    fn rank(&self) -> usize {
        self.rank
    }

    fn ranks(&self) -> usize {
        self.meeting.ranks
    }

    fn mean(&self, values: &Tensor) -> Result<Tensor> {
        let mine = values.to_vec1::<f32>()?;
        let count = mine.len();
        let mut table = self.table();
        let round = table.round;
        table.brought[self.rank] = Some(mine);
        if table.brought.iter().all(Option::is_some) {
            // The last to come adds up, in the order of the ranks: the same sums whoever was last.
            let all: Vec<Vec<f32>> = table.brought.iter_mut().filter_map(Option::take).collect();
            if all.iter().any(|v| v.len() != count) {
                table.broken = true;
            } else {
                let sum = |i: usize| all.iter().map(|v| v[i]).sum::<f32>();
                table.mean = Arc::new((0..count).map(|i| sum(i) / all.len() as f32).collect());
                table.round += 1;
            }
            self.meeting.changed.notify_all();
        }
        while table.round == round && !table.broken {
            table = self.meeting.changed.wait(table).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        if table.round == round {
            bail!("{GONE}");
        }
        let mean = table.mean.as_ref().clone();
        drop(table);
        Tensor::from_vec(mean, count, values.device())
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.table().broken = true;
        self.meeting.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_ranks_get_the_same_mean_many_times() {
        std::thread::scope(|scope| {
            let handles: Vec<_> = Threads::new(3)
                .into_iter()
                .map(|rank| {
                    scope.spawn(move || {
                        (0..200)
                            .map(|i| {
                                let mine = [i as f32 * rank.rank() as f32, 1.0];
                                let mine = Tensor::new(&mine, &Device::Cpu).unwrap();
                                rank.mean(&mine).unwrap().to_vec1::<f32>().unwrap()
                            })
                            .collect::<Vec<_>>()
                    })
                })
                .collect();
            for handle in handles {
                let got = handle.join().unwrap();
                assert!(got.iter().enumerate().all(|(i, mean)| mean == &[i as f32, 1.0]));
            }
        });
    }

    #[test]
    fn nobody_waits_for_a_rank_that_has_gone() {
        let mut ranks = Threads::new(2);
        let gone = ranks.pop();
        let waiting = std::thread::spawn(move || {
            ranks[0].mean(&Tensor::zeros(2, candle_core::DType::F32, &Device::Cpu).unwrap())
        });
        drop(gone);
        assert!(waiting.join().unwrap().unwrap_err().to_string().contains("another rank"));
    }

    #[test]
    fn gradients_and_moments_become_means() {
        std::thread::scope(|scope| {
            let handles: Vec<_> = Threads::new(2)
                .into_iter()
                .map(|rank| {
                    scope.spawn(move || {
                        let r = rank.rank() as f32;
                        let var = Var::new(&[[1.0f32, 2.0]], &Device::Cpu).unwrap();
                        let unused = Var::new(&[1.0f32], &Device::Cpu).unwrap();
                        let x = Tensor::new(&[[r, 3.0]], &Device::Cpu).unwrap();
                        let mut gradients =
                            (var.as_tensor() * x).unwrap().sum_all().unwrap().backward().unwrap();
                        let parameters = [("w".to_string(), var.clone()), ("u".to_string(), unused)];
                        let moments = [("m".to_string(), Tensor::new(&[r * 4.0], &Device::Cpu).unwrap())];
                        let others = average(&rank, &parameters, &mut gradients, &moments).unwrap();
                        let gradient = gradients.get(&var).unwrap().to_vec2::<f32>().unwrap();
                        (gradient, others[0].1.to_vec1::<f32>().unwrap())
                    })
                })
                .collect();
            for handle in handles {
                assert_eq!(handle.join().unwrap(), (vec![vec![0.5, 3.0]], vec![2.0]));
            }
        });
    }
}
