//! How to report, decided once from what was asked for and where the output goes.

/// What the command line asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requested {
    /// Nothing: whatever suits the place.
    Auto,
    /// Plain lines.
    Plain,
    /// One JSON document per line, on standard output.
    Json,
}

/// How much the operator wants to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// Only failures and results.
    Quiet,
    /// What happens.
    Normal,
    /// Also what tools print.
    Verbose,
}

/// Where the output goes. Only the cli reads it from the process's environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about the process"
)]
pub struct Surroundings {
    /// Whether standard error is a terminal.
    pub terminal: bool,
    /// Whether `CI` is set.
    pub ci: bool,
    /// Whether `TERM` is `dumb` or absent.
    pub dumb: bool,
    /// Whether `NO_COLOR` is set and not empty.
    pub no_color: bool,
}

/// How progress is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Rows that are redrawn.
    Live,
    /// One line per fact.
    Plain,
    /// One JSON document per fact, on standard output.
    Json,
    /// Not at all: only the result is shown.
    Silent,
}

/// How progress is reported, and whether standard error gets colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Display {
    /// How progress is reported.
    pub mode: Mode,
    /// Whether to colour.
    pub colour: bool,
}

impl Display {
    /// Returns how to report.
    pub fn resolve(requested: Requested, verbosity: Verbosity, place: Surroundings) -> Self {
        let mode = match (requested, verbosity) {
            (Requested::Json, _) => Mode::Json,
            (_, Verbosity::Quiet) => Mode::Silent,
            // Rows that are redrawn and a stream of lines would fight for the screen.
            (Requested::Plain, _) | (_, Verbosity::Verbose) => Mode::Plain,
            (Requested::Auto, Verbosity::Normal) => {
                if place.terminal && !place.ci && !place.dumb {
                    Mode::Live
                } else {
                    Mode::Plain
                }
            }
        };
        let colour = place.terminal && !place.dumb && !place.no_color;
        Self { mode, colour }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    const BOTH: [bool; 2] = [false, true];

    /// All surroundings, in the order of the table's columns.
    fn places() -> Vec<(String, Surroundings)> {
        let mut places = Vec::new();
        for (terminal, ci, dumb, no_color) in BOTH
            .into_iter()
            .flat_map(|terminal| BOTH.map(|ci| (terminal, ci)))
            .flat_map(|(terminal, ci)| BOTH.map(|dumb| (terminal, ci, dumb)))
            .flat_map(|(terminal, ci, dumb)| BOTH.map(|no_color| (terminal, ci, dumb, no_color)))
        {
            let flag = |set: bool, letter: char| if set { letter } else { '-' };
            let name = [
                flag(terminal, 't'),
                flag(ci, 'c'),
                flag(dumb, 'd'),
                flag(no_color, 'n'),
            ];
            places.push((
                name.iter().collect(),
                Surroundings {
                    terminal,
                    ci,
                    dumb,
                    no_color,
                },
            ));
        }
        places
    }

    #[test]
    fn the_whole_table() {
        let mut table = String::from("t: terminal, c: CI, d: dumb, n: NO_COLOR; *: colours\n     ");
        for requested in ["Auto", "Plain", "Json"] {
            for verbosity in ["quiet", "", "verbose"] {
                write!(table, " {:<13}", format!("{requested} {verbosity}")).unwrap();
            }
        }
        for (name, place) in places() {
            write!(table, "\n{name} ").unwrap();
            for requested in [Requested::Auto, Requested::Plain, Requested::Json] {
                for verbosity in [Verbosity::Quiet, Verbosity::Normal, Verbosity::Verbose] {
                    let display = Display::resolve(requested, verbosity, place);
                    let mark = if display.colour { "*" } else { "" };
                    write!(table, " {:<13}", format!("{:?}{mark}", display.mode)).unwrap();
                }
            }
        }
        let table: Vec<&str> = table.lines().map(str::trim_end).collect();
        insta::assert_snapshot!(table.join("\n"), @r"
        t: terminal, c: CI, d: dumb, n: NO_COLOR; *: colours
              Auto quiet    Auto          Auto verbose  Plain quiet   Plain         Plain verbose Json quiet    Json          Json verbose
        ----  Silent        Plain         Plain         Silent        Plain         Plain         Json          Json          Json
        ---n  Silent        Plain         Plain         Silent        Plain         Plain         Json          Json          Json
        --d-  Silent        Plain         Plain         Silent        Plain         Plain         Json          Json          Json
        --dn  Silent        Plain         Plain         Silent        Plain         Plain         Json          Json          Json
        -c--  Silent        Plain         Plain         Silent        Plain         Plain         Json          Json          Json
        -c-n  Silent        Plain         Plain         Silent        Plain         Plain         Json          Json          Json
        -cd-  Silent        Plain         Plain         Silent        Plain         Plain         Json          Json          Json
        -cdn  Silent        Plain         Plain         Silent        Plain         Plain         Json          Json          Json
        t---  Silent*       Live*         Plain*        Silent*       Plain*        Plain*        Json*         Json*         Json*
        t--n  Silent        Live          Plain         Silent        Plain         Plain         Json          Json          Json
        t-d-  Silent        Plain         Plain         Silent        Plain         Plain         Json          Json          Json
        t-dn  Silent        Plain         Plain         Silent        Plain         Plain         Json          Json          Json
        tc--  Silent*       Plain*        Plain*        Silent*       Plain*        Plain*        Json*         Json*         Json*
        tc-n  Silent        Plain         Plain         Silent        Plain         Plain         Json          Json          Json
        tcd-  Silent        Plain         Plain         Silent        Plain         Plain         Json          Json          Json
        tcdn  Silent        Plain         Plain         Silent        Plain         Plain         Json          Json          Json
        ");
    }
}
