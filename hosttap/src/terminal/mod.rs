//! What people see and type: messages on stderr, data on stdout, and the line editor.

pub mod console;
pub(crate) mod line_editor;
mod progress_row;
mod row;
#[cfg(test)]
mod screens;
pub mod stdout;
pub(crate) mod text;
