//! The tables of docs/networks.md are what the code computes. `MINIM_WRITE_DOCS=1 cargo test -p trainer --test
//! docs_networks` writes them anew.

use std::fmt::Write as _;
use std::path::Path;
use trainer::net::{Architecture, Budget, Layer, Model, PAPER_FRAMES, PAPER_POOLS};

fn paper(model: Model, budget: Budget) -> Architecture {
    Architecture::new(model, budget, 96, &PAPER_POOLS, 50).unwrap()
}

/// 12,345,678.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Weights, parameters and multiply-accumulates at every budget.
fn sizes() -> String {
    let mut table = String::from(
        "| network | budget | weights | parameters | multiply-accumulates per 29 s |\n|---|---|---|---|---|\n",
    );
    for model in Model::ALL {
        for budget in Budget::ALL {
            let a = paper(model, budget);
            let macs = a.multiply_accumulates(PAPER_FRAMES) as f64 / 1e6;
            let (weights, parameters) = (grouped(a.weights() as u64), grouped(a.parameters() as u64));
            writeln!(table, "| {model} | {budget} | {weights} | {parameters} | {macs:.0} M |").unwrap();
        }
    }
    table
}

/// Layers of a network at 0.1M with what goes in and out.
fn layers(model: Model) -> String {
    let a = paper(model, Budget::M0_1);
    let mut table = String::from("| layer | kernel | pool | gives | weights |\n|---|---|---|---|---|\n");
    let frames = a.receptive_field() + a.pad_frames[0] + a.pad_frames[1];
    let mut shape = if matches!(a.layers[0], Layer::Plane(_)) { [1, 96, frames] } else { [96, 1, frames] };
    for (i, layer) in a.layers.iter().enumerate() {
        shape = layer.flow(shape).unwrap().0;
        let (kernel, pool) = match layer {
            Layer::Time(l) => (format!("{}", l.kernel), format!("{}", l.pool)),
            Layer::Plane(l) => {
                (format!("{}x{}", l.kernel[0], l.kernel[1]), format!("{}x{}", l.pool[0], l.pool[1]))
            }
            Layer::Recurrent(_) => ("GRU".into(), String::new()),
            Layer::LastState { .. } => ("last state".into(), String::new()),
            Layer::Attention { .. } => ("attention".into(), String::new()),
        };
        let [channels, bands, frames] = shape;
        let weights = grouped(layer.weights() as u64);
        writeln!(table, "| {} | {kernel} | {pool} | {channels} x {bands} x {frames} | {weights} |", i + 1)
            .unwrap();
    }
    table
}

#[test]
fn tables_are_what_the_code_computes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/networks.md");
    let old = std::fs::read_to_string(&path).unwrap();
    let mut new = old.clone();
    let mut tables = vec![("sizes".to_string(), sizes())];
    for model in [Model::K1c2, Model::K2c2, Model::Crnn] {
        tables.push((format!("layers of {model}"), layers(model)));
    }
    for (name, table) in tables {
        let (start, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
        let from = new.find(&start).unwrap_or_else(|| panic!("no {start}")) + start.len();
        let to = from + new[from..].find(&end).unwrap_or_else(|| panic!("no {end}"));
        new.replace_range(from..to, &table);
    }
    if std::env::var_os("MINIM_WRITE_DOCS").is_some() {
        std::fs::write(&path, &new).unwrap();
    } else {
        assert!(old == new, "docs/networks.md is out of date: run with MINIM_WRITE_DOCS=1");
    }
}
