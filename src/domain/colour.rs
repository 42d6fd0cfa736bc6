//! Colours that site owners choose: read, and corrected where text on them or in them could not be read.

use super::Refusal;

/// The least contrast of text against what is behind it (WCAG 2.2, AA).
const READABLE: f64 = 4.5;

/// A colour in sRGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour([u8; 3]);

impl Colour {
    /// White.
    pub const WHITE: Self = Self([255; 3]);
    /// Black.
    pub const BLACK: Self = Self([0; 3]);

    /// Reads `#rrggbb` or `#rgb`, the `#` may be missing.
    ///
    /// # Errors
    /// [`Refusal::Validation`] of `accent`.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let refuse = || Refusal::invalid("accent", "write a colour as #0f766e");
        let hex = text.trim().trim_start_matches('#');
        if !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(refuse());
        }
        let long: String = match hex.len() {
            3 => hex.chars().flat_map(|c| [c, c]).collect(),
            6 => hex.to_owned(),
            _ => return Err(refuse()),
        };
        let n = u32::from_str_radix(&long, 16).map_err(|_| refuse())?;
        let [_, r, g, b] = n.to_be_bytes();
        Ok(Self([r, g, b]))
    }

    /// `#rrggbb` in lower case.
    #[must_use]
    pub fn hex(self) -> String {
        let [r, g, b] = self.0;
        format!("#{r:02x}{g:02x}{b:02x}")
    }

    /// Black or white, whichever is easier to read on this colour; one of them always has 4.5:1.
    #[must_use]
    pub fn ink(self) -> Self {
        if self.contrast(Self::WHITE) >= READABLE {
            Self::WHITE
        } else {
            Self::BLACK
        }
    }

    /// This colour, darkened step by step until it can be read on white.
    #[must_use]
    pub fn readable_on_white(self) -> Self {
        let mut colour = self;
        while colour.contrast(Self::WHITE) < READABLE {
            colour = Self(colour.0.map(|part| part - part.div_ceil(24).min(part)));
        }
        colour
    }

    /// The contrast ratio of two colours, 1 to 21 (WCAG 2.2).
    #[must_use]
    pub fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn luminance(self) -> f64 {
        let [r, g, b] = self.0.map(|part| {
            let c = f64::from(part) / 255.0;
            if c <= 0.040_45 {
                c / 12.92
            } else {
                ((c + 0.055) / 1.055).powf(2.4)
            }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_have_one_spelling() {
        for (typed, want) in [
            ("#0F766E", "#0f766e"),
            ("abc", "#aabbcc"),
            (" #000 ", "#000000"),
        ] {
            assert_eq!(Colour::parse(typed).unwrap().hex(), want);
        }
        for bad in [
            "", "#", "red", "#12", "#12345g", "#1234567", "#ffff", "url(x)", "#ééé",
        ] {
            assert!(Colour::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_colour_has_an_ink_and_a_readable_shade() {
        assert!((Colour::WHITE.contrast(Colour::BLACK) - 21.0).abs() < 1e-9);
        for n in (0..=0xff_ffff_u32).step_by(4099) {
            let [_, r, g, b] = n.to_be_bytes();
            let colour = Colour([r, g, b]);
            assert!(
                colour.contrast(colour.ink()) >= READABLE,
                "{}",
                colour.hex()
            );
            assert!(colour.readable_on_white().contrast(Colour::WHITE) >= READABLE);
        }
        let teal = Colour::parse("#0f766e").unwrap();
        assert_eq!(teal.readable_on_white(), teal);
    }
}
