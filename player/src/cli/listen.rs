//! `player listen`.

use anyhow::{Context, Result, bail};
use clap::Args;
use player::listen::{Event, Listener};
use serde_json::json;
use std::fs::File;
use std::io::{Read, Write};

#[derive(Args)]
#[command(after_help = "\
What does not come from a device of ours (a boot loader's words, damaged frames) is passed over, and told on standard
error. Ends where the device says so, or where the line does.

Exit code: 0 when at least one answer came, 1 when none did or the line cannot be read, 2 for wrong arguments.

Examples:
  player listen --serial /dev/ttyACM0
  firmware-demo/qemu.sh PROGRAM song.wav | player listen --serial - --json")]
pub struct ListenArgs {
    /// Serial device, file, or - for standard input
    #[arg(long, value_name = "PATH")]
    serial: String,

    /// Speed of a serial device
    #[arg(long, value_name = "N", default_value_t = 115_200)]
    baud: u32,

    /// How many tags to show, the most likely ones
    #[arg(long, value_name = "N", default_value_t = 5)]
    top: usize,

    /// Print one line of JSON per answer: {"window","uptime_seconds","heard_seconds","instructions",
    /// "tags":[{"tag","p","mean"}]}, and {"log"} for what else the device says
    #[arg(long)]
    json: bool,
}

/// Listens until the end; false where no answer came.
pub fn listen(args: &ListenArgs) -> Result<bool> {
    let (name, mut line): (&str, Box<dyn Read>) = match &*args.serial {
        "-" => ("standard input", Box::new(std::io::stdin().lock())),
        path => {
            let file = File::open(path).with_context(|| path.to_owned())?;
            raw(&file, args.baud).with_context(|| path.to_owned())?;
            (path, Box::new(file))
        }
    };
    let mut listener = Listener::new();
    let (mut answers, mut damaged) = (0, 0);
    let mut bytes = [0; 4096];
    'line: loop {
        let read = match line.read(&mut bytes) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error).with_context(|| name.to_owned()),
        };
        for event in bytes[..read].iter().filter_map(|&byte| listener.push(byte)) {
            answers += usize::from(matches!(event, Event::Scores(_)));
            damaged += usize::from(matches!(event, Event::Damaged { text: None, .. }));
            if show(args, event)? {
                break 'line;
            }
        }
    }
    if damaged > 0 {
        eprintln!("{name}: {damaged} damaged frame{}", if damaged == 1 { "" } else { "s" });
    }
    if answers == 0 {
        bail!("{name}: no answer came");
    }
    Ok(true)
}

/// Shows what was said; true at the end.
fn show(args: &ListenArgs, event: Event) -> Result<bool> {
    let mut out = std::io::stdout().lock();
    match event {
        Event::Hello(_) if args.json => {}
        Event::Hello(device) => eprintln!(
            "{}: {} tags, {} Hz, hears {:.1} s at a time, answers every {:.2} s",
            device.model, device.tags, device.sample_rate, device.window_seconds, device.hop_seconds
        ),
        Event::Scores(mut scores) if args.json => {
            scores.tags.truncate(args.top);
            writeln!(out, "{}", serde_json::to_string(&scores)?)?;
        }
        Event::Scores(scores) => writeln!(out, "{}", scores.text(args.top))?,
        Event::Log(text) if args.json => writeln!(out, "{}", json!({ "log": text }))?,
        Event::Log(text) => eprintln!("{text}"),
        Event::Damaged { text: Some(text), .. } => eprintln!("{text}"),
        Event::Damaged { error, text: None } => eprintln!("{error}"),
        Event::End { .. } => return Ok(true),
    }
    out.flush()?;
    Ok(false)
}

/// A terminal line as it comes, at that speed; what is no terminal stays as it is.
#[cfg(unix)]
fn raw(file: &File, baud: u32) -> Result<()> {
    use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
    let Ok(mut settings) = tcgetattr(file) else { return Ok(()) };
    settings.make_raw();
    settings.set_speed(baud).with_context(|| format!("{baud} baud"))?;
    Ok(tcsetattr(file, OptionalActions::Now, &settings)?)
}

#[cfg(not(unix))]
fn raw(_: &File, _: u32) -> Result<()> {
    Ok(())
}
