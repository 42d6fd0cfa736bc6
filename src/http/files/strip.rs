//! GIF and WebP without what nobody sees: comments, EXIF, XMP, and whatever stands after their end.
//!
//! Both may be animated, so they are not encoded afresh: their blocks are walked, and those of pictures are kept.

/// Extensions of GIF that say how often it repeats.
const LOOPS: [&[u8]; 2] = [b"NETSCAPE2.0", b"ANIMEXTS1.0"];
/// Chunks of WebP that hold pictures and their colours.
const CHUNKS: [&[u8]; 7] = [
    b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP",
];
/// The bits of a VP8X chunk that promise EXIF and XMP.
const METADATA_BITS: u8 = 0b0000_1100;

/// A GIF that was walked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Gif {
    /// What is left of it.
    pub(super) bytes: Vec<u8>,
    /// Its pictures.
    pub(super) frames: u64,
}

/// Walks a GIF; `None` if it does not read to its end.
pub(super) fn gif(bytes: &[u8]) -> Option<Gif> {
    let mut walk = Walk {
        rest: bytes,
        kept: Vec::with_capacity(bytes.len()),
    };
    let screen = walk.keep(13)?;
    let colours = table_bytes(*screen.get(10)?);
    walk.keep(colours)?;
    let mut frames = 0;
    loop {
        match *walk.rest.first()? {
            b'!' => walk.extension()?,
            b',' => {
                let picture = walk.keep(10)?;
                let colours = table_bytes(*picture.get(9)?);
                walk.keep(colours + 1)?;
                walk.sub_blocks(true)?;
                frames += 1;
            }
            b';' => {
                walk.keep(1)?;
                return Some(Gif {
                    bytes: walk.kept,
                    frames,
                });
            }
            _ => return None,
        }
    }
}

/// Bytes of the table of colours that these flags announce.
const fn table_bytes(flags: u8) -> usize {
    if flags & 0x80 == 0 {
        return 0;
    }
    3 << ((flags & 7) + 1)
}

struct Walk<'a> {
    rest: &'a [u8],
    kept: Vec<u8>,
}

impl<'a> Walk<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    fn keep(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.take(count)?;
        self.kept.extend_from_slice(taken);
        Some(taken)
    }

    fn extension(&mut self) -> Option<()> {
        let label = *self.rest.get(1)?;
        let is_loop = label == 0xff
            && LOOPS
                .iter()
                .any(|name| self.rest.get(3..3 + name.len()) == Some(*name));
        let is_kept = label == 0xf9 || is_loop;
        if is_kept {
            self.keep(2)?;
        } else {
            self.take(2)?;
        }
        self.sub_blocks(is_kept)
    }

    fn sub_blocks(&mut self, is_kept: bool) -> Option<()> {
        loop {
            let length = usize::from(*self.rest.first()?);
            let block = self.take(length + 1)?;
            if is_kept {
                self.kept.extend_from_slice(block);
            }
            if length == 0 {
                return Some(());
            }
        }
    }
}

/// Walks a WebP; `None` if it does not read to the end it announces.
pub(super) fn webp(bytes: &[u8]) -> Option<Vec<u8>> {
    let length = u32_at(bytes, 4)?;
    if bytes.get(..4)? != b"RIFF" || bytes.get(8..12)? != b"WEBP" {
        return None;
    }
    let mut rest = bytes.get(12..8 + length)?;
    let mut kept = b"RIFF\0\0\0\0WEBP".to_vec();
    while !rest.is_empty() {
        let size = u32_at(rest, 4)?;
        let (chunk, after) = rest.split_at_checked(8 + size + size % 2)?;
        rest = after;
        let name = chunk.get(..4)?;
        if !CHUNKS.contains(&name) {
            continue;
        }
        let at = kept.len();
        kept.extend_from_slice(chunk);
        if name == b"VP8X" {
            *kept.get_mut(at + 8)? &= !METADATA_BITS;
        }
    }
    let length = u32::try_from(kept.len() - 8).ok()?;
    kept.get_mut(4..8)?.copy_from_slice(&length.to_le_bytes());
    Some(kept)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    let four = bytes.get(at..at + 4)?.try_into().ok()?;
    usize::try_from(u32::from_le_bytes(four)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCREEN: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff";
    const CONTROL: &[u8] = b"!\xf9\x04\0\0\0\0\0";
    const LOOP: &[u8] = b"!\xff\x0bNETSCAPE2.0\x03\x01\0\0\0";
    const PICTURE: &[u8] = b",\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0";

    #[test]
    fn a_gif_keeps_its_pictures_and_loses_the_rest() {
        let comment = b"!\xfe\x06secret\0";
        let tool = b"!\xff\x0bXMP DataXMP\x02hi\0";
        let given = [
            SCREEN,
            comment,
            LOOP,
            tool,
            CONTROL,
            PICTURE,
            PICTURE,
            b";<script>",
        ]
        .concat();

        let walked = gif(&given).unwrap();

        assert_eq!(walked.frames, 2);
        assert_eq!(
            walked.bytes,
            [SCREEN, LOOP, CONTROL, PICTURE, PICTURE, b";"].concat()
        );
    }

    #[test]
    fn a_gif_that_breaks_off_is_none() {
        let whole = [SCREEN, PICTURE, b";"].concat();
        assert!(gif(&whole).is_some());
        for end in 0..whole.len() {
            assert_eq!(gif(&whole[..end]), None, "{end}");
        }
    }

    fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let mut chunk = name.to_vec();
        chunk.extend_from_slice(&u32::try_from(body.len()).unwrap().to_le_bytes());
        chunk.extend_from_slice(body);
        chunk.resize(chunk.len() + body.len() % 2, 0);
        chunk
    }

    fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
        let mut body = b"WEBP".to_vec();
        body.extend(chunks.concat());
        chunk(b"RIFF", &body)
    }

    #[test]
    fn a_webp_keeps_its_pictures_and_loses_the_rest() {
        let [picture, colours] = [chunk(b"VP8L", b"abc"), chunk(b"ICCP", b"de")];
        let before = chunk(b"VP8X", &[0b0010_1100, 0, 0, 0, 1, 2, 3, 4, 5, 6]);
        let after = chunk(b"VP8X", &[0b0010_0000, 0, 0, 0, 1, 2, 3, 4, 5, 6]);
        let mut given = riff(&[
            before,
            colours.clone(),
            picture.clone(),
            chunk(b"EXIF", b"here"),
            chunk(b"XMP ", b"I am"),
            chunk(b"junk", b"!"),
        ]);
        given.extend_from_slice(b"tail");

        assert_eq!(webp(&given), Some(riff(&[after, colours, picture])));
        assert_eq!(webp(&given[..20]), None);
        assert_eq!(webp(b"RIFF\xff\xff\xff\xffWEBP"), None);
    }
}
