//! Where text goes: plans and results to standard output, everything else to standard error.

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::ProgressDrawTarget;
use miette::{GraphicalReportHandler, GraphicalTheme};
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::JoinHandle;

use super::args::{DisplayArgs, PlanFormat};
use super::context::{Context, terminal_width};
use super::error::CliError;
use crate::apply::EventSink;
use crate::plan::{FileDifferences, Plan, render_plan};
use crate::planner::FailedBuild;
use crate::report::{
    Canvas, Display, JsonLines, Live, Mode, Plain, PlanText, Reporter, Reporters, Requested,
    RunLog, RunSummary, Verbosity, dot, escape_control, markdown, mermaid,
};

/// Error messages are wrapped to the terminal, but neither too narrow nor too wide to be read.
const ERROR_WIDTH: std::ops::RangeInclusive<usize> = 60..=100;

/// The reporters of a command, and the task that feeds them.
pub(super) struct Reporting {
    sink: EventSink,
    task: JoinHandle<()>,
    summary: Arc<Mutex<RunSummary>>,
    current_sink: Arc<Mutex<Option<EventSink>>>,
}

impl Reporting {
    /// Starts reporting; with a folder, every event is kept there too.
    pub(super) fn start(
        context: &Context,
        requested: Requested,
        display: &DisplayArgs,
        folder: Option<&Path>,
    ) -> Result<Self, CliError> {
        let summary = Arc::new(Mutex::new(RunSummary::new()));
        let mut reporters = reporters(context, requested, display);
        reporters.add(Arc::clone(&summary));
        if let Some(trace) = &context.trace {
            reporters.add(Arc::clone(trace));
        }
        if let Some(folder) = folder {
            let path = folder.join("events.jsonl");
            let file = std::fs::File::options()
                .create(true)
                .append(true)
                .open(&path)
                .map_err(|source| CliError::io("could not write events", &path, source))?;
            reporters.add(RunLog::new(Box::new(file)));
        }
        let (sender, mut events) = unbounded_channel();
        let task = tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                reporters.report(&event);
            }
            reporters.finish();
        });
        let sink = EventSink::new(context.start, sender);
        let current_sink = Arc::clone(&context.current_sink);
        *current_sink.lock().unwrap_or_else(PoisonError::into_inner) = Some(sink.clone());
        Ok(Self {
            sink,
            task,
            summary,
            current_sink,
        })
    }

    /// Returns where facts are sent.
    pub(super) fn sink(&self) -> EventSink {
        self.sink.clone()
    }

    /// Ends reporting when all senders are gone, and clears what was drawn.
    pub(super) async fn finish(self) -> Arc<Mutex<RunSummary>> {
        drop(self.sink);
        self.current_sink
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        // A reporter that met a bug must not hide the result.
        self.task.await.ok();
        self.summary
    }
}

fn reporters(context: &Context, requested: Requested, display: &DisplayArgs) -> Reporters {
    let verbosity = match (display.quiet, display.verbose) {
        (true, _) => Verbosity::Quiet,
        (_, true) => Verbosity::Verbose,
        (false, false) => Verbosity::Normal,
    };
    let Display { mode, colour } = Display::resolve(requested, verbosity, context.surroundings);
    let mut reporters = Reporters::new();
    match mode {
        Mode::Live => {
            let start = context.start;
            reporters.add(Live::new(Canvas {
                target: ProgressDrawTarget::stderr_with_hz(15),
                lines: Box::new(std::io::stderr()),
                width: Box::new(|| terminal_width().unwrap_or(80)),
                clock: Box::new(move || start.elapsed()),
                colour,
            }));
        }
        Mode::Plain => reporters.add(Plain::new(Box::new(std::io::stderr()))),
        Mode::Json => reporters.add(JsonLines::new(Box::new(std::io::stdout()))),
        Mode::Silent => {}
    }
    reporters
}

/// Prints a plan to standard output. A plan that did not get there whole is an error: whoever reads
/// it from a file must not take a part for all of it.
pub(super) fn print_plan(
    context: &Context,
    (plan, files): (&Plan, Option<&FileDifferences>),
    format: PlanFormat,
) -> Result<(), CliError> {
    let text = match format {
        PlanFormat::Human => plan_text(context, (plan, files), stdout_colour(context)),
        PlanFormat::Json => render_plan(plan),
        PlanFormat::Markdown => markdown(plan, files),
        PlanFormat::Dot => dot(plan),
        PlanFormat::Mermaid => mermaid(plan),
    };
    print_data(&text, "could not print the plan")
}

/// Prints what a command was called for to standard output.
pub(super) fn print_data(text: &str, failure: &'static str) -> Result<(), CliError> {
    match print_stdout(text) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(CliError::io(failure, "standard output", error))
        }
        _ => Ok(()),
    }
}

/// Prints a plan to standard error, before it is applied.
pub(super) fn show_plan(context: &Context, plan: &Plan, files: Option<&FileDifferences>) {
    print_stderr(&plan_text(context, (plan, files), stderr_colour(context)));
}

fn plan_text(
    context: &Context,
    (plan, files): (&Plan, Option<&FileDifferences>),
    colour: bool,
) -> String {
    PlanText::new(plan, context.width(), colour)
        .with_files(files)
        .render()
}

/// Prints the result of a run: to standard output, unless events go there.
pub(super) fn print_summary(context: &Context, summary: &Mutex<RunSummary>, to_stderr: bool) {
    let colour = if to_stderr {
        stderr_colour(context)
    } else {
        stdout_colour(context)
    };
    let text = summary
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .render(context.width(), colour);
    if to_stderr {
        print_stderr(&text);
    } else {
        // The exit code says the same to whoever cannot be told.
        print_stdout(&text).ok();
    }
}

/// Prints what could not be built, and which profiles wait for it.
/// `help` says what that means.
pub(super) fn print_failed_builds(context: &Context, failed: &[FailedBuild], help: &str) {
    for build in failed {
        let waiting: Vec<_> = build
            .waiting
            .iter()
            .map(|(node, profile)| format!("{node}.{profile}"))
            .collect();
        let mut text = String::new();
        for line in &build.lines {
            text.push_str(&escape_control(line));
            text.push('\n');
        }
        print_stderr(&text);
        let what = match build.derivations.as_slice() {
            [] => "a target".to_owned(),
            derivations => derivations.join(", "),
        };
        let error = CliError::refused(
            crate::apply::Exit::Failed,
            format!(
                "{what} could not be built; waiting for it: {}",
                waiting.join(", ")
            ),
            help,
        );
        print_error(&error, Some(context));
    }
}

/// Prints an error to standard error, Nix's own words first and as they are.
pub(super) fn print_error(error: &CliError, context: Option<&Context>) {
    let mut text = String::new();
    if let Some(said) = error.verbatim() {
        for line in said.lines() {
            text.push_str(&escape_control(line));
            text.push('\n');
        }
    }
    let colour = context.is_some_and(stderr_colour);
    let theme = if colour {
        GraphicalTheme::unicode()
    } else {
        GraphicalTheme::unicode_nocolor()
    };
    let width = terminal_width()
        .unwrap_or(*ERROR_WIDTH.end())
        .clamp(*ERROR_WIDTH.start(), *ERROR_WIDTH.end());
    let handler = GraphicalReportHandler::new_themed(theme).with_width(width);
    if handler.render_report(&mut text, error).is_err() {
        text.push_str(&error.to_string());
        text.push('\n');
    }
    print_stderr(&text);
}

/// Returns whether text on standard output has colours.
pub(super) fn stdout_colour(context: &Context) -> bool {
    context.stdout_is_terminal && !context.surroundings.no_color && !context.surroundings.dumb
}

fn stderr_colour(context: &Context) -> bool {
    context.surroundings.terminal && !context.surroundings.no_color && !context.surroundings.dumb
}

fn print_stdout(text: &str) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

fn print_stderr(text: &str) {
    std::io::stderr().lock().write_all(text.as_bytes()).ok();
}
