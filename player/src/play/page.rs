//! The terminal page: what plays, how far it is, its tags now and over time, and what comes next.

use super::now::{Now, TagNow};
use super::session::{Command, Session};
use ratatui::Frame;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Gauge, Paragraph};
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Time between two pictures at most.
const TICK: Duration = Duration::from_millis(200);

/// Shows a session until it ends or the user does. `more` gives songs like the one that plays. The terminal is as it was
/// afterwards, also after a panic or a signal that sets `stop`.
///
/// # Errors
/// When there is no terminal.
pub fn show(
    session: &Session,
    tags: &[String],
    stop: &AtomicBool,
    mut more: impl FnMut(&Path) -> Result<Vec<std::path::PathBuf>, String>,
) -> io::Result<()> {
    // It puts a hook before the panic's, which gives the terminal back.
    let mut terminal = ratatui::try_init()?;
    let index: HashMap<&str, usize> = tags.iter().enumerate().map(|(i, tag)| (tag.as_str(), i)).collect();
    let mut message = String::new();
    let done = (|| {
        while !session.ended() && !stop.load(Ordering::Relaxed) {
            let (now, _) = session.board().read();
            terminal.draw(|frame| draw(frame, &now, &index, &message))?;
            if !event::poll(TICK)? {
                continue;
            }
            let Event::Key(key) = event::read()? else { continue };
            match wanted(key) {
                Some(Wanted::Quit) => break,
                Some(Wanted::More) => {
                    message = match more(&now.path) {
                        Ok(songs) => {
                            let count = songs.len();
                            session.send(Command::Next(songs));
                            format!("{count} songs like this one come next")
                        }
                        Err(reason) => reason,
                    };
                }
                Some(Wanted::Tell(command)) => {
                    message.clear();
                    session.send(command);
                }
                None => {}
            }
        }
        Ok(())
    })();
    ratatui::restore();
    done
}

enum Wanted {
    Quit,
    More,
    Tell(Command),
}

fn wanted(key: KeyEvent) -> Option<Wanted> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    let tell = |command| Some(Wanted::Tell(command));
    match key.code {
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => Some(Wanted::Quit),
        KeyCode::Char('q') | KeyCode::Esc => Some(Wanted::Quit),
        KeyCode::Char('m') => Some(Wanted::More),
        KeyCode::Char(' ' | 'p') => tell(Command::Toggle),
        KeyCode::Char('n') | KeyCode::Enter => tell(Command::Skip),
        KeyCode::Char('b') => tell(Command::Back),
        KeyCode::Right => tell(Command::SeekBy(10.0)),
        KeyCode::Left => tell(Command::SeekBy(-10.0)),
        _ => None,
    }
}

/// How many tags there are bars for.
const BARS: usize = 10;

fn draw(frame: &mut Frame<'_>, now: &Now, index: &HashMap<&str, usize>, message: &str) {
    let rows = now.tags.len().min(BARS) as u16;
    let parts = Layout::vertical([
        Constraint::Length(3),
        Constraint::Length(1),
        Constraint::Length(rows.max(1) + 2),
        Constraint::Length(rows.max(1) + 2),
        Constraint::Min(0),
        Constraint::Length(1),
    ]);
    let [head, time, bars, strip, next, keys] = parts.areas(frame.area());
    let state = if now.ended {
        "ended"
    } else if now.paused {
        "paused"
    } else {
        "plays"
    };
    let title = Line::from(vec![Span::raw(now.name.clone()).bold(), Span::raw(format!("  {state}")).dim()]);
    let place = Line::from(now.path.display().to_string()).dim();
    let trouble = now.trouble.as_deref().unwrap_or_default();
    let said = if message.is_empty() { trouble } else { message };
    frame.render_widget(Paragraph::new(vec![title, place, Line::from(said.to_owned()).red()]), head);
    draw_time(frame, time, now);
    let tags = &now.tags[..usize::from(rows)];
    frame.render_widget(
        Paragraph::new(bar_lines(tags, bars.width)).block(Block::bordered().title("tags")),
        bars,
    );
    let lines = strip_lines(now, tags, index, strip.width);
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().title("over time")), strip);
    let mut names: Vec<Line<'_>> = vec![Line::from("next").dim()];
    names.extend(now.next.iter().map(|name| Line::from(format!("  {name}"))));
    if now.next.is_empty() {
        names.clear();
    }
    frame.render_widget(Paragraph::new(names), next);
    let help = "space pause   n next   b back   ←→ 10 s   m more like this   q quit";
    frame.render_widget(Paragraph::new(help).dim(), keys);
}

fn draw_time(frame: &mut Frame<'_>, area: Rect, now: &Now) {
    let whole = now.duration.map_or_else(|| "?".into(), clock);
    let share = now.duration.filter(|end| *end > 0.0).map_or(0.0, |end| (now.position / end).clamp(0.0, 1.0));
    let label = format!("{} / {whole}", clock(now.position));
    let gauge = Gauge::default().ratio(share).label(label).use_unicode(true);
    frame.render_widget(gauge.gauge_style(Style::new().fg(Color::Blue).bg(Color::Black)), area);
}

fn clock(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    format!("{}:{:02}", whole / 60, whole % 60)
}

/// Letters of a tag's name that are shown.
const NAME: usize = 18;

fn name(tag: &str) -> String {
    let short: String = tag.chars().take(NAME).collect();
    format!("{short:>NAME$} ")
}

fn bar_lines(tags: &[TagNow], width: u16) -> Vec<Line<'static>> {
    if tags.is_empty() {
        return vec![Line::from("listening ...").dim()];
    }
    let room = usize::from(width).saturating_sub(NAME + 12);
    let line = |tag: &TagNow| {
        let eighths = (tag.p.clamp(0.0, 1.0) * (room * 8) as f32).round() as usize;
        let mut bar = "█".repeat(eighths / 8);
        if !eighths.is_multiple_of(8) {
            bar.push([' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'][eighths % 8]);
        }
        let mean = Span::raw(format!(" {:.2} ", tag.mean)).dim();
        Line::from(vec![Span::raw(name(&tag.tag)), mean, Span::raw(bar).fg(Color::Green)])
    };
    tags.iter().map(line).collect()
}

/// A taggram: a column for each of the last windows, the stronger the likelier.
fn strip_lines(now: &Now, tags: &[TagNow], index: &HashMap<&str, usize>, width: u16) -> Vec<Line<'static>> {
    let room = usize::from(width).saturating_sub(NAME + 3);
    let windows = &now.history[now.history.len().saturating_sub(room)..];
    let most = windows.iter().flat_map(|(_, p)| p).fold(0.1, |most: f32, &p| most.max(p));
    let line = |tag: &TagNow| {
        let at = index.get(tag.tag.as_str()).copied().unwrap_or(usize::MAX);
        let shade = |share: f32| match (share * 5.0) as u32 {
            0 => ' ',
            1 => '░',
            2 => '▒',
            3 => '▓',
            _ => '█',
        };
        let cells =
            windows.iter().map(|(_, p)| shade(p.get(at).copied().unwrap_or(0.0) / most)).collect::<String>();
        Line::from(vec![
            Span::raw(name(&tag.tag)),
            Span::styled(cells, Style::new().fg(Color::Magenta).add_modifier(Modifier::BOLD)),
        ])
    };
    tags.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    fn screen(now: &Now, width: u16, height: u16) -> String {
        let tags = ["rock".to_owned(), "jazz".into()];
        let index = tags.iter().enumerate().map(|(i, tag)| (tag.as_str(), i)).collect();
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, now, &index, "")).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn the_page_shows_song_tags_time_and_what_comes() {
        let tag = |tag: &str, p, mean| TagNow { tag: tag.into(), p, mean };
        let now = Now {
            song: 1,
            path: "/m/a.mp3".into(),
            name: "Ann - Song".into(),
            position: 61.0,
            duration: Some(122.0),
            tags: vec![tag("jazz", 0.5, 0.41), tag("rock", 0.1, 0.2)],
            history: vec![(6.0, vec![0.1, 0.5]), (7.0, vec![0.5, 0.02])],
            next: vec!["Bob - Other".into()],
            ..Default::default()
        };
        let text = screen(&now, 80, 24);
        for part in ["Ann - Song", "plays", "1:01 / 2:02", "jazz  0.41 ███", "█ ", "Bob - Other", "q quit"]
        {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        let line = text.lines().filter(|line| line.contains("jazz")).nth(1).unwrap();
        assert!(line.contains("jazz █ "), "{line}");
        // However small the window is, it draws.
        for (width, height) in [(1, 1), (10, 3), (200, 60)] {
            screen(&now, width, height);
            screen(&Now::default(), width, height);
        }
    }

    #[test]
    fn keys_do_what_the_last_line_says() {
        let key = |code| wanted(KeyEvent::new(code, KeyModifiers::NONE));
        assert!(matches!(key(KeyCode::Char('q')), Some(Wanted::Quit)));
        assert!(matches!(key(KeyCode::Char(' ')), Some(Wanted::Tell(Command::Toggle))));
        assert!(matches!(key(KeyCode::Left), Some(Wanted::Tell(Command::SeekBy(s))) if s == -10.0));
        assert!(matches!(key(KeyCode::Char('m')), Some(Wanted::More)));
        let control_c = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert!(matches!(wanted(control_c), Some(Wanted::Quit)) && key(KeyCode::Char('x')).is_none());
    }
}
