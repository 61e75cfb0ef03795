//! The results of the checks.

use std::io::{self, Write};

/// What the checks found, and the commands that fix what is wrong.
#[derive(Debug, Default)]
pub(super) struct Report {
    lines: Vec<String>,
    fixes: Vec<String>,
    wrong_count: usize,
}

impl Report {
    pub(super) fn ok(&mut self, text: impl AsRef<str>) {
        self.lines.push(format!("ok     {}", text.as_ref()));
    }

    pub(super) fn note(&mut self, text: impl AsRef<str>) {
        self.lines.push(format!("note   {}", text.as_ref()));
    }

    /// Adds what is wrong. A command that was given already is not repeated.
    pub(super) fn wrong(&mut self, text: impl AsRef<str>, fixes: &[String]) {
        self.lines.push(format!("WRONG  {}", text.as_ref()));
        self.wrong_count += 1;
        for fix in fixes {
            if !self.fixes.contains(fix) {
                self.fixes.push(fix.clone());
            }
        }
    }

    pub(super) const fn is_fine(&self) -> bool {
        self.wrong_count == 0
    }

    /// How many faults were found so far.
    pub(super) const fn wrong_count(&self) -> usize {
        self.wrong_count
    }

    /// Prints one line per check on stdout, then the commands.
    pub(super) fn print(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        for line in &self.lines {
            writeln!(out, "{line}")?;
        }
        if self.is_fine() {
            writeln!(out, "All is well.")?;
        } else if !self.fixes.is_empty() {
            writeln!(out, "\nTo fix it:")?;
            for fix in &self.fixes {
                writeln!(out, "  {fix}")?;
            }
        }
        out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_given_once_and_a_fault_without_one_is_a_fault() {
        let mut report = Report::default();
        assert!(report.is_fine());
        for _ in 0..2 {
            report.wrong("down", &["sudo up".to_owned()]);
        }
        assert_eq!(report.fixes, ["sudo up"]);
        let mut report = Report::default();
        report.wrong("broken", &[]);
        assert!(!report.is_fine());
    }
}
