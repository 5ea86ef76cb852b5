//! The program `golden-bell`.

use std::process::ExitCode;

fn main() -> ExitCode {
    golden_bell::cli::main()
}
