//! The program: one file for each command.
