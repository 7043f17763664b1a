//! A child process, timed, with its highest resident memory.
//!
//! Owns: starting, watching, waiting. Never: judges what the child did.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::cli::CliError;

/// Pause between two looks at a child's memory; what the kernel tells is the highest so far, so little is missed.
const LOOK: Duration = Duration::from_millis(10);

/// How a child went.
pub(super) struct Ran {
    pub seconds: f64,
    pub peak_mib: f64,
    pub output: String,
}

/// Runs `command` to its end. Files are written back first, so that one run does not pay for another.
pub(super) fn run(command: &mut Command, good: &[i32]) -> Result<Ran, CliError> {
    rustix::fs::sync();
    let what = format!("{:?}", command.get_program());
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .map_err(|e| CliError::Refused(format!("{what}: {e}")))?;
    let mut pipe = child.stdout.take();
    let reader = std::thread::spawn(move || {
        let mut output = String::new();
        if let Some(pipe) = &mut pipe {
            let _ = std::io::Read::read_to_string(pipe, &mut output);
        }
        output
    });
    let watched = child.id();
    let watch = std::thread::spawn(move || {
        let mut peak = 0.0;
        while let Some(mib) = high_water(watched) {
            peak = mib;
            std::thread::sleep(LOOK);
        }
        peak
    });
    let status = wait(&mut child)?;
    let seconds = started.elapsed().as_secs_f64();
    let peak_mib = watch.join().unwrap_or(0.0);
    let output = reader.join().unwrap_or_default();
    if !status.code().is_some_and(|c| good.contains(&c)) {
        return Err(CliError::Refused(format!("{what}: {status}")));
    }
    Ok(Ran { seconds, peak_mib, output })
}

fn wait(child: &mut Child) -> Result<std::process::ExitStatus, CliError> {
    Ok(child.wait()?)
}

/// `VmHWM` of a living process, MiB.
fn high_water(pid: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib / 1024.0)
}
