//! Tools that somebody has put under an explicit time limit with `timeout(1)`.

use std::time::Duration;

/// The limit of a process that is `timeout N …`; `None` for every other process.
pub fn of(pid: i32) -> Option<Duration> {
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let words: Vec<&str> =
        command.split(|byte| *byte == 0).map(std::str::from_utf8).collect::<Result<_, _>>().ok()?;
    limit(&words)
}

fn limit(words: &[&str]) -> Option<Duration> {
    let name = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    let (program, mut rest) = words.split_first()?;
    // One program that is many names the one it is to be in front.
    if ["busybox", "toybox", "coreutils"].contains(&name(program).as_str()) {
        return limit(rest);
    }
    if name(program) != "timeout" {
        return None;
    }
    while let Some((word, more)) = rest.split_first() {
        rest = more;
        match *word {
            // Their values stand apart.
            "-k" | "-s" | "--kill-after" | "--signal" => rest = rest.get(1..)?,
            "--" => return duration(rest.first()?),
            flag if flag.starts_with('-') => {}
            word => return duration(word),
        }
    }
    None
}

/// `240`, `1.5m`, `2h`, `1d`; 0 means no limit.
fn duration(word: &str) -> Option<Duration> {
    let unit = match word.chars().next_back()? {
        's' => 1.0,
        'm' => 60.0,
        'h' => 3600.0,
        'd' => 86_400.0,
        _ => return number(word, 1.0),
    };
    number(&word[..word.len() - 1], unit)
}

fn number(text: &str, unit: f64) -> Option<Duration> {
    let number: f64 = text.parse().ok()?;
    Duration::try_from_secs_f64(number * unit).ok().filter(|limit| !limit.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_timeout_reads_them() {
        for (command, seconds) in [
            ("timeout 240 make", Some(240.0)),
            ("/usr/bin/timeout -k 5 -s KILL 2m make", Some(120.0)),
            ("timeout --kill-after=5 --foreground 1.5h make test", Some(5400.0)),
            ("timeout -- 1d sleep 9", Some(86_400.0)),
            ("timeout -k5 --preserve-status --signal=INT 0.5h make", Some(1800.0)),
            ("busybox timeout 240 make", Some(240.0)),
            ("/bin/busybox timeout -t 240 make", Some(240.0)),
            ("coreutils timeout -v 10 make", Some(10.0)),
            ("busybox sleep 240", None),
            ("busybox", None),
            ("timeout 0 make", None),
            ("timeout", None),
            ("timeout -k", None),
            ("timeout soon make", None),
            ("mytimeout 240 make", None),
            ("sleep 240", None),
        ] {
            let words: Vec<&str> = command.split(' ').collect();
            assert_eq!(limit(&words).map(|limit| limit.as_secs_f64()), seconds, "{command}");
        }
        assert_eq!(limit(&[]), None);
    }

    #[test]
    fn this_process_is_under_none() {
        assert_eq!(of(std::process::id() as i32), None);
        assert_eq!(of(-1), None);
    }
}
