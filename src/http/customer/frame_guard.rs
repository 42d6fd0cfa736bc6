//! The frame guard: walks WebSocket frame headers before anything is buffered.
//!
//! The WebSocket library tests a frame's size only after the whole frame is in memory and never ends an endless fragmented
//! message. This stream adapter sits between the connection and the library and fails as soon as a header *announces* too much.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::{FromRequest, HttpRequest, web};
use bytes::Bytes;
use futures_util::Stream;

/// The largest frame, and the largest message put together from fragments, in payload bytes.
pub(crate) const MAX_FRAME_BYTES: u64 = 64 * 1024;

/// The most fragments of one message: a browser never fragments a message this small by itself.
pub(crate) const MAX_FRAGMENTS: u32 = 64;

/// The longest frame header: 2 bytes, 8 of length, 4 of mask.
const MAX_HEADER_BYTES: usize = 14;

/// The largest payload of a control frame (RFC 6455 §5.5).
const MAX_CONTROL_BYTES: u64 = 125;

/// Why a connection must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// A frame or message above the limit was announced: Close 1009.
    TooBig,
    /// The framing breaks RFC 6455: Close 1002.
    Protocol,
}

/// What the guard found, shared between the guarded stream and the task that owns the socket.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict(Rc<Cell<Option<Violation>>>);

impl Verdict {
    /// The violation that ended the stream, if the guard ended it.
    pub(crate) fn get(&self) -> Option<Violation> {
        self.0.get()
    }
}

/// Puts the guard before `payload`; the result goes into `actix_ws::handle`.
///
/// # Errors
/// The framework's own, which does not occur for a raw payload.
pub(crate) async fn guard(
    req: &HttpRequest,
    payload: web::Payload,
) -> actix_web::Result<(web::Payload, Verdict)> {
    let verdict = Verdict::default();
    let stream = Guarded {
        inner: payload.into_inner(),
        walk: FrameWalk::default(),
        verdict: verdict.clone(),
    };
    let mut boxed = Payload::Stream {
        payload: Box::pin(stream) as Pin<Box<dyn Stream<Item = _>>>,
    };
    let payload = web::Payload::from_request(req, &mut boxed).await?;
    Ok((payload, verdict))
}

struct Guarded {
    inner: Payload,
    walk: FrameWalk,
    verdict: Verdict,
}

impl Stream for Guarded {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.verdict.get().is_some() {
            return Poll::Ready(None);
        }
        let polled = Pin::new(&mut self.inner).poll_next(cx);
        if let Poll::Ready(Some(Ok(chunk))) = &polled
            && let Err(violation) = self.walk.feed(chunk)
        {
            self.verdict.0.set(Some(violation));
            let error = std::io::Error::other("the frame guard ended the stream");
            return Poll::Ready(Some(Err(PayloadError::Io(error))));
        }
        polled
    }
}

/// The walk over frame headers; payload bytes are skipped, nothing is kept but the header being read.
#[derive(Debug, Default)]
struct FrameWalk {
    header: [u8; MAX_HEADER_BYTES],
    header_bytes: usize,
    /// Payload bytes of the current frame still to come.
    skip_bytes: u64,
    /// Fragments of the unfinished message so far; 0 while no message is unfinished.
    fragments: u32,
    message_bytes: u64,
}

impl FrameWalk {
    /// Walks over the next bytes of the connection, however they are cut.
    fn feed(&mut self, mut chunk: &[u8]) -> Result<(), Violation> {
        while !chunk.is_empty() {
            if self.skip_bytes > 0 {
                let skipped = self.skip_bytes.min(chunk.len() as u64);
                self.skip_bytes -= skipped;
                // At most chunk.len(), so it fits.
                chunk = &chunk[usize::try_from(skipped).unwrap_or(chunk.len())..];
                continue;
            }
            self.header[self.header_bytes] = chunk[0];
            self.header_bytes += 1;
            chunk = &chunk[1..];
            self.check_header()?;
        }
        Ok(())
    }

    /// Checks what is known of the header after each of its bytes, so that nothing is waited for in vain.
    fn check_header(&mut self) -> Result<(), Violation> {
        if self.header_bytes == 1 {
            return self.check_first_byte();
        }
        let second = self.header[1];
        if second & 0x80 == 0 {
            return Err(Violation::Protocol);
        }
        let length_bytes = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if self.header_bytes == 2 + length_bytes {
            self.check_length(length_bytes)?;
        }
        if self.header_bytes == 2 + length_bytes + 4 {
            self.header_bytes = 0;
            self.skip_bytes = self.announced(length_bytes);
        }
        Ok(())
    }

    fn check_first_byte(&self) -> Result<(), Violation> {
        let first = self.header[0];
        let (is_final, reserved, opcode) = (first & 0x80 != 0, first & 0x70, first & 0x0f);
        let fits = match opcode {
            0x0 => self.fragments > 0,
            0x1 | 0x2 => self.fragments == 0,
            0x8..=0xa => is_final,
            _ => false,
        };
        if reserved == 0 && fits {
            Ok(())
        } else {
            Err(Violation::Protocol)
        }
    }

    fn check_length(&mut self, length_bytes: usize) -> Result<(), Violation> {
        let announced = self.announced(length_bytes);
        let (is_final, opcode) = (self.header[0] & 0x80 != 0, self.header[0] & 0x0f);
        if opcode & 0x8 != 0 {
            return if announced <= MAX_CONTROL_BYTES {
                Ok(())
            } else {
                Err(Violation::Protocol)
            };
        }
        self.fragments += 1;
        self.message_bytes = self.message_bytes.saturating_add(announced);
        if self.message_bytes > MAX_FRAME_BYTES || self.fragments > MAX_FRAGMENTS {
            return Err(Violation::TooBig);
        }
        if is_final {
            self.fragments = 0;
            self.message_bytes = 0;
        }
        Ok(())
    }

    fn announced(&self, length_bytes: usize) -> u64 {
        if length_bytes == 0 {
            return u64::from(self.header[1] & 0x7f);
        }
        self.header[2..2 + length_bytes]
            .iter()
            .fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIN: u8 = 0x80;

    /// A masked frame; only the header matters to the walk.
    fn frame(first: u8, payload_bytes: usize) -> Vec<u8> {
        let mut out = vec![first];
        match payload_bytes {
            0..126 => out.push(0x80 | u8::try_from(payload_bytes).unwrap()),
            126..65_536 => {
                out.push(0x80 | 126);
                out.extend(u16::try_from(payload_bytes).unwrap().to_be_bytes());
            }
            _ => {
                out.push(0x80 | 127);
                out.extend((payload_bytes as u64).to_be_bytes());
            }
        }
        out.extend([1, 2, 3, 4]);
        out.resize(out.len() + payload_bytes, 0xff);
        out
    }

    fn walk(bytes: &[u8]) -> Result<(), Violation> {
        FrameWalk::default().feed(bytes)
    }

    #[test]
    fn a_stream_of_good_frames_passes_at_every_split_position() {
        let mut stream = Vec::new();
        for (first, payload_bytes) in [
            (FIN | 1, 0),
            (FIN | 1, 5),
            (1, 130),
            (FIN | 9, 3),
            (0, 0),
            (FIN, 200),
            (FIN | 10, 125),
            (FIN | 2, 300),
            (FIN | 8, 2),
        ] {
            stream.extend(frame(first, payload_bytes));
        }

        for split in 0..=stream.len() {
            let mut walk = FrameWalk::default();
            assert_eq!(walk.feed(&stream[..split]), Ok(()), "before {split}");
            assert_eq!(walk.feed(&stream[split..]), Ok(()), "after {split}");
            assert_eq!(
                (walk.header_bytes, walk.skip_bytes, walk.fragments),
                (0, 0, 0)
            );
        }
    }

    #[test]
    fn the_largest_frame_passes_and_one_byte_more_fails_at_its_header() {
        assert_eq!(walk(&frame(FIN | 1, 65_536)), Ok(()));

        let announced = &frame(FIN | 1, 65_537)[..10];
        assert_eq!(walk(&announced[..9]), Ok(()));
        assert_eq!(walk(announced), Err(Violation::TooBig));
    }

    #[test]
    fn a_gigabyte_is_refused_when_announced_at_every_split_position() {
        let mut head = vec![FIN | 1, 0x80 | 127];
        head.extend((1_u64 << 30).to_be_bytes());

        for split in 0..head.len() {
            let mut walk = FrameWalk::default();
            assert_eq!(walk.feed(&head[..split]), Ok(()));
            assert_eq!(walk.feed(&head[split..]), Err(Violation::TooBig), "{split}");
        }
    }

    #[test]
    fn lengths_that_overflow_are_too_big() {
        for length in [u64::MAX, 1 << 63, i64::MAX as u64] {
            let mut head = vec![1, 0x80 | 127];
            head.extend(length.to_be_bytes());
            assert_eq!(walk(&head), Err(Violation::TooBig), "{length}");
        }
    }

    #[test]
    fn a_fragmented_message_counts_as_one() {
        let mut within = frame(1, 60_000);
        within.extend(frame(FIN, 5_536));
        assert_eq!(walk(&within), Ok(()));

        let mut above = frame(1, 60_000);
        above.extend(&frame(FIN, 5_537)[..4]);
        assert_eq!(walk(&above), Err(Violation::TooBig));
    }

    #[test]
    fn endless_empty_fragments_are_cut() {
        let mut walk = FrameWalk::default();
        assert_eq!(walk.feed(&frame(1, 0)), Ok(()));
        for _ in 1..MAX_FRAGMENTS {
            assert_eq!(walk.feed(&frame(0, 0)), Ok(()));
        }

        assert_eq!(walk.feed(&frame(0, 0)), Err(Violation::TooBig));
    }

    #[test]
    fn broken_framing_is_a_protocol_error() {
        let cases: [(&str, Vec<u8>); 9] = [
            ("unmasked", vec![FIN | 1, 5]),
            ("reserved bit 1", vec![FIN | 0x40 | 1]),
            ("reserved bit 2", vec![FIN | 0x20 | 1]),
            ("reserved bit 3", vec![FIN | 0x10 | 1]),
            ("reserved data opcode", vec![FIN | 3]),
            ("reserved control opcode", vec![FIN | 11]),
            ("fragmented control frame", vec![9]),
            ("long control frame", vec![FIN | 9, 0x80 | 126, 0, 126]),
            ("continuation of nothing", vec![FIN]),
        ];
        for (name, bytes) in cases {
            assert_eq!(walk(&bytes), Err(Violation::Protocol), "{name}");
        }

        let mut second_start = frame(1, 1);
        second_start.extend(frame(1, 1));
        assert_eq!(walk(&second_start), Err(Violation::Protocol));
    }
}
