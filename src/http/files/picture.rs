//! Images that are shown in place: checked, encoded afresh without metadata, with smaller copies.
//!
//! The header tells the size before anything is decoded. Blocks, and takes up to 256 MiB: only on the pool.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::metadata::Orientation;
use image::{
    DynamicImage, ImageDecoder, ImageEncoder, ImageFormat, ImageReader, ImageResult, Limits,
};

use super::sniff::Picture;
use super::strip;
use crate::domain::file::ImageSize;

/// Pixels of the largest image.
const MAX_PIXELS: u64 = 25_000_000;
/// Pixels of all pictures of an animation: what a browser has to paint in one round.
const MAX_ANIMATED_PIXELS: u64 = 500_000_000;
/// Memory that decoding may take: 25 megapixels with four channels of two bytes, and some room.
const MAX_DECODED_BYTES: u64 = 256 << 20;
/// Longer edge of the two copies.
const THUMBNAIL: u32 = 300;
const THUMBNAIL2X: u32 = 600;
/// JPEG quality of what was JPEG, and of copies.
const QUALITY: u8 = 90;
const THUMBNAIL_QUALITY: u8 = 82;

/// An image ready to be stored.
#[derive(Debug)]
pub(super) struct Prepared {
    /// The image without its metadata.
    pub(super) bytes: Vec<u8>,
    /// Its size as it is shown.
    pub(super) size: ImageSize,
    /// A copy of at most 300 pixels, where it is larger.
    pub(super) thumbnail: Option<Vec<u8>>,
    /// A copy of at most 600 pixels, where it is larger.
    pub(super) thumbnail2x: Option<Vec<u8>>,
    /// The type of both copies.
    pub(super) thumbnail_type: &'static str,
}

/// Why an image is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfit {
    /// More pixels than we decode.
    #[error("an image of more than 25 megapixels")]
    TooManyPixels,
    /// It does not read.
    #[error("an image that cannot be read")]
    Broken,
}

/// Checks an image and makes what is stored of it.
///
/// # Errors
/// [`Unfit`].
pub(super) fn prepare(bytes: &[u8], picture: Picture) -> Result<Prepared, Unfit> {
    let decoded = decode(bytes, picture)?;
    let (width, height) = (decoded.image.width(), decoded.image.height());
    let shown = encode(bytes, picture, &decoded)?;
    let has_alpha = decoded.image.color().has_alpha();
    let copy = |edge| {
        (width.max(height) > edge)
            .then(|| small(&decoded.image.thumbnail(edge, edge), has_alpha))
            .transpose()
    };
    Ok(Prepared {
        bytes: shown,
        size: ImageSize { width, height },
        thumbnail: copy(THUMBNAIL)?,
        thumbnail2x: copy(THUMBNAIL2X)?,
        thumbnail_type: if has_alpha { "image/png" } else { "image/jpeg" },
    })
}

struct Decoded {
    image: DynamicImage,
    colours: Option<Vec<u8>>,
    is_turned: bool,
}

fn decode(bytes: &[u8], picture: Picture) -> Result<Decoded, Unfit> {
    let format = match picture {
        Picture::Png => ImageFormat::Png,
        Picture::Jpeg => ImageFormat::Jpeg,
        Picture::Webp => ImageFormat::WebP,
        Picture::Gif => ImageFormat::Gif,
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(broken)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(Unfit::TooManyPixels);
    }
    // Both are extras: an image without, or with broken ones, is shown as it is.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let colours = decoder.icc_profile().ok().flatten();
    let mut image = DynamicImage::from_decoder(decoder).map_err(broken)?;
    image.apply_orientation(orientation);
    Ok(Decoded {
        image,
        colours,
        is_turned: orientation != Orientation::NoTransforms,
    })
}

fn broken(error: image::ImageError) -> Unfit {
    match error {
        image::ImageError::Limits(_) => Unfit::TooManyPixels,
        image::ImageError::Decoding(_)
        | image::ImageError::Encoding(_)
        | image::ImageError::Parameter(_)
        | image::ImageError::Unsupported(_)
        | image::ImageError::IoError(_) => Unfit::Broken,
    }
}

fn encode(bytes: &[u8], picture: Picture, decoded: &Decoded) -> Result<Vec<u8>, Unfit> {
    let image = &decoded.image;
    let mut out = Vec::new();
    match picture {
        Picture::Gif => {
            let walked = strip::gif(bytes).ok_or(Unfit::Broken)?;
            let pixels = u64::from(image.width()) * u64::from(image.height());
            if pixels.saturating_mul(walked.frames) > MAX_ANIMATED_PIXELS {
                return Err(Unfit::TooManyPixels);
            }
            return Ok(walked.bytes);
        }
        // Encoding it afresh would lose the animation, and make it larger.
        Picture::Webp if !decoded.is_turned => return strip::webp(bytes).ok_or(Unfit::Broken),
        Picture::Webp => write(image, WebPEncoder::new_lossless(&mut out), decoded),
        Picture::Png => write(image, PngEncoder::new(&mut out), decoded),
        Picture::Jpeg => {
            let encoder = JpegEncoder::new_with_quality(&mut out, QUALITY);
            write(&opaque(image), encoder, decoded)
        }
    }
    .map_err(broken)?;
    Ok(out)
}

fn write(
    image: &DynamicImage,
    mut encoder: impl ImageEncoder,
    decoded: &Decoded,
) -> ImageResult<()> {
    if let Some(colours) = &decoded.colours {
        // Refused where the format has no place for it: the colours are nearly right without.
        drop(encoder.set_icc_profile(colours.clone()));
    }
    image.write_with_encoder(encoder)
}

fn small(image: &DynamicImage, has_alpha: bool) -> Result<Vec<u8>, Unfit> {
    let mut out = Vec::new();
    if has_alpha {
        image
            .to_rgba8()
            .write_with_encoder(PngEncoder::new(&mut out))
    } else {
        let encoder = JpegEncoder::new_with_quality(&mut out, THUMBNAIL_QUALITY);
        opaque(image).write_with_encoder(encoder)
    }
    .map_err(broken)?;
    Ok(out)
}

/// JPEG has eight bits a channel and no transparency.
fn opaque(image: &DynamicImage) -> DynamicImage {
    if image.color().has_color() {
        DynamicImage::ImageRgb8(image.to_rgb8())
    } else {
        DynamicImage::ImageLuma8(image.to_luma8())
    }
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage, Rgba, RgbaImage};

    use super::*;

    fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn wide() -> DynamicImage {
        RgbImage::from_pixel(700, 350, Rgb([9, 90, 200])).into()
    }

    fn size(bytes: &[u8]) -> (u32, u32) {
        let image = image::load_from_memory(bytes).unwrap();
        (image.width(), image.height())
    }

    /// A JPEG with an EXIF block that says it lies on its side, and where it was taken.
    fn turned() -> Vec<u8> {
        let plain = encoded(&wide(), ImageFormat::Jpeg);
        let exif =
            b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0SECRET PLACE";
        let mut bytes = plain[..2].to_vec();
        bytes.extend_from_slice(b"\xff\xe1");
        bytes.extend_from_slice(&u16::try_from(exif.len() + 2).unwrap().to_be_bytes());
        bytes.extend_from_slice(exif);
        bytes.extend_from_slice(&plain[2..]);
        bytes
    }

    #[test]
    fn each_format_comes_back_in_its_own_size_with_two_copies() {
        for (picture, format) in [
            (Picture::Png, ImageFormat::Png),
            (Picture::Jpeg, ImageFormat::Jpeg),
            (Picture::Webp, ImageFormat::WebP),
            (Picture::Gif, ImageFormat::Gif),
        ] {
            let ready = prepare(&encoded(&wide(), format), picture).unwrap();

            assert_eq!(image::guess_format(&ready.bytes).unwrap(), format);
            assert_eq!(size(&ready.bytes), (700, 350));
            assert_eq!(
                ready.size,
                ImageSize {
                    width: 700,
                    height: 350
                }
            );
            assert_eq!(size(&ready.thumbnail.unwrap()), (300, 150));
            assert_eq!(size(&ready.thumbnail2x.unwrap()), (600, 300));
        }
    }

    #[test]
    fn an_image_is_turned_upright_and_loses_its_metadata() {
        let given = turned();

        let ready = prepare(&given, Picture::Jpeg).unwrap();

        assert!(given.windows(6).any(|part| part == b"SECRET"));
        assert!(!ready.bytes.windows(6).any(|part| part == b"SECRET"));
        assert_eq!(
            ready.size,
            ImageSize {
                width: 350,
                height: 700
            }
        );
        assert_eq!(size(&ready.bytes), (350, 700));
    }

    #[test]
    fn a_small_image_has_no_copies_and_glass_stays_glass() {
        let glass: DynamicImage = RgbaImage::from_pixel(400, 10, Rgba([1, 2, 3, 40])).into();

        let ready = prepare(&encoded(&glass, ImageFormat::Png), Picture::Png).unwrap();

        assert_eq!(ready.thumbnail_type, "image/png");
        assert!(ready.thumbnail2x.is_none());
        let copy = image::load_from_memory(&ready.thumbnail.unwrap()).unwrap();
        assert_eq!(copy.to_rgba8().get_pixel(0, 0).0[3], 40);
    }

    #[test]
    fn a_bomb_is_refused_by_its_header() {
        // A PNG that announces 60,000 × 60,000 pixels and holds none of them.
        let mut bomb = encoded(&wide(), ImageFormat::Png);
        bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
        let mut sum = flate2::Crc::new();
        sum.update(&bomb[12..29]);
        bomb[29..33].copy_from_slice(&sum.sum().to_be_bytes());

        assert_eq!(
            prepare(&bomb, Picture::Png).unwrap_err(),
            Unfit::TooManyPixels
        );
    }

    #[test]
    fn what_only_begins_like_an_image_is_refused() {
        let png = encoded(&wide(), ImageFormat::Png);

        for (bytes, picture) in [
            (&png[..png.len() / 2], Picture::Png),
            (&b"GIF89a\x01\0\x01\0\0\0\0;"[..], Picture::Gif),
            (&b"\xff\xd8\xff\xe0 nothing"[..], Picture::Jpeg),
            (&b"RIFF\x04\0\0\0WEBP"[..], Picture::Webp),
        ] {
            assert_eq!(prepare(bytes, picture).unwrap_err(), Unfit::Broken);
        }
    }
}
