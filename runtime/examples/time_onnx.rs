//! Times ONNX files in tract on one core: `time_onnx ROUNDS FRAMES FILE...`, the files in turn within each round.
use std::time::Instant;
use tract_onnx::prelude::*;

fn main() -> TractResult<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (rounds, frames): (usize, usize) = (args[0].parse()?, args[1].parse()?);
    let symbolic = std::env::var("SYMBOLIC").is_ok();
    let mut models = Vec::new();
    for path in &args[2..] {
        let m = runtime::tagger::read(path, std::env::var("PLAIN").is_err())?;
        let m = if symbolic {
            let s = m.symbols.sym("S");
            m.with_input_fact(0, f32::fact(&[1.to_dim(), 96.to_dim(), s.to_dim()]).into())?
        } else {
            m.with_input_fact(0, f32::fact([1, 96, frames]).into())?
        };
        let m = m.into_optimized()?;
        if std::env::var("DUMP").is_ok() {
            for n in m.nodes() {
                println!("{} {} {:?}", n.id, n.op, n.outputs.iter().map(|o| &o.fact).collect::<Vec<_>>());
            }
        }
        models.push(m.into_runnable()?);
    }
    let x: Vec<f32> = (0..96 * frames).map(|i| -(((i * 7919) % 200) as f32) * 0.5).collect();
    let x = Tensor::from_shape(&[1, 96, frames], &x)?;
    let mut times = vec![Vec::new(); models.len()];
    for _ in 0..rounds {
        for (m, t) in models.iter().zip(&mut times) {
            let start = Instant::now();
            let out = m.run(tvec!(x.clone().into()))?;
            t.push(start.elapsed().as_secs_f64() * 1e3);
            std::hint::black_box(out);
        }
    }
    for (t, path) in times.iter_mut().zip(&args[2..]) {
        t.sort_by(f64::total_cmp);
        println!("{:8.3} ms min {:8.3}  {path}", t[t.len() / 2], t[0]);
    }
    Ok(())
}
