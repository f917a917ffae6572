//! Gradients against finite differences, and the fast forms against the plain ones.

mod finite;

use candle_core::{Device, Result, Tensor, Var};
use finite::{check, random};
use trainer::net::ops::norm_pool_elu::{norm_pool_elu, norm_pool_elu_plain};
use trainer::net::ops::time_block::{time_block, time_block_plain};
use trainer::net::ops::time_conv::{time_conv, time_conv_plain};
use trainer::net::ops::{BatchMoments, Moments, NormBy};
use trainer::net::{Architecture, Budget, Dice, Layer, Net, Network, TimeLayer};

fn largest_difference(a: &Tensor, b: &Tensor) -> Result<f32> {
    assert_eq!(a.dims(), b.dims());
    (a - b)?.abs()?.flatten_all()?.max(0)?.to_scalar::<f32>()
}

#[test]
fn convolution_equals_its_plain_form_and_finite_differences() -> Result<()> {
    for (batch, channels, frames, out, kernel) in
        [(3, 5, 17, 4, 4), (1, 1, 4, 2, 4), (9, 7, 6, 3, 1), (2, 96, 40, 8, 3)]
    {
        let x = random(&[batch, channels, frames], 1)?;
        let w = random(&[out, channels, kernel], 2)?;
        let fast = time_conv(&x, &w, true)?;
        let plain = time_conv_plain(&x, &w)?;
        assert!(largest_difference(&fast, &plain)? < 1e-4);
        let weigh = random(fast.dims(), 3)?;
        let g = |y: &Tensor| -> Result<_> { (y * weigh.as_tensor())?.sum_all()?.backward() };
        let (a, b) = (g(&fast)?, g(&plain)?);
        for var in [&x, &w] {
            assert!(largest_difference(a.get(var).unwrap(), b.get(var).unwrap())? < 1e-3);
            check("conv", var, &mut || (time_conv(&x, &w, true)? * weigh.as_tensor())?.sum_all(), 20)?;
        }
    }
    Ok(())
}

#[test]
fn shapes_that_do_not_fit_are_errors() -> Result<()> {
    let x = random(&[2, 3, 5], 1)?;
    assert!(time_conv(&x, random(&[4, 2, 3], 2)?.as_tensor(), true).is_err());
    assert!(time_conv(&x, random(&[4, 3, 6], 2)?.as_tensor(), true).is_err());
    let one = random(&[3], 4)?;
    let given = Moments::standard(3, &Device::Cpu)?;
    assert!(norm_pool_elu(&x, &one, &one, NormBy::Given(&given), 6, true).is_err());
    assert!(norm_pool_elu(&x, random(&[2], 4)?.as_tensor(), &one, NormBy::Given(&given), 2, true).is_err());
    let wide = random(&[3, 3, 3], 4)?;
    assert!(
        time_block(&x, random(&[3, 2, 3], 2)?.as_tensor(), &one, &one, NormBy::Given(&given), 1, true)
            .is_err()
    );
    assert!(time_block(&x, &wide, &one, &one, NormBy::Given(&given), 4, true).is_err());
    let four = Moments::standard(4, &Device::Cpu)?;
    assert!(time_block(&x, &wide, &one, &one, NormBy::Given(&four), 1, true).is_err());
    let two = random(&[2], 4)?;
    assert!(time_block(&x, &wide, &two, &two, NormBy::Given(&given), 1, true).is_err());
    Ok(())
}

#[test]
fn norm_pool_elu_equals_its_plain_form_and_finite_differences() -> Result<()> {
    for (batch, frames, pool, elu) in [(3, 18, 4, true), (4, 8, 1, true), (2, 9, 3, false)] {
        let channels = 5;
        let x = random(&[batch, channels, frames], 5)?;
        let gamma = random(&[channels], 6)?; // some are negative: the maximum is then where x is least
        let beta = random(&[channels], 7)?;
        let weigh = random(&[batch, channels, frames / pool], 8)?;
        let given = Moments::on_cpu(vec![0.1; channels], vec![0.5; channels])?;
        for batch_mode in [true, false] {
            let (keep_fast, keep_plain) = (BatchMoments::default(), BatchMoments::default());
            let norm = |keep| if batch_mode { NormBy::Batch(keep) } else { NormBy::Given(&given) };
            let fast = norm_pool_elu(&x, &gamma, &beta, norm(&keep_fast), pool, elu)?;
            let plain = norm_pool_elu_plain(&x, &gamma, &beta, norm(&keep_plain), pool, elu)?;
            assert!(largest_difference(&fast, &plain)? < 1e-5);
            if batch_mode {
                let (a, b) =
                    (keep_fast.lock().unwrap().clone().unwrap(), keep_plain.lock().unwrap().clone().unwrap());
                assert!(largest_difference(&a.mean, &b.mean)? < 1e-6);
                assert!(largest_difference(&a.variance, &b.variance)? < 1e-6);
            }
            let g = |y: &Tensor| -> Result<_> { (y * weigh.as_tensor())?.sum_all()?.backward() };
            let (a, b) = (g(&fast)?, g(&plain)?);
            for var in [&x, &gamma, &beta] {
                assert!(largest_difference(a.get(var).unwrap(), b.get(var).unwrap())? < 1e-4);
                let keep = BatchMoments::default();
                let norm = || if batch_mode { NormBy::Batch(&keep) } else { NormBy::Given(&given) };
                let mut loss =
                    || (norm_pool_elu(&x, &gamma, &beta, norm(), pool, elu)? * weigh.as_tensor())?.sum_all();
                check("norm_pool_elu", var, &mut loss, 40)?;
            }
        }
    }
    Ok(())
}

/// Input, weights, gamma and beta of a block; some gammas are negative: the maximum is then where the convolution is
/// least.
fn block([batch, channels, frames, out, kernel]: [usize; 5]) -> Result<[Var; 4]> {
    Ok([
        random(&[batch, channels, frames], 21)?,
        random(&[out, channels, kernel], 22)?,
        random(&[out], 23)?,
        random(&[out], 24)?,
    ])
}

#[test]
fn time_block_equals_its_plain_form_and_finite_differences() -> Result<()> {
    // More channels than a vector has, several groups of clips, frames left over by the pooling, a kernel as long as the
    // input, a fully connected layer over one frame and over several.
    for (shape, pool) in [
        ([3, 5, 17, 4, 4], 3),
        ([2, 6, 150, 18, 3], 4),
        ([5, 33, 70, 20, 4], 2),
        ([9, 7, 4, 5, 4], 1),
        ([6, 10, 1, 17, 1], 1),
        ([6, 10, 3, 17, 1], 1),
    ] {
        let [x, w, gamma, beta] = block(shape)?;
        let pooled = (shape[2] - shape[4] + 1) / pool;
        let weigh = random(&[shape[0], shape[3], pooled], 25)?;
        let given = Moments::on_cpu(vec![0.1; shape[3]], vec![0.5; shape[3]])?;
        for batch_mode in [true, false] {
            let (keep_fast, keep_plain) = (BatchMoments::default(), BatchMoments::default());
            let norm = |keep| if batch_mode { NormBy::Batch(keep) } else { NormBy::Given(&given) };
            let fast = time_block(&x, &w, &gamma, &beta, norm(&keep_fast), pool, true)?;
            let plain = time_block_plain(&x, &w, &gamma, &beta, norm(&keep_plain), pool)?;
            assert!(largest_difference(&fast, &plain)? < 2e-5);
            if batch_mode {
                let (a, b) =
                    (keep_fast.lock().unwrap().clone().unwrap(), keep_plain.lock().unwrap().clone().unwrap());
                assert!(largest_difference(&a.mean, &b.mean)? < 1e-5);
                assert!(largest_difference(&(a.variance / &b.variance)?, &b.variance.ones_like()?)? < 1e-5);
            }
            let g = |y: &Tensor| -> Result<_> { (y * weigh.as_tensor())?.sum_all()?.backward() };
            let (a, b) = (g(&fast)?, g(&plain)?);
            for var in [&x, &w, &gamma, &beta] {
                let (a, b) = (a.get(var).unwrap(), b.get(var).unwrap());
                let largest = b.abs()?.flatten_all()?.max(0)?.to_scalar::<f32>()?;
                assert!(largest_difference(a, b)? < 1e-4 * largest.max(1.0), "{shape:?}");
                let keep = BatchMoments::default();
                let norm = || if batch_mode { NormBy::Batch(&keep) } else { NormBy::Given(&given) };
                let mut loss = || {
                    let y = time_block(&x, &w, &gamma, &beta, norm(), pool, true)?;
                    (y * weigh.as_tensor())?.sum_all()
                };
                check("time_block", var, &mut loss, 20)?;
            }
        }
    }
    Ok(())
}

#[test]
fn time_block_takes_time_first_input_and_data_without_a_gradient() -> Result<()> {
    let [x, w, gamma, beta] = block([3, 20, 50, 9, 4])?;
    let keep = BatchMoments::default();
    let run = |x: &Tensor, gradient| time_block(x, &w, &gamma, &beta, NormBy::Batch(&keep), 4, gradient);
    let time_first = x.transpose(1, 2)?.contiguous()?.detach().transpose(1, 2)?;
    let (a, b) = (run(&x, true)?, run(&time_first, false)?);
    assert_eq!(largest_difference(&a, &b)?, 0.0);
    let (a, b) = (a.sum_all()?.backward()?, b.sum_all()?.backward()?);
    assert_eq!(largest_difference(a.get(&w).unwrap(), b.get(&w).unwrap())?, 0.0);
    assert!(a.get(&x).is_some() && b.get(&x).is_none());
    Ok(())
}

#[test]
fn time_block_is_the_same_to_the_bit_on_any_number_of_threads() -> Result<()> {
    let [x, w, gamma, beta] = block([13, 24, 90, 40, 4])?;
    let run = |threads| -> Result<Vec<Vec<f32>>> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let keep = BatchMoments::default();
            let y = time_block(&x, &w, &gamma, &beta, NormBy::Batch(&keep), 4, true)?;
            let gradients = y.sqr()?.sum_all()?.backward()?;
            let vars = [&x, &w, &gamma, &beta].map(|v| gradients.get(v).unwrap().clone());
            [&y].into_iter().chain(&vars).map(|t| t.flatten_all()?.to_vec1::<f32>()).collect()
        })
    };
    let one = run(1)?;
    for threads in [2, 3, 7] {
        assert_eq!(one, run(threads)?);
    }
    Ok(())
}

/// A k2c1 small enough to probe: the real layers, kernels and pools, few channels.
fn small() -> Architecture {
    let mut a = Architecture::k2c1(Budget::M0_1, 6, &[2, 2, 1, 1], 3).unwrap();
    let widths = [6, 4, 4, 4, 5, 5, 5, 5, 3];
    for (i, layer) in a.layers.iter_mut().enumerate() {
        let Layer::Time(l) = layer else { unreachable!("k2c1 is one-dimensional") };
        *l = TimeLayer { inputs: widths[i], outputs: widths[i + 1], ..*l };
    }
    a
}

#[test]
fn whole_network_equals_finite_differences() -> Result<()> {
    let architecture = small();
    let mut network = Net::new(&architecture, 3, &Device::Cpu)?;
    let frames = architecture.receptive_field() + architecture.stride();
    let x = random(&[6, 6, frames], 9)?;
    let targets = random(&[6, 3, 1], 10)?.affine(0.5, 0.5)?;
    for (name, var) in network.parameters() {
        let mut loss = || {
            let logits = network.forward_train(&x, Dice { seed: 1, step: 0 })?;
            trainer::train::loss::masked_bce(&logits, &targets, &targets.ones_like()?)
        };
        check(&name, &var, &mut loss, 30)?;
    }
    Ok(())
}

#[test]
fn one_seed_gives_one_network() -> Result<()> {
    let weights = |seed| -> Result<Vec<f32>> {
        Net::new(&small(), seed, &Device::Cpu)?.parameters()[0].1.flatten_all()?.to_vec1::<f32>()
    };
    assert_eq!(weights(1)?, weights(1)?);
    assert_ne!(weights(1)?, weights(2)?);
    Ok(())
}
