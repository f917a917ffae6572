//! The plane block's fast form: against its plain form, against finite differences, and against itself on one thread.

mod finite;

use candle_core::{Device, Result, Tensor, Var};
use finite::{apart, check, random};
use trainer::net::ops::plane_block::plane_block_plain;
use trainer::net::ops::{BatchMoments, Dropout, Moments, NormBy, PlaneSpec, plane_block};

/// A block's variables.
struct Case {
    x: Var,
    weight: Var,
    gamma: Var,
    beta: Var,
    given: Moments,
    spec: PlaneSpec,
}

/// Batch, channels, out, bands, frames; kernel; pool.
type Sizes = ([usize; 5], [usize; 2], [usize; 2]);

/// Kernels and pools of the paper's networks, remainders that pooling drops, more channels than one tile holds, planes
/// smaller than a vector, planes of several strips, and kernels of other sizes.
const CASES: [Sizes; 9] = [
    ([3, 1, 5, 6, 19], [3, 3], [2, 4]),
    ([9, 5, 13, 7, 18], [3, 3], [3, 5]),
    ([2, 3, 9, 5, 21], [3, 3], [2, 2]),
    ([2, 20, 7, 4, 4], [3, 3], [4, 4]),
    ([2, 1, 5, 3, 43], [1, 8], [1, 4]),
    ([2, 4, 6, 3, 40], [1, 8], [1, 8]),
    ([2, 2, 3, 9, 300], [3, 3], [2, 3]),
    ([1, 2, 17, 3, 9], [2, 5], [1, 1]),
    ([3, 3, 2, 5, 6], [1, 1], [3, 2]),
];

impl Case {
    fn new(([batch, channels, out, bands, frames], kernel, pool): Sizes, rate: f32) -> Result<Self> {
        Ok(Self {
            x: random(&[batch, channels, bands, frames], 1)?,
            weight: random(&[out, channels, kernel[0], kernel[1]], 2)?,
            gamma: random(&[out], 3)?, // some are negative: the maximum is then where the sums are least
            beta: random(&[out], 4)?,
            given: Moments::on_cpu(vec![0.1; out], vec![0.5; out])?,
            spec: PlaneSpec {
                pool,
                input_gradient: true,
                dropout: (rate > 0.0).then_some(Dropout { rate, key: 77 }),
            },
        })
    }

    fn run(&self, fast: bool, keep: Option<&BatchMoments>) -> Result<Tensor> {
        let norm = keep.map_or(NormBy::Given(&self.given), NormBy::Batch);
        let form = if fast { plane_block } else { plane_block_plain };
        form(&self.x, &self.weight, &self.gamma, &self.beta, norm, &self.spec)
    }

    fn variables(&self) -> [(&'static str, &Var); 4] {
        [("x", &self.x), ("weight", &self.weight), ("gamma", &self.gamma), ("beta", &self.beta)]
    }

    /// A loss whose gradient differs at each output.
    fn loss(&self, fast: bool, keep: Option<&BatchMoments>) -> Result<Tensor> {
        let y = self.run(fast, keep)?;
        let weigh = random(y.dims(), 5)?;
        (y * weigh.as_tensor())?.sum_all()
    }
}

#[test]
fn equals_its_plain_form() -> Result<()> {
    for sizes in CASES {
        for rate in [0.0, 0.3] {
            let case = Case::new(sizes, rate)?;
            for batch in [true, false] {
                let keep = [BatchMoments::default(), BatchMoments::default()];
                let [fast_keep, plain_keep] = [batch.then_some(&keep[0]), batch.then_some(&keep[1])];
                let (fast, plain) = (case.run(true, fast_keep)?, case.run(false, plain_keep)?);
                assert!(apart(&fast, &plain)? < 1e-5, "{sizes:?}");
                if batch {
                    let [a, b] = keep.each_ref().map(|keep| keep.lock().unwrap().clone().expect("moments"));
                    assert!(apart(&a.mean, &b.mean)? < 1e-5 && apart(&a.variance, &b.variance)? < 1e-5);
                }
                let fast = case.loss(true, fast_keep)?.backward()?;
                let plain = case.loss(false, plain_keep)?.backward()?;
                for (name, var) in case.variables() {
                    let apart = apart(fast.get(var).unwrap(), plain.get(var).unwrap())?;
                    assert!(apart < 2e-5, "{sizes:?} {rate} {batch} {name}: {apart}");
                }
            }
        }
    }
    Ok(())
}

#[test]
fn equals_finite_differences() -> Result<()> {
    for sizes in &CASES[..6] {
        for rate in [0.0, 0.3] {
            let case = Case::new(*sizes, rate)?;
            let keep = BatchMoments::default();
            for batch in [true, false] {
                for (name, var) in case.variables() {
                    let mut loss = || case.loss(true, batch.then_some(&keep));
                    check(&format!("{name} of {sizes:?}"), var, &mut loss, 40)?;
                }
            }
        }
    }
    Ok(())
}

#[test]
fn without_an_input_gradient_the_others_are_the_same() -> Result<()> {
    for sizes in CASES {
        let mut case = Case::new(sizes, 0.0)?;
        for batch in [true, false] {
            let keep = BatchMoments::default();
            let keep = batch.then_some(&keep);
            case.spec.input_gradient = true;
            let with = case.loss(true, keep)?.backward()?;
            case.spec.input_gradient = false;
            let without = case.loss(true, keep)?.backward()?;
            assert!(without.get(&case.x).is_none());
            for (name, var) in &case.variables()[1..] {
                let apart = apart(without.get(var).unwrap(), with.get(var).unwrap())?;
                assert!(apart < 2e-5, "{sizes:?} {batch} {name}: {apart}");
            }
        }
    }
    Ok(())
}

#[test]
fn the_first_of_equal_maxima_takes_the_whole_gradient() -> Result<()> {
    // One tap that copies its input: every window of this plane is level.
    let x = Var::ones((1, 1, 4, 6), candle_core::DType::F32, &Device::Cpu)?;
    let weight = Tensor::ones((1, 1, 1, 1), candle_core::DType::F32, &Device::Cpu)?;
    let one = Tensor::ones(1, candle_core::DType::F32, &Device::Cpu)?;
    let given = Moments::on_cpu(vec![0.0], vec![1.0 - 1e-5])?;
    let spec = PlaneSpec { pool: [2, 3], input_gradient: true, dropout: None };
    for sign in [1.0, -1.0] {
        let gamma = (&one * sign)?;
        let y = plane_block(&x, &weight, &gamma, &(&one * 2.0)?, NormBy::Given(&given), &spec)?;
        let gradient = y.sum_all()?.backward()?;
        let gradient = gradient.get(&x).expect("a gradient").squeeze(0)?.squeeze(0)?.to_vec2::<f32>()?;
        for (f, row) in gradient.iter().enumerate() {
            for (t, &g) in row.iter().enumerate() {
                let first = f % 2 == 0 && t % 3 == 0;
                assert!((g - if first { sign as f32 } else { 0.0 }).abs() < 1e-5, "{f} {t}: {g}");
            }
        }
        // Of equals the earliest frame counts, whatever its band.
        let ramp = Tensor::new(&[[[[1f32, 2.0, 3.0], [3.0, 1.0, 3.0]]]], &Device::Cpu)?;
        let ramp = Var::from_tensor(&(ramp * sign)?)?;
        let y = plane_block(&ramp, &weight, &gamma, &one, NormBy::Given(&given), &spec)?;
        let gradient = y.sum_all()?.backward()?.get(&ramp).expect("a gradient").flatten_all()?;
        let places: Vec<bool> = gradient.to_vec1::<f32>()?.iter().map(|&g| g != 0.0).collect();
        assert_eq!(places, [false, false, false, true, false, false]);
    }
    Ok(())
}

#[test]
fn threads_do_not_change_a_bit() -> Result<()> {
    for sizes in [CASES[1], CASES[6], ([19, 1, 5, 6, 40], [3, 3], [2, 4])] {
        for input_gradient in [true, false] {
            let mut case = Case::new(sizes, 0.2)?;
            case.spec.input_gradient = input_gradient;
            let all = |threads: usize| -> Result<Vec<Vec<u32>>> {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
                pool.install(|| {
                    let keep = BatchMoments::default();
                    let y = case.run(true, Some(&keep))?;
                    let gradients = case.loss(true, Some(&keep))?.backward()?;
                    let gradients = case.variables().into_iter().filter_map(|(_, var)| gradients.get(var));
                    let bits = |t: &Tensor| -> Result<Vec<u32>> {
                        Ok(t.flatten_all()?.to_vec1::<f32>()?.into_iter().map(f32::to_bits).collect())
                    };
                    std::iter::once(&y).chain(gradients).map(bits).collect()
                })
            };
            let one = all(1)?;
            assert_eq!(one.len(), if input_gradient { 5 } else { 4 });
            for threads in [2, 3, 7] {
                assert!(all(threads)? == one, "{sizes:?} on {threads} threads");
            }
        }
    }
    Ok(())
}

#[test]
fn moments_far_from_zero_keep_their_digits() -> Result<()> {
    // Sums of squares in float32 would lose this channel's variance altogether.
    let x = ((random(&[4, 1, 24, 60], 6)?.as_tensor() * 0.1)? + 300.0)?;
    let weight = Tensor::ones((1, 1, 1, 1), candle_core::DType::F32, &Device::Cpu)?;
    let one = Tensor::ones(1, candle_core::DType::F32, &Device::Cpu)?;
    for input_gradient in [true, false] {
        let keep = BatchMoments::default();
        let spec = PlaneSpec { pool: [2, 4], input_gradient, dropout: None };
        plane_block(&x, &weight, &one, &one, NormBy::Batch(&keep), &spec)?;
        let variance = keep.lock().unwrap().clone().expect("moments").variance.to_vec1::<f32>()?[0];
        let values: Vec<f64> = x.flatten_all()?.to_vec1::<f32>()?.into_iter().map(f64::from).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let want = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64;
        assert!((f64::from(variance) / want - 1.0).abs() < 1e-4, "{variance} {want}");
    }
    Ok(())
}

#[test]
fn shapes_that_do_not_fit_are_errors() -> Result<()> {
    let case = Case::new(CASES[0], 0.0)?;
    let run = |weight: &Tensor, gamma: &Tensor, given: &Moments, pool: [usize; 2]| {
        let spec = PlaneSpec { pool, ..case.spec };
        plane_block(&case.x, weight, gamma, &case.beta, NormBy::Given(given), &spec)
    };
    let (weight, gamma) = (case.weight.as_tensor(), case.gamma.as_tensor());
    assert!(run(weight, gamma, &case.given, [2, 4]).is_ok());
    assert!(run(random(&[5, 2, 3, 3], 1)?.as_tensor(), gamma, &case.given, [2, 4]).is_err());
    assert!(run(weight, random(&[4], 1)?.as_tensor(), &case.given, [2, 4]).is_err());
    assert!(run(weight, gamma, &Moments::on_cpu(vec![0.0; 4], vec![1.0; 4])?, [2, 4]).is_err());
    assert!(run(weight, gamma, &case.given, [7, 4]).is_err());
    assert!(run(weight, gamma, &case.given, [2, 20]).is_err());
    assert!(run(weight, gamma, &case.given, [0, 4]).is_err());
    Ok(())
}
