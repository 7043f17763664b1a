pub fn main(_root: &std::path::Path, _args: &crate::cli::BenchArgs) -> Result<u8, crate::cli::CliError> { Ok(0) }
