//! Whether the kernel has been killing for want of memory.

/// How many processes the kernel has killed since boot because memory ran out
/// (`oom_kill` in `/proc/vmstat`); `None` where nothing tells.
pub fn oom_kills() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/vmstat").ok()?;
    count(&text)
}

fn count(vmstat: &str) -> Option<u64> {
    vmstat.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_counter_is_found_among_its_neighbours() {
        assert_eq!(super::count("pgfault 12\noom_kill 3\noom_killer 9\n"), Some(3));
        assert_eq!(super::count("pgfault 12\n"), None);
    }
}
