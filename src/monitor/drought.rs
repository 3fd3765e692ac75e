//! What is suspicious about an agent's connections? Nothing is decided on it: it is shown. Pure.

use std::time::Duration;

use super::sample::Sample;

/// For so long everybody may be without a connection, or without traffic (20-AF-MO-10).
const NORMAL: Duration = Duration::from_secs(30);

/// What is suspicious about an agent's connections, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drought {
    /// There is none.
    NoConnection(Duration),
    /// There are some, and nothing moves on them.
    NoTraffic(Duration),
}

/// Remembers what a single sample cannot tell.
#[derive(Debug, Default)]
pub struct Droughts {
    /// When a connection was last seen, or none could be looked for; at first the start.
    connected: Duration,
    /// Bytes that were moved, and since when they have been the same.
    moved: Option<(u64, Duration)>,
}

impl Droughts {
    /// A watch that begins at `now`.
    pub fn since(now: Duration) -> Droughts {
        Droughts { connected: now, moved: None }
    }

    /// Takes the next sample. What is unknown is no drought.
    pub fn assess(&mut self, sample: &Sample) -> Option<Drought> {
        let Sample { at, connections, network_bytes, .. } = *sample;
        if connections != Some(0) {
            self.connected = at;
        }
        let since = match (self.moved, network_bytes) {
            (Some((before, since)), Some(now)) if before == now => since,
            _ => at,
        };
        self.moved = network_bytes.map(|bytes| (bytes, since));
        let (unconnected, dry) = (at.saturating_sub(self.connected), at.saturating_sub(since));
        match connections? {
            0 => (unconnected >= NORMAL).then_some(Drought::NoConnection(unconnected)),
            _ => (dry >= NORMAL).then_some(Drought::NoTraffic(dry)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn course(looks: &[(u64, Option<usize>, Option<u64>)]) -> Vec<Option<Drought>> {
        let mut droughts = Droughts::default();
        let look = |(at, connections, network_bytes): &(u64, Option<usize>, Option<u64>)| Sample {
            at: secs(*at),
            connections: *connections,
            network_bytes: *network_bytes,
            ..Sample::default()
        };
        looks.iter().map(|seen| droughts.assess(&look(seen))).collect()
    }

    // 20-AF-MO-10
    #[test]
    fn thirty_seconds_without_a_connection() {
        let looks = [
            (5, Some(0), Some(0)),
            (29, Some(0), Some(0)),
            (31, Some(0), Some(0)),
            (40, Some(1), Some(9)),
            (69, Some(0), Some(9)),
            (70, Some(0), Some(9)),
        ];
        let none = |seconds| Some(Drought::NoConnection(secs(seconds)));
        assert_eq!(course(&looks), [None, None, none(31), None, None, none(30)]);
    }

    // 20-AF-MO-10
    #[test]
    fn thirty_seconds_without_a_byte() {
        let looks =
            [(1, Some(2), Some(7)), (30, Some(2), Some(7)), (32, Some(2), Some(7)), (33, Some(2), Some(8))];
        assert_eq!(course(&looks), [None, None, Some(Drought::NoTraffic(secs(31))), None]);
    }

    #[test]
    fn what_is_unknown_is_no_drought_and_begins_anew() {
        let looks = [(1, Some(0), None), (40, None, None), (60, Some(0), Some(0)), (70, Some(0), Some(0))];
        assert_eq!(course(&looks), [None, None, None, Some(Drought::NoConnection(secs(30)))]);
        let looks = [(1, Some(1), Some(5)), (40, Some(1), None), (60, Some(1), Some(5))];
        assert_eq!(course(&looks), [None, None, None]);
    }
}
