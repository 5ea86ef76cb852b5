//! The program `golden-bell`.

use std::process::ExitCode;

/// For librdkafka too, which allocates in one thread what another frees: less time and far less memory than glibc's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    golden_bell::cli::main()
}
