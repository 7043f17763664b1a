//! Progress bars on a terminal; silence elsewhere.

use std::io::IsTerminal;
use std::sync::Mutex;

use indicatif::{ProgressBar, ProgressStyle};

use crate::pipeline::Progress;
use crate::report::words::visible;

/// A bar that shows the work under way, if standard error is a terminal and nobody asked for JSON.
pub fn bar(json: bool) -> Progress {
    if json || !std::io::stderr().is_terminal() {
        return Progress::silent();
    }
    let state: Mutex<Option<(String, ProgressBar)>> = Mutex::new(None);
    Progress::new(move |label, done, total| {
        let Ok(mut state) = state.lock() else { return };
        if state.as_ref().is_none_or(|(shown, _)| shown != label) {
            if let Some((_, old)) = state.take() {
                old.finish_and_clear();
            }
            *state = Some((label.to_owned(), new_bar(label, total)));
        }
        if let Some((_, bar)) = state.as_ref() {
            bar.set_position(done);
            if total > 0 && done >= total {
                bar.finish_and_clear();
            }
        }
    })
}

fn new_bar(label: &str, total: u64) -> ProgressBar {
    let bar = if total > 0 { ProgressBar::new(total) } else { ProgressBar::new_spinner() };
    let form = if total > 0 { "{msg} {wide_bar} {percent}% 残り{eta}" } else { "{msg} {spinner} {pos} 件" };
    if let Ok(style) = ProgressStyle::with_template(form) {
        bar.set_style(style);
    }
    bar.set_message(visible(label).into_owned());
    bar
}
