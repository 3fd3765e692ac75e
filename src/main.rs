//! Which process am I? The command line says; its exit code is this process's.

fn main() -> std::process::ExitCode {
    rally::cli::main()
}
