//! The keys, as long as the terminal is wide.

use super::line::{Field, Line};
use crate::terminal::style::Tone;

/// The widest form that fits; of the shortest, what fits. It may take the last column, as the painter
/// prints without wrapping.
pub fn hint(width: usize) -> Line {
    let text = match width {
        69.. => "[Ctrl+S skip] [Ctrl+P pause] [Ctrl+X graceful stop] [Ctrl+C quit now]",
        40..69 => "[^S skip] [^P pause] [^X stop] [^C quit]",
        38..40 => "^S skip · ^P pause · ^X stop · ^C quit",
        0..38 => "^S·^P·^X·^C",
    };
    Line::of(Field::toned(Tone::Dim, text)).cut(width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::style::Palette;

    // 20-AF-MO-14, 10-M8, the brief's 2b
    #[test]
    fn the_widest_form_that_fits() {
        let full = "[Ctrl+S skip] [Ctrl+P pause] [Ctrl+X graceful stop] [Ctrl+C quit now]";
        let table = [
            (200, full),
            (120, full),
            (69, full),
            (68, "[^S skip] [^P pause] [^X stop] [^C quit]"),
            (40, "[^S skip] [^P pause] [^X stop] [^C quit]"),
            (39, "^S skip · ^P pause · ^X stop · ^C quit"),
            (38, "^S skip · ^P pause · ^X stop · ^C quit"),
            (37, "^S·^P·^X·^C"),
            (11, "^S·^P·^X·^C"),
            (10, "^S·^P·^X·…"),
            (5, "^S·^…"),
            (1, "^"),
            (0, ""),
        ];
        for (width, text) in table {
            assert_eq!(hint(width).text(), text, "{width}");
        }
        for width in 0..=200 {
            let line = hint(width);
            assert!(line.cells() <= width && !line.text().contains('\n'), "{width}");
        }
    }

    #[test]
    fn it_is_grey() {
        assert!(hint(80).painted(Palette { colour: true }).starts_with("\x1b[38;5;245m[Ctrl+S"));
    }
}
