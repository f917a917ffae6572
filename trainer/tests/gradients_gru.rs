//! The recurrent layer and attention: fast forms against plain ones, gradients against finite differences.

mod differences;

use candle_core::{Device, Result, Tensor, Var};
use differences::{check_smooth, gradients, largest_difference, random, values};
use trainer::net::ops::attention::{additive_attention, additive_attention_plain};
use trainer::net::ops::gru::{gru, gru_plain};
use trainer::net::ops::linear::{linear, linear_plain};

const NAMES: [&str; 5] = ["x", "w_ih", "w_hh", "b_ih", "b_hh"];

/// The arguments of a GRU of batch, steps, inputs and width, weights drawn about as training starts them.
fn arguments([batch, steps, inputs, width]: [usize; 4], seed: u64) -> Result<[Var; 5]> {
    let scaled =
        |shape: &[usize], seed, scale: f64| Var::from_tensor(&(random(shape, seed)?.as_tensor() * scale)?);
    let (i, h) = (inputs as f64, width as f64);
    Ok([
        random(&[batch, steps, inputs], seed)?,
        scaled(&[3 * width, inputs], seed + 1, i.recip().sqrt())?,
        scaled(&[3 * width, width], seed + 2, h.recip().sqrt())?,
        random(&[3 * width], seed + 3)?,
        random(&[3 * width], seed + 4)?,
    ])
}

type Gru = fn(&Tensor, &Tensor, &Tensor, &Tensor, &Tensor) -> Result<Tensor>;

fn run(f: Gru, [x, w_ih, w_hh, b_ih, b_hh]: &[Var; 5]) -> Result<Tensor> {
    f(x, w_ih, w_hh, b_ih, b_hh)
}

/// Batches of one task, one clip more, and several tasks; one step; widths on both sides of a vector's lanes.
const SHAPES: [[usize; 4]; 7] = [
    [16, 15, 60, 30],
    [1, 1, 1, 1],
    [1, 7, 5, 3],
    [5, 1, 4, 6],
    [9, 4, 3, 16],
    [17, 3, 8, 17],
    [70, 2, 3, 5],
];

#[test]
fn gru_equals_its_plain_form() -> Result<()> {
    for shape in SHAPES {
        let arguments = arguments(shape, 1)?;
        let (fast, plain) = (run(gru, &arguments)?, run(gru_plain, &arguments)?);
        assert!(largest_difference(&fast, &plain) < 2e-6, "{shape:?}");
        let weigh = random(fast.dims(), 6)?;
        let (a, b) = (gradients(&fast, &weigh)?, gradients(&plain, &weigh)?);
        for (name, var) in NAMES.iter().zip(&arguments) {
            let (a, b) = (a.get(var).expect("a gradient"), b.get(var).expect("a gradient"));
            let scale = values(b).iter().fold(1e-3f32, |most, g| most.max(g.abs()));
            assert!(
                largest_difference(a, b) < 1e-5 * scale,
                "{name} {shape:?}: {}",
                largest_difference(a, b)
            );
        }
    }
    Ok(())
}

#[test]
fn gradients_of_both_forms_are_finite_differences() -> Result<()> {
    for shape in [[3, 5, 4, 3], [2, 1, 3, 2], [1, 4, 2, 5], [9, 2, 2, 2]] {
        let arguments = arguments(shape, 11)?;
        for (form, f) in [("fast", gru as Gru), ("plain", gru_plain)] {
            let weigh = random(run(f, &arguments)?.dims(), 6)?;
            for (name, var) in NAMES.iter().zip(&arguments) {
                check_smooth(&format!("{form} {shape:?} {name}"), var, &weigh, 100, &|| run(f, &arguments));
            }
        }
    }
    Ok(())
}

/// By hand, one clip, one input, one unit, two steps.
#[test]
fn gru_is_its_equations() -> Result<()> {
    let t = |v: &[f32], shape: &[usize]| Tensor::from_slice(v, shape, &Device::Cpu);
    let (x, w, u) = ([0.7f32, -0.4], [0.5f32, -1.5, 2.0], [0.3f32, 0.8, -0.6]);
    let (b, c) = ([0.1f32, 0.2, -0.3], [-0.4f32, 0.05, 0.6]);
    let y = gru(&t(&x, &[1, 2, 1])?, &t(&w, &[3, 1])?, &t(&u, &[3, 1])?, &t(&b, &[3])?, &t(&c, &[3])?)?;
    let sigmoid = |v: f64| 1.0 / (1.0 + (-v).exp());
    let mut h = 0.0;
    for (x, y) in x.into_iter().zip(values(&y)) {
        let input = |gate: usize| f64::from(w[gate]) * f64::from(x) + f64::from(b[gate]);
        let hidden = |gate: usize| f64::from(u[gate]) * h + f64::from(c[gate]);
        let (r, z) = (sigmoid(input(0) + hidden(0)), sigmoid(input(1) + hidden(1)));
        let n = (input(2) + r * hidden(2)).tanh();
        h = (1.0 - z) * n + z * h;
        assert!((f64::from(y) - h).abs() < 1e-6);
    }
    Ok(())
}

/// A state is what came before it, not what comes after; and no clip hears another.
#[test]
fn time_runs_one_way_and_clips_stay_apart() -> Result<()> {
    let arguments = arguments([9, 6, 4, 5], 21)?;
    let whole = run(gru, &arguments)?;
    let [x, rest @ ..] = arguments;
    let of = |x: Tensor| gru(&x, &rest[0], &rest[1], &rest[2], &rest[3]);
    assert!(largest_difference(&of(x.narrow(1, 0, 4)?)?, &whole.narrow(1, 0, 4)?) < 1e-6);
    assert!(largest_difference(&of(x.narrow(0, 3, 2)?)?, &whole.narrow(0, 3, 2)?) < 1e-6);
    Ok(())
}

#[test]
fn saturated_gates_stay_finite() -> Result<()> {
    let arguments = arguments([2, 4, 3, 5], 31)?;
    arguments[0].set(&(arguments[0].as_tensor() * 1e4)?)?;
    let y = run(gru, &arguments)?;
    let weigh = random(y.dims(), 6)?;
    let all = gradients(&y, &weigh)?;
    assert!(arguments.iter().all(|var| values(all.get(var).unwrap()).iter().all(|g| g.is_finite())));
    assert!(values(&y).iter().all(|h| h.abs() <= 1.0));
    Ok(())
}

fn with_threads<R: Send>(threads: usize, f: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool").install(f)
}

#[test]
fn threads_change_no_bit() -> Result<()> {
    // More rows and outputs than one block of the products, more clips than one task.
    for shape in [[40, 15, 60, 50], [16, 3, 5, 7]] {
        let arguments = arguments(shape, 41)?;
        let attention = [random(&[13, shape[3]], 46)?, random(&[13], 47)?, random(&[13], 48)?];
        let all = || -> Result<Vec<Vec<u32>>> {
            let states = run(gru, &arguments)?;
            let (context, weights) =
                additive_attention(&states, &attention[0], &attention[1], &attention[2])?;
            let store = gradients(&context, random(context.dims(), 49)?.as_tensor())?;
            let gradients = arguments.iter().chain(&attention).map(|var| store.get(var).expect("a gradient"));
            let bits = |t: &Tensor| values(t).into_iter().map(f32::to_bits).collect();
            Ok([&states, &context, &weights].into_iter().chain(gradients).map(bits).collect())
        };
        let one = with_threads(1, all)?;
        for threads in [2, 3, 8] {
            assert!(with_threads(threads, all)? == one, "{threads} threads, {shape:?}");
        }
    }
    Ok(())
}

#[test]
fn linear_equals_its_plain_form_and_finite_differences() -> Result<()> {
    for (rows, inputs, outputs, probes) in [(5, 3, 4, 100), (1, 1, 1, 10), (300, 7, 140, 5)] {
        let (x, w, b) =
            (random(&[rows, inputs], 51)?, random(&[outputs, inputs], 52)?, random(&[outputs], 53)?);
        let (fast, plain) = (linear(&x, &w, &b)?, linear_plain(&x, &w, &b)?);
        assert!(largest_difference(&fast, &plain) < 1e-5);
        let weigh = random(fast.dims(), 54)?;
        let (a, p) = (gradients(&fast, &weigh)?, gradients(&plain, &weigh)?);
        for (name, var) in [("x", &x), ("w", &w), ("b", &b)] {
            assert!(largest_difference(a.get(var).unwrap(), p.get(var).unwrap()) < 1e-4);
            check_smooth(name, var, &weigh, probes, &|| linear(&x, &w, &b));
        }
        // Data asks for no gradient, and gets none.
        let data = x.as_tensor().detach();
        assert!(gradients(&linear(&data, &w, &b)?, &weigh)?.get(&data).is_none());
    }
    Ok(())
}

#[test]
fn attention_weighs_the_states() -> Result<()> {
    for (batch, steps, width, attention) in [(3, 15, 6, 4), (1, 1, 2, 1), (2, 5, 3, 7)] {
        let h = random(&[batch, steps, width], 61)?;
        let (w, b, v) =
            (random(&[attention, width], 62)?, random(&[attention], 63)?, random(&[attention], 64)?);
        let of = || additive_attention(&h, &w, &b, &v);
        let (context, weights) = of()?;
        assert_eq!((context.dims(), weights.dims()), (&[batch, width][..], &[batch, steps][..]));
        let weights = weights.to_vec2::<f32>()?;
        let states = h.to_vec3::<f32>()?;
        for (clip, row) in weights.iter().enumerate() {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6);
            // The definition, state by state.
            let score = |state: &[f32]| -> f32 {
                let rows = w.to_vec2::<f32>().unwrap();
                let energy = |(row, b): (&Vec<f32>, f32)| {
                    (row.iter().zip(state).map(|(w, h)| w * h).sum::<f32>() + b).tanh()
                };
                rows.iter().zip(values(&b)).map(energy).zip(values(&v)).map(|(e, v)| e * v).sum()
            };
            let exps: Vec<f32> = states[clip].iter().map(|state| score(state).exp()).collect();
            let total: f32 = exps.iter().sum();
            assert!(row.iter().zip(&exps).all(|(weight, e)| (weight - e / total).abs() < 1e-6));
        }
        let (plain, plain_weights) = additive_attention_plain(&h, &w, &b, &v)?;
        assert!(largest_difference(&context, &plain) < 1e-6);
        let weigh = random(context.dims(), 65)?;
        let weigh_weights = random(plain_weights.dims(), 66)?;
        for (name, var) in [("h", &h), ("w", &w), ("b", &b), ("v", &v)] {
            check_smooth(name, var, &weigh, 100, &|| Ok(of()?.0));
            check_smooth(name, var, &weigh_weights, 100, &|| Ok(of()?.1));
        }
    }
    Ok(())
}

#[test]
fn attention_survives_scores_beyond_the_exponential() -> Result<()> {
    let h = random(&[2, 4, 3], 71)?;
    let (w, b) = (random(&[5, 3], 72)?, random(&[5], 73)?);
    let v = Var::from_tensor(&(random(&[5], 74)?.as_tensor() * 1e3)?)?;
    let (context, weights) = additive_attention(&h, &w, &b, &v)?;
    let store = gradients(&context, random(context.dims(), 75)?.as_tensor())?;
    assert!(values(&weights).iter().all(|w| (0.0..=1.0).contains(w)));
    assert!(
        [&h, &w, &b, &v].into_iter().all(|var| values(store.get(var).unwrap()).iter().all(|g| g.is_finite()))
    );
    Ok(())
}

#[test]
fn shapes_that_do_not_fit_are_errors() -> Result<()> {
    let good = arguments([2, 3, 4, 5], 81)?;
    let bad: [(usize, &[usize]); 6] =
        [(0, &[2, 3, 3]), (1, &[14, 4]), (2, &[15, 4]), (2, &[12, 4]), (3, &[14]), (4, &[5])];
    for (which, shape) in bad {
        let mut arguments = good.clone();
        arguments[which] = random(shape, 82)?;
        assert!(run(gru, &arguments).is_err(), "{} {shape:?}", NAMES[which]);
        assert!(run(gru_plain, &arguments).is_err(), "plain {} {shape:?}", NAMES[which]);
    }
    let h = random(&[2, 3, 4], 83)?;
    let (w, b) = (random(&[5, 3], 84)?, random(&[5], 85)?);
    assert!(additive_attention(&h, &w, &b, &b).is_err());
    Ok(())
}
